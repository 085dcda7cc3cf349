#!/usr/bin/env bash
# Real third-party tools and servers: builds or installs what this machine can, says loudly what it cannot, then runs test/peers/*.test.ts.
# Nothing listens on another address than 127.0.0.1; Kubo is used offline, without a daemon.
set -euo pipefail
cd "$(dirname "$0")/../.."

if kubo=$(bash test/peers/kubo.sh); then
  export PERDURE_KUBO="$kubo"
else
  echo 'SKIPPED: Kubo could not be built here (see above); CID parity with `ipfs add` and `ipfs dag import` were not tested' >&2
fi
PERDURE_PEERS=1 npm exec -- vitest run
