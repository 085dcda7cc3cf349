#!/usr/bin/env bash
# A throwaway Ceph S3 server on loopback: one monitor, one in-memory OSD, one radosgw. About 13 s, 220 MB.
#   radosgw.sh start DIR PORT   prints S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY when it answers
#   radosgw.sh stop DIR
# Debian packages: ceph-mon ceph-osd radosgw ceph-common, installed when they are not there and this is root.
set -euo pipefail
verb=${1:?start or stop} dir=${2:?a folder} port=${3:-7480}

stop() { # radosgw first: it ignores SIGTERM once its cluster is gone
  for who in rgw osd mon; do
    [[ -f $dir/$who.pid ]] || continue
    pid=$(<"$dir/$who.pid"); kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$dir/$who.pid"
  done
}
if [[ $verb == stop ]]; then stop; exit 0; fi

if ! command -v radosgw > /dev/null; then
  [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null || { echo 'radosgw is not installed, and only root on Debian can do that here' >&2; exit 1; }
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw ceph-common; } >&2
fi

mkdir -p "$dir"/{mon,osd,rgw,run}
mon="[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" fsid=$(</proc/sys/kernel/random/uuid) conf=$dir/ceph.conf
cat > "$conf" <<CONF
[global]
fsid = $fsid
mon host = $mon
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
public addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $dir/keyring
run dir = $dir/run
admin socket = $dir/run/\$name.sock
log file = $dir/\$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon warn on insecure global id reclaim allowed = false
[mon.a]
mon data = $dir/mon
[osd.0]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 8589934592
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw data = $dir/rgw
rgw thread pool size = 32
# What was deleted leaves the memory soon, not after two hours.
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw gc processor max time = 2
CONF
{
  monmaptool --create --fsid "$fsid" --addv a "$mon" "$dir/monmap"
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
  for name in client.admin client.rgw osd.0; do
    ceph-authtool "$dir/keyring" --gen-key -n "$name" --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  done
  ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring"
} > "$dir/setup.out" 2>&1
ceph-mon -c "$conf" -i a -f > "$dir/mon.out" 2>&1 & echo $! > "$dir/mon.pid"
osd=$(</proc/sys/kernel/random/uuid)
ceph -c "$conf" osd new "$osd" >> "$dir/setup.out" 2>&1
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" >> "$dir/setup.out" 2>&1
ceph -c "$conf" osd crush add osd.0 1.0 root=default host=localhost >> "$dir/setup.out" 2>&1 || true
ceph-osd -c "$conf" -i 0 -f > "$dir/osd.out" 2>&1 & echo $! > "$dir/osd.pid"
radosgw -c "$conf" -n client.rgw -f > "$dir/rgw.out" 2>&1 & echo $! > "$dir/rgw.pid"
for _ in $(seq 300); do
  curl -s -o /dev/null "http://127.0.0.1:$port/" && break
  kill -0 "$(<"$dir/rgw.pid")" 2>/dev/null || { tail -3 "$dir/rgw.out" >&2; exit 1; }
  sleep 0.1
done
radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test --access-key=AK --secret-key=SK >> "$dir/setup.out" 2>&1
printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_ACCESS_KEY=AK\nS3_SECRET_KEY=SK\n' "$port"
