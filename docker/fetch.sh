#!/bin/sh
# Fetches BVLC Caffe's source (upstream git 99bd997), checks it and unpacks it: fetch.sh FOLDER [PLACE [SHA256]]
# PLACE is where it lies: a URL of a tarball, or of a folder with Debian's; empty tries, in this order, docker/source/ of
# the checkout, the pool of the mirror that the image's apt uses, and Debian's archive of past releases. A tarball of
# other packing, such as the one that GitHub makes of that commit, has a SHA256 of its own, which has to be given.
set -eu
folder=$1 place=${2-} sha256=${3:-e0eb3f06794f7402c77b7dec8e8480273ee1a1bb192e9122b621a69d4147ad0c}
name=caffe_1.0.0+git20180821.99bd997.orig.tar.gz
pool=pool/main/c/caffe
mirror=$(sed -n "/^URIs: */{s///;p;q}" /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
case $place in
  '') places="${mirror%/}/$pool/$name http://archive.debian.org/debian/$pool/$name" ;;
  *.tar.gz | *.tgz) places=$place ;;
  *) places=${place%/}/$name ;;
esac

tarball=$(mktemp)
own=$(find "$(dirname "$0")/source" -name '*.tar.gz' 2>/dev/null | head -n 1)
if [ -z "$place" ] && [ -n "$own" ]; then
  cp "$own" "$tarball"
  places=$own
else
  for url in $places; do
    /usr/lib/apt/apt-helper download-file "$url" "$tarball" && break
    echo "fetch.sh: not at $url" >&2
  done
fi
if ! echo "$sha256  $tarball" | sha256sum --check --quiet; then
  echo "fetch.sh: no source with the SHA-256 $sha256 at: $places; give CAFFE_SOURCE, or put $name in docker/source" >&2
  exit 1
fi

mkdir "$folder"
tar -xzf "$tarball" -C "$folder" --no-same-owner
rm "$tarball"
# GitHub's tarballs have everything in one folder, Debian's has nothing around it.
if [ "$(find "$folder" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]; then
  mv "$folder"/* "$folder.inner" && rmdir "$folder" && mv "$folder.inner" "$folder"
fi
