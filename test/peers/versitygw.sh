#!/usr/bin/env bash
# A throwaway Versity S3 gateway on loopback, over a plain folder; built from its own source. The folder's file system must take extended attributes.
#   versitygw.sh start DIR PORT   prints S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY when it answers
#   versitygw.sh stop DIR
set -euo pipefail
verb=${1:?start or stop} dir=${2:?a folder} port=${3:-7070}

stop() {
  [[ -f $dir/versitygw.pid ]] || return 0
  pid=$(<"$dir/versitygw.pid"); kill "$pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/versitygw.pid"
}
if [[ $verb == stop ]]; then stop; exit 0; fi

binary=$(bash "$(dirname "$0")/go-build.sh" versitygw github.com/versity/versitygw v1.8.0 ./cmd/versitygw)
mkdir -p "$dir/objects" "$dir/versions"
"$binary" --port "127.0.0.1:$port" --access perdure --secret perdure-secret --region us-east-1 \
  posix --versioning-dir "$dir/versions" "$dir/objects" > "$dir/versitygw.out" 2>&1 & pid=$!
echo "$pid" > "$dir/versitygw.pid"
for _ in $(seq 100); do
  curl -s -o /dev/null "http://127.0.0.1:$port/" && break
  kill -0 "$pid" 2>/dev/null || { tail -3 "$dir/versitygw.out" >&2; exit 1; }
  sleep 0.1
done
printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_ACCESS_KEY=perdure\nS3_SECRET_KEY=perdure-secret\n' "$port"
