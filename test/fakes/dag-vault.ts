/** A vault that keeps DAGs: blocks by CID, pins by root, and a garbage collection that keeps what pins reach. */
import { CarReader } from '@ipld/car'
import { decode } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import type { Vault, VaultProfile } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'

export interface DagKeeper {
  readonly vault: Vault
  readonly blocks: Map<string, Uint8Array>
  readonly pins: Set<string>
  /** CARs that came, as they came. */
  readonly pushes: { readonly root: string; readonly car: Uint8Array }[]
  readonly unpinned: string[]
  /** Called with each push before it is taken. */
  onPush: (() => Promise<void>) | undefined
}

const DAG_PB = 0x70

export function dagKeeper(given: Partial<VaultProfile> = {}): DagKeeper {
  const blocks = new Map<string, Uint8Array>()
  const pins = new Set<string>()
  const pushes: { root: string; car: Uint8Array }[] = []
  const profile: VaultProfile = {
    id: 'ipfs',
    network: 'ipfs',
    operator: 'somebody',
    term: 'standing',
    canForget: false,
    paid: false,
    cold: false,
    addressing: 'cid',
    ...given,
  }
  const keeper: DagKeeper = {
    blocks,
    pins,
    pushes,
    unpinned: [],
    onPush: undefined,
    vault: {
      profile,
      open: async () => profile,
      async put(pack, { signal, replace } = {}) {
        const at = `ipfs:${pack.root}`
        if (pins.has(`${pack.root}`) && !replace) return at
        const dag = await pack.dag?.({ signal })
        if (!dag) throw new VaultError('unsupported', profile.id, 'a pack without its DAG; hand in one of an archive')
        const pieces: Uint8Array[] = []
        for await (const piece of dag.car({ signal })) pieces.push(piece)
        await keeper.onPush?.()
        const car = Buffer.concat(pieces)
        for await (const { cid, bytes } of (await CarReader.fromBytes(car)).blocks()) blocks.set(`${cid}`, bytes)
        pins.add(`${dag.root}`)
        pushes.push({ root: `${dag.root}`, car })
        return at
      },
      locate: async (_name, { root } = {}) => (root && pins.has(`${root}`) ? `ipfs:${root}` : undefined),
      status: async (at) => (pins.has(at.slice(5)) ? 'held' : 'absent'),
      async *read(at, span) {
        const bytes = blocks.get(`${span.cid}`)
        if (!bytes) throw new VaultError('absent', profile.id, `${at} has no block ${span.cid}; pin it again`)
        yield bytes
      },
      async remove(at) {
        pins.delete(at.slice(5))
        keeper.unpinned.push(at)
        const kept = reachable(blocks, pins)
        for (const cid of [...blocks.keys()]) if (!kept.has(cid)) blocks.delete(cid)
      },
    },
  }
  return keeper
}

/** Every block below these roots. Throws RangeError where a link leads nowhere. */
export function reachable(blocks: Pick<ReadonlyMap<string, Uint8Array>, 'get'>, roots: Iterable<string>): ReadonlySet<string> {
  const seen = new Set<string>()
  const waiting = [...roots]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    const bytes = blocks.get(next)
    if (!bytes) throw new RangeError(`the link to ${next} leads nowhere`)
    if (CID.parse(next).code === DAG_PB) waiting.push(...decode(bytes).Links.map(({ Hash }) => `${Hash}`))
  }
  return seen
}
