#!/usr/bin/env bash
# Builds Kubo with the machine's own Go and prints the path of the binary. Kept in the user's cache, so only the first run takes minutes.
set -euo pipefail
version=v0.39.0
# Kubo's own pin of this one does not compile with Go 1.26.
swiss=github.com/cockroachdb/swiss@v0.0.0-20260820225851-333444432258
cache="${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/kubo-$version"
if [ ! -x "$cache/ipfs" ]; then
  command -v go > /dev/null || { echo 'no Go on this machine' >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  # Built in a copy of its own module: `go install` asks for the list of all versions, which not every proxy answers.
  source=$(go mod download -json "github.com/ipfs/kubo@$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
  cp -r "$source" kubo && chmod -R u+w kubo && cd kubo
  { go get "$swiss" && timeout 1500 go build -o "$work/ipfs" ./cmd/ipfs; } >&2
  mkdir -p "$cache"
  mv "$work/ipfs" "$cache/ipfs"
fi
echo "$cache/ipfs"
