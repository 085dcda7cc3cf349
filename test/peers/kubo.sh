#!/usr/bin/env bash
# Builds Kubo with the machine's own Go and prints the path of the binary. Kept in the user's cache, so only the first run takes minutes.
set -euo pipefail
version=v0.39.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/kubo-$version"
if [ ! -x "$cache/ipfs" ]; then
  command -v go > /dev/null || { echo 'no Go on this machine' >&2; exit 1; }
  mkdir -p "$cache/src"
  cd "$cache/src"
  printf 'module peers\n\ngo 1.25\n\nrequire github.com/ipfs/kubo %s\n' "$version" > go.mod
  printf '//go:build tools\n\npackage peers\n\nimport _ "github.com/ipfs/kubo/cmd/ipfs"\n' > tools.go
  # A module of our own: `go install` asks for the list of all versions, which not every proxy answers.
  GOFLAGS=-mod=mod timeout 1500 go build -o "$cache/ipfs" github.com/ipfs/kubo/cmd/ipfs >&2
fi
echo "$cache/ipfs"
