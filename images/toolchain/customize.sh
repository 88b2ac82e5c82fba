# shellcheck shell=sh
# After all packages: takes out what is of no use in an image, what could raise rights, and what differs from run to run.
set -eu
cd "$1"

# No program of the image gives its caller the rights of somebody else.
find . -xdev -perm /6000 ! -type l -exec chmod a-s {} +

# Essential packages were unpacked before dpkg knew what to leave out.
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian/*
find usr/share/doc ! -type d ! -name copyright -path 'usr/share/doc/*/*' -delete
find usr/share/doc -mindepth 1 -type d -empty -delete

# Nothing of the machine that made it. Engines put files of their own over these three.
: >etc/hostname
: >etc/resolv.conf
printf '127.0.0.1 localhost\n::1 localhost\n' >etc/hosts
rm -f etc/machine-id var/lib/dbus/machine-id
# The day of the last change of a password that is not there.
[ ! -e etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\1:1:/' etc/shadow
rm -f etc/shadow- etc/passwd- etc/group- etc/gshadow-

# What installing left behind. mmdebstrap would do the same later, and so change times again.
rm -f usr/sbin/policy-rc.d etc/dpkg/dpkg.cfg.d/unsafe etc/apt/apt.conf.d/00mmdebstrap etc/apt/apt.conf.d/99mmdebstrap
rm -rf var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old var/cache/ldconfig/* var/lib/dpkg/*-old var/lib/dpkg/lock*
find run tmp -xdev -mindepth 1 -delete
find var/log -type f -delete

# What was written now and did not come out of a package gets a fixed time.
begun=$(stat -c %Y .begun)
rm .begun
find . -xdev \( -path ./dev -o -path ./proc -o -path ./sys \) -prune -o -newermt "@$((begun - 1))" -exec touch -h -d @0 {} +
