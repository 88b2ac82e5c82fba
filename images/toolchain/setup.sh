# shellcheck shell=sh
# Before anything is installed: what dpkg leaves out, and how it writes. mmdebstrap runs this with the new root as $1.
# (Its own option --dpkgopt would do the same, and take 9 s more: it then passes every package through a filter.)
set -eu
cd "$1"
mkdir -p etc/dpkg/dpkg.cfg.d
cat >etc/dpkg/dpkg.cfg.d/toolchain <<'END'
# Licences stay; manuals, translations and a debugger of the compiler itself (32 MB) do not.
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/bin/*-lto-dump-*
END
# Nobody needs half of this root after a crash.
echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/unsafe
# No service of a package starts (invoke-rc.d(8)). mmdebstrap would take its own such file away too late.
mkdir -p usr/sbin
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
: >.begun
