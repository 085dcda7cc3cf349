#!/usr/bin/env bash
# arlocal, a local Arweave by other hands, installed from its own lockfile into the user's cache. Of all install scripts only that of sqlite3 runs,
# and it compiles: what it would fetch otherwise is a binary from the web.
# Prints ARLOCAL, the folder of the package; why there is none goes to stderr.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lock=$(cksum < "$here/arlocal/package-lock.json" | cut -d ' ' -f 1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/arlocal-$lock
if [ ! -e "$folder/done" ]; then
  for tool in make g++ python3; do
    command -v "$tool" > /dev/null || { echo "no $tool on this machine, and sqlite3 has to be compiled for arlocal" >&2; exit 1; }
  done
  # Two steps, so that a compiler that fails does not cost the packages again.
  if [ ! -e "$folder/installed" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$here"/arlocal/package*.json "$folder"
    (cd "$folder" && timeout 1500 npm ci --ignore-scripts --no-audit --no-fund) >&2 || { echo 'the packages of arlocal could not be installed' >&2; exit 1; }
    touch "$folder/installed"
  fi
  cd "$folder"
  timeout 900 npm rebuild sqlite3 --ignore-scripts=false --build-from-source --foreground-scripts > sqlite3.log 2>&1 || true
  [ -f node_modules/sqlite3/build/Release/node_sqlite3.node ] || { tail -n 20 sqlite3.log >&2; echo 'sqlite3 could not be compiled' >&2; exit 1; }
  touch done
fi
echo "ARLOCAL=$folder/node_modules/arlocal"
