#!/usr/bin/env bash
# A throwaway MinIO on loopback, built from its own source.
#   minio.sh start DIR PORT   prints S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY when it answers
#   minio.sh stop DIR
set -euo pipefail
verb=${1:?start or stop} dir=${2:?a folder} port=${3:-9000}

stop() {
  [[ -f $dir/minio.pid ]] || return 0
  pid=$(<"$dir/minio.pid"); kill "$pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/minio.pid"
}
if [[ $verb == stop ]]; then stop; exit 0; fi

# MinIO tags its releases with dates, which are no semantic versions: this is the last commit of its public source.
binary=$(bash "$(dirname "$0")/go-build.sh" minio github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c .)
mkdir -p "$dir/disk"
export MINIO_ROOT_USER=perdure MINIO_ROOT_PASSWORD=perdure-secret MINIO_BROWSER=off MINIO_UPDATE=off
"$binary" server --quiet --address "127.0.0.1:$port" "$dir/disk" > "$dir/minio.out" 2>&1 & pid=$!
echo "$pid" > "$dir/minio.pid"
for _ in $(seq 300); do
  curl -sf -o /dev/null "http://127.0.0.1:$port/minio/health/ready" && break
  kill -0 "$pid" 2>/dev/null || { tail -3 "$dir/minio.out" >&2; exit 1; }
  sleep 0.1
done
printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_ACCESS_KEY=perdure\nS3_SECRET_KEY=perdure-secret\n' "$port"
