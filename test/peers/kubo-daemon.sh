#!/usr/bin/env bash
# A throwaway Kubo daemon on loopback that calls nobody, built from its own source.
#   kubo-daemon.sh start DIR PORT   prints KUBO_API, KUBO_GATEWAY, KUBO_REPO and KUBO_PEER when it answers; a folder that has a repository keeps it
#   kubo-daemon.sh stop DIR
# With KUBO_AUTH=user:password only that user is let in.
set -euo pipefail
verb=${1:?start or stop} dir=${2:?a folder} port=${3:-5001}

stop() {
  [[ -f $dir/kubo.pid ]] || return 0
  pid=$(<"$dir/kubo.pid"); kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/kubo.pid"
}
if [[ $verb == stop ]]; then stop; exit 0; fi

binary=${PERDURE_KUBO:-$(bash "$(dirname "$0")/kubo.sh")}
mkdir -p "$dir/repo"
export IPFS_PATH="$dir/repo" IPFS_TELEMETRY=off
if [[ ! -f $IPFS_PATH/config ]]; then
  "$binary" init --empty-repo --profile=test > "$dir/kubo.out" 2>&1 || { tail -3 "$dir/kubo.out" >&2; exit 1; }
  set_json() { "$binary" config --json "$1" "$2"; }
  set_json Addresses.API "\"/ip4/127.0.0.1/tcp/$port\""
  set_json Addresses.Gateway '"/ip4/127.0.0.1/tcp/0"'
  set_json Addresses.Swarm '["/ip4/127.0.0.1/tcp/0"]'
  set_json Bootstrap '[]'
  set_json AutoConf.Enabled false
  set_json AutoTLS.Enabled false
  set_json DNS.Resolvers '{}'
  set_json Routing '{"Type": "none", "DelegatedRouters": []}'
  set_json Ipns.DelegatedPublishers '[]'
  set_json Provide.Enabled false
  set_json Discovery.MDNS.Enabled false
  set_json Swarm.DisableNatPortMap true
  set_json Swarm.RelayClient.Enabled false
  set_json Swarm.RelayService.Enabled false
  set_json Swarm.EnableHolePunching false
  set_json Plugins.Plugins.telemetry '{"Disabled": true}'
  set_json Gateway.NoFetch true
  if [[ -n ${KUBO_AUTH:-} ]]; then
    set_json API.Authorizations "{\"perdure\": {\"AuthSecret\": \"basic:$KUBO_AUTH\", \"AllowedPaths\": [\"/api/v0\"]}}"
  fi
fi
rm -f "$IPFS_PATH/api" "$IPFS_PATH/gateway"
"$binary" daemon > "$dir/kubo.out" 2>&1 & pid=$!
echo "$pid" > "$dir/kubo.pid"
ask=(curl -sf -X POST ${KUBO_AUTH:+-u "$KUBO_AUTH"})
for _ in $(seq 300); do
  id=$("${ask[@]}" "http://127.0.0.1:$port/api/v0/id" 2>/dev/null) && [[ -f $IPFS_PATH/gateway ]] && break
  kill -0 "$pid" 2>/dev/null || { tail -3 "$dir/kubo.out" >&2; exit 1; }
  sleep 0.1
done
peer=$(grep -o '/ip4/127.0.0.1/tcp/[0-9]*/p2p/[A-Za-z0-9]*' <<< "${id:-}" | head -1)
[[ -n $peer ]] || { echo 'it never answered' >&2; tail -3 "$dir/kubo.out" >&2; stop; exit 1; }
printf 'KUBO_API=http://127.0.0.1:%s\nKUBO_GATEWAY=%s\nKUBO_REPO=%s\nKUBO_PEER=%s\n' "$port" "$(<"$IPFS_PATH/gateway")" "$IPFS_PATH" "$peer"
