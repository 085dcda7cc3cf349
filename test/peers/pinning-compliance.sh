#!/usr/bin/env bash
# The compliance checker of the Pinning Service API, installed from its own lockfile and without install scripts (one of them would fetch a Kubo).
# It takes the specification from the web; it is told to take it from the file in $PINNING_SPEC.
# Prints PINNING_COMPLIANCE, the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lock=$(cksum < "$here/pinning-compliance/package-lock.json" | cut -d ' ' -f 1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/pinning-compliance-$lock
program=$folder/node_modules/@ipfs-shipyard/pinning-service-compliance/dist/src/index.js
if [ ! -e "$folder/done" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$here"/pinning-compliance/package*.json "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >&2
  constants=$(dirname "$program")/utils/constants.js
  sed -i 's|^const specLocation = .*|const specLocation = process.env.PINNING_SPEC;|' "$constants"
  grep -q PINNING_SPEC "$constants" || { echo "where the checker takes the specification from has moved: $constants" >&2; exit 1; }
  touch "$folder/done"
fi
echo "PINNING_COMPLIANCE=$program"
