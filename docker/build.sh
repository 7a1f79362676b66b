#!/usr/bin/env bash
# Builds an image with docker or, where no engine runs, with buildah: docker/build.sh FILE TARGET TAG [ARGUMENT…]
# where FILE is a Dockerfile in this folder and each ARGUMENT goes to the builder (--build-arg NAME=VALUE).
set -euo pipefail
cd "$(dirname "$0")/.."
file=docker/$1 target=$2 tag=$3
shift 3

if docker info >/dev/null 2>&1; then
  exec docker build --file "$file" --target "$target" --tag "$tag" "$@" .
fi
if ! command -v buildah >/dev/null; then
  echo "$0: neither a running docker nor buildah is here; install one of them" >&2
  exit 2
fi
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
docker/base.sh
# The stage that compiles gets a name of its own, so that pruning what is stale leaves it for the next build.
if grep -q "AS $target-build$" "$file"; then
  buildah build --layers --file "$file" --target "$target-build" --tag "$tag-build" "$@" .
fi
buildah build --layers --file "$file" --target "$target" --tag "$tag" "$@" .
buildah rmi --prune >/dev/null 2>&1 || true # what a container still uses stays
