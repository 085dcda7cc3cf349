#!/usr/bin/env bash
# Real third-party tools and servers: builds or installs what this machine can, says loudly what it cannot, then runs test/peers/*.test.ts.
# Nothing listens on another address than loopback; Kubo calls nobody. Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/../.."

servers=(radosgw minio versitygw)
folder=$(mktemp -d)
stop() {
  if [ -d "$folder/$2" ]; then bash "test/peers/$1.sh" stop "$folder/$2" || echo "$2 could not be stopped" >&2; fi
}
finish() {
  for name in "${servers[@]}"; do stop "$name" "$name"; done
  stop kubo-daemon kubo
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

free_port() {
  npm exec -- node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

if kubo=$(bash test/peers/kubo.sh); then
  export PERDURE_KUBO="$kubo"
else
  echo 'SKIPPED: Kubo could not be built here (see above); CID parity with `ipfs add`, `ipfs dag import`, `ipfs pin remote` and a failing Kubo were not tested' >&2
fi

if settings=$(bash test/peers/kubo-daemon.sh start "$folder/kubo" "$(free_port)"); then
  while IFS='=' read -r key value; do export "PERDURE_$key=$value"; done <<< "$settings"
else
  echo 'SKIPPED: no Kubo daemon runs here (see above); the Kubo vault was not tested on it' >&2
fi

for kind in packaged current; do
  if settings=$(bash test/peers/age.sh "$kind"); then
    while IFS='=' read -r key value; do export "PERDURE_${key}_${kind^^}=$value"; done <<< "$settings"
  else
    echo "SKIPPED: the $kind age is not to be had here (see above); sealed files were not opened with it" >&2
  fi
done

if settings=$(bash test/peers/xattr.sh); then
  export PERDURE_FS_XATTR="${settings#FS_XATTR=}"
else
  echo 'SKIPPED: fs-xattr could not be compiled here (see above); extended attributes of real files were not tested' >&2
fi

if settings=$(bash test/peers/pinning-compliance.sh); then
  export "PERDURE_$settings"
else
  echo 'SKIPPED: the compliance checker of the Pinning Service API could not be installed here (see above)' >&2
fi

if settings=$(bash test/peers/arlocal.sh); then
  export "PERDURE_$settings"
else
  echo 'SKIPPED: arlocal could not be installed here (see above); the Arweave vault was tested on the fake alone' >&2
fi

for name in "${servers[@]}"; do
  if settings=$(bash "test/peers/$name.sh" start "$folder/$name" "$(free_port)"); then
    upper=$(tr '[:lower:]' '[:upper:]' <<< "$name")
    while IFS='=' read -r key value; do export "PERDURE_S3_${upper}_${key#S3_}=$value"; done <<< "$settings"
  else
    echo "SKIPPED: $name does not run here (see above); the S3 vault was not tested on it" >&2
  fi
done

PERDURE_PEERS=1 npm exec -- vitest run "$@"
