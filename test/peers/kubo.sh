#!/usr/bin/env bash
# Builds Kubo and prints the path of the binary.
set -euo pipefail
# Kubo's own pin of swiss does not compile with Go 1.26.
exec bash "$(dirname "$0")/go-build.sh" ipfs github.com/ipfs/kubo v0.39.0 ./cmd/ipfs github.com/cockroachdb/swiss@v0.0.0-20260820225851-333444432258
