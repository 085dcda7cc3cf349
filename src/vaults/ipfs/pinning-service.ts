/**
 * A vault at an IPFS pinning service (https://ipfs.github.io/pinning-services-api-spec/): a replica is a pin of the DAG under a pack's root, and its
 * locator `ipfs:<root>`. What the service says is a claim; only bytes from its own gateway or nodes are evidence.
 */

import type { CID } from 'multiformats/cid'
import { pause } from '../../bytes/pause.ts'
import type { AbortOptions, Dag, Pack, Vault, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { admit } from '../body.ts'
import { trustlessGateway } from './gateway/client.ts'
import { type PinningClient, pinningClient } from './pinning/client.ts'
import { limitedFetch } from './pinning/limited-fetch.ts'
import { type PinningServiceOptions, placeOf, profileOf } from './pinning/options.ts'
import { peersOf } from './pinning/peers.ts'
import type { PinStatus } from './pinning/pins.ts'
import { type Bringing, claim, pull } from './pinning/pull.ts'
import { pushCar } from './pinning/push.ts'
import { sourceOf } from './pinning/read-source.ts'
import { locatorOf, requestsFor, rootIn, standingOf } from './pinning/requests.ts'

export type { PinningServiceOptions } from './pinning/options.ts'
export type { PinningPresetName } from './pinning/presets.ts'

const PATIENCE_MS = 5 * 60_000

/**
 * Nothing is asked before the first call. The DAG goes as one CAR where the service takes that, else the service pulls it from a node of ours, which
 * serves it until the service says pinned. Packs of one root share a pin; index packs and packs without a DAG are `unsupported`.
 */
export function pinningService(options: PinningServiceOptions): Vault {
  const place = placeOf(options)
  const { id, pushUrl } = place
  const { token, fetch: given = fetch, origins = [], patienceMs = PATIENCE_MS, wait = pause, allowPrivate = false } = options
  const client = pinningClient({ id, endpoint: place.endpoint, token, fetch: limitedFetch(given) })
  const gateway = typeof options.gateway === 'string' ? trustlessGateway(options.gateway, { allowPrivate }) : options.gateway
  const peers = peersOf(id, options)
  const profile = profileOf(place, options)
  const source = sourceOf({ gateway, peers, onlyIfCached: options.onlyIfCached ?? false })
  const ask = (root: CID, { signal }: AbortOptions) => requestsFor(client, root, { signal })

  const bring = async (dag: Dag, { signal, onProgress }: VaultPutOptions): Promise<PinStatus> => {
    const bringing: Bringing = { id, client, peers, origins, patienceMs, wait, signal, onProgress }
    if (pushUrl === undefined) return pull(dag, bringing)
    await pushCar(dag, { id, url: pushUrl, token, fetch: given, signal, onProgress })
    return (await ask(dag.root, { signal })).find(({ status }) => status === 'pinned') ?? claim(dag, bringing)
  }

  return {
    profile,
    async open({ signal } = {}) {
      for await (const _ of client.list({ limit: 1 }, { signal })) break
      return profile
    },
    async put(pack, putOptions = {}) {
      const { signal, replace = false } = putOptions
      admit(profile, pack)
      assertDag(id, pack)
      const before = await ask(pack.root, { signal })
      if (standingOf(before) === 'held' && !replace) return locatorOf(pack.root)
      const { requestid } = await bring(await pack.dag({ signal }), putOptions)
      await removeAll(
        client,
        before.filter((other) => other.requestid !== requestid),
        { signal },
      )
      return locatorOf(pack.root)
    },
    async locate(_name, { signal, kind, root } = {}) {
      if (kind === 'index' || root === undefined) return undefined
      return standingOf(await ask(root, { signal })) === 'held' ? locatorOf(root) : undefined
    },
    status: async (at, { signal } = {}) => standingOf(await ask(rootIn(id, at), { signal })),
    async *read(at, { cid }, { signal, audit = false } = {}) {
      const root = rootIn(id, at)
      const delegates = async () => (await ask(root, {})).flatMap((request) => request.delegates)
      if (gateway) return yield await gateway.block(cid, { signal, onlyIfCached: audit && (await source.isOwnOnly()) })
      yield await peers.fetch(cid, delegates, { signal })
    },
    readsFrom: () => source.words(),
    async remove(at, { signal } = {}) {
      await removeAll(client, await ask(rootIn(id, at), { signal }), { signal })
    },
    close: () => peers.close(),
  }
}

function assertDag(id: string, pack: Pack): asserts pack is Pack & Required<Pick<Pack, 'dag'>> {
  if (pack.kind === 'index')
    throw new VaultError('unsupported', id, 'index packs are found by name, which pins are not; keep them in other vaults')
  if (!pack.dag) throw new VaultError('unsupported', id, 'a pack without its DAG; hand in one of an archive')
}

async function removeAll(client: PinningClient, requests: readonly PinStatus[], options: AbortOptions): Promise<void> {
  for (const { requestid } of requests) await client.remove(requestid, options)
}
