#!/usr/bin/env bash
# Makes the untouched oracle: a Debian bullseye root with the distribution's own Caffe 1.0 (CPU) in it.
#   docker/oracle.sh DIR [MIRROR]      then: chroot DIR caffe …; the tests take FTCAFFE_ORACLE=DIR
# MIRROR: default this machine's; http://archive.debian.org/debian once bullseye has moved there. Run as root.
# Does nothing when DIR is there; DIR appears only when it is whole.
set -euo pipefail
cd "$(dirname "$0")/.."
oracle=$1
[ -e "$oracle" ] && exit 0
mirror=${2:-$(docker/mirror.sh)}

part=$oracle.part
rm -rf "$part"
mkdir -p "$part"
debootstrap --variant=minbase bullseye "$part" "$mirror"
chroot "$part" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y --no-install-recommends caffe python3-caffe libopenblas0-pthread
chroot "$part" apt-get clean
chroot "$part" python3 -c 'import caffe; print("caffe", caffe.__version__)'
mv "$part" "$oracle"
