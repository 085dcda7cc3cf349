#!/usr/bin/env bash
# Builds one Go program with the machine's own Go and prints the path of the binary:
#   go-build.sh NAME MODULE VERSION PACKAGE [DEPENDENCY@VERSION]
# The dependency is one whose own pin does not compile here.
# Kept in the user's cache, so only the first run takes minutes.
set -euo pipefail
name=${1:?name} module=${2:?module} version=${3:?version} package=${4:?package} dependency=${5:-}
cache="${XDG_CACHE_HOME:-$HOME/.cache}/perdure-peers/$name-$version"
if [ ! -x "$cache/$name" ]; then
  command -v go > /dev/null || { echo 'no Go on this machine' >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  # Built in a copy of its own module: `go install` asks for the list of all versions, which not every proxy answers.
  json=$(go mod download -json "$module@$version") || { sed -n 's/^\t"Error": //p' <<< "$json" >&2; exit 1; }
  cp -r "$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<< "$json")" source && chmod -R u+w source && cd source
  if [ -n "$dependency" ]; then go get "$dependency" >&2; fi
  CGO_ENABLED=0 GOFLAGS=-mod=mod timeout 1500 nice go build -trimpath -ldflags='-s -w' -o "$work/$name" "$package" >&2
  mkdir -p "$cache"
  mv "$work/$name" "$cache/$name"
fi
echo "$cache/$name"
