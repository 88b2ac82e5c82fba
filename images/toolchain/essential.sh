# shellcheck shell=sh
# After the essential packages: puts in node-css-loader without what it depends on. Debian's npm needs two small modules out
# of this package (node-postcss-selector-parser and what that needs); its dependencies would bring webpack, babel, eslint and
# 200 further packages, 70 MB. dpkg and apt see a package in good order.
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$1/tmp"
case $(apt-cache policy node-css-loader | sed -n 's/^  Candidate: //p') in
  6.7.* | 6.8.*) ;;
  *) exit 0 ;; # Another release: what npm needs of it is not known.
esac
apt-get -qq -o APT::Sandbox::User=root download node-css-loader
dpkg-deb -R node-css-loader_*.deb part
sed -i -e 's/^Depends:.*/Recommends: node-cssesc, node-util-deprecate/' -e 's/^Version:.*/&+toolchain/' part/DEBIAN/control
dpkg-deb --root-owner-group -Znone -b part part.deb >/dev/null
chroot "$1" dpkg --install /tmp/part.deb
rm -r part part.deb node-css-loader_*.deb
