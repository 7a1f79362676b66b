#!/usr/bin/env bash
# Makes docker.io/library/debian:bookworm-slim in buildah's store by debootstrap, laid out as the official image is.
# For a machine that reaches a Debian mirror and no image registry. Run as root; does nothing when the image is there.
set -euo pipefail
image=docker.io/library/debian:bookworm-slim
buildah inspect --type image "$image" >/dev/null 2>&1 && exit 0

mirror=$("$(dirname "$0")/mirror.sh")
security=$("$(dirname "$0")/mirror.sh" security)

container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
root=$(buildah mount "$container")
debootstrap --variant=minbase bookworm "$root" "$mirror"

rm -f "$root/etc/apt/sources.list"
for stanza in "$mirror|bookworm bookworm-updates" "$security|bookworm-security"; do
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
    "${stanza%|*}" "${stanza#*|}" /usr/share/keyrings/debian-archive-keyring.gpg
done >"$root/etc/apt/sources.list.d/debian.sources"

# No service starts while an image is built, and no package cache, translation or documentation stays in it.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
cat >"$root/etc/apt/apt.conf.d/docker" <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
CONF
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'CONF'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
path-exclude=/usr/share/man/*
CONF
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -r {} +
find "$root/usr/share/info" "$root/usr/share/man" -mindepth 1 -delete
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
find "$root/var/log" "$root/var/cache/ldconfig" -type f -delete

buildah umount "$container" >/dev/null
buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit "$container" "$image"
