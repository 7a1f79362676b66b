#!/usr/bin/env bash
# Prints the Debian mirror that this machine's apt uses; with the argument "security", that of its security suite.
set -euo pipefail
uris=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null || true)
if [ "${1-}" = security ]; then
  uri=$(awk '$2 ~ /-security$/ {print $1; exit}' <<<"$uris")
  uri=${uri:-http://deb.debian.org/debian-security}
else
  uri=$(awk '$2 !~ /-/ && $1 ~ /\/debian\/?$/ {print $1; exit}' <<<"$uris")
  uri=${uri:-http://deb.debian.org/debian}
fi
echo "${uri%/}"
