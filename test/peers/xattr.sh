#!/usr/bin/env bash
# The npm package fs-xattr, compiled on this machine: a dependency of nobody here, since `npm ci` must pass without a compiler.
# Kept in the user's cache. getfattr and setfattr beside it: Debian's package is installed when they are not there and this is root.
# Prints FS_XATTR, the folder of the package; what is missing goes to stderr.
set -euo pipefail
version=0.4.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/fs-xattr-$version"
package=node_modules/fs-xattr
if [ ! -f "$cache/$package/index.js" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  timeout 600 nice npm install --prefix "$work" --no-audit --no-fund --no-save --ignore-scripts=false "fs-xattr@$version" >&2
  [ -f "$work/$package/build/Release/xattr.node" ] || { echo 'fs-xattr was not compiled' >&2; exit 1; }
  mkdir -p "$(dirname "$cache")"
  rm -rf "$cache"
  mv "$work" "$cache"
fi
if ! command -v getfattr > /dev/null && [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends attr; } >&2 || true
fi
if command -v getfattr > /dev/null; then getfattr --version >&2; else echo 'getfattr and setfattr are not installed' >&2; fi
echo "FS_XATTR=$cache/$package"
