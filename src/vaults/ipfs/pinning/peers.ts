/** The node that a pinning service pulls from, started when it is needed, and the service's own nodes as its peers. */
import type { CID } from 'multiformats/cid'
import { isPublicAddress } from '../../../bytes/public-address.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { type EmbeddedNode, embeddedNode } from '../embedded/node.ts'
import type { PinningServiceOptions } from './options.ts'

export interface Peers {
  /** Rejects as `heliaNode` does; the next call tries again. */
  node(): Promise<EmbeddedNode>
  /** Calls those of the addresses that may be called; resolves when each has answered or not. */
  meet(addresses: readonly string[], options?: AbortOptions): Promise<void>
  /**
   * A block from the service's nodes and from nobody else. `delegates` says where they are, and is asked when none is connected. Throws VaultError
   * `unsupported` where there is none to call, and what the node throws.
   */
  fetch(cid: CID, delegates: () => Promise<readonly string[]>, options?: AbortOptions): Promise<Uint8Array>
  /** Ids of the peers that blocks were asked of, in order. */
  asked(): readonly string[]
  /** Closes a node that the vault started. */
  close(): Promise<void>
}

export function peersOf(
  id: string,
  {
    node: given,
    listen,
    delegates: told,
    allowPrivate = false,
  }: Pick<PinningServiceOptions, 'node' | 'listen' | 'delegates' | 'allowPrivate'>,
): Peers {
  const own = given === undefined || typeof given === 'function'
  const known = new Set<string>()
  const asked = new Set<string>()
  let starting: Promise<EmbeddedNode> | undefined
  let meeting: Promise<void> | undefined

  const node = () => {
    starting ??= started(id, given, listen).catch((error: unknown) => {
      starting = undefined
      throw error
    })
    return starting
  }
  const meet = async (named: readonly string[], options: AbortOptions = {}) => {
    // Where the service sends us is its word; a private network is not its business.
    const addresses = told ?? named.filter((address) => allowPrivate || isPublic(address))
    if (addresses.length === 0) return
    const self = await node()
    const met = await Promise.allSettled(addresses.map((address) => self.connect(address, options)))
    options.signal?.throwIfAborted()
    for (const each of met) if (each.status === 'fulfilled') known.add(each.value)
  }
  const connected = async (delegates: () => Promise<readonly string[]>) => {
    const self = await node()
    const peers = () => self.peers().filter((peer) => known.has(peer))
    if (peers().length === 0) {
      meeting ??= delegates()
        .then((named) => meet(named))
        .finally(() => {
          meeting = undefined
        })
      await meeting
    }
    return peers()
  }

  return {
    node,
    meet,
    async fetch(cid, delegates, { signal } = {}) {
      const peers = await connected(delegates)
      signal?.throwIfAborted()
      if (peers.length === 0)
        throw new VaultError(
          'unsupported',
          id,
          'no gateway is set and no node of the service can be called; set `gateway` to the service’s own',
        )
      const errors: unknown[] = []
      const self = await node()
      for (const from of peers) {
        asked.add(from)
        try {
          return await self.fetch(cid, { from, signal })
        } catch (error) {
          signal?.throwIfAborted()
          errors.push(error)
        }
      }
      // It is absent when each of them says so.
      throw errors.find((error) => !(error instanceof VaultError && error.code === 'absent')) ?? errors[0]
    },
    asked: () => [...asked],
    async close() {
      const running = starting
      starting = undefined
      if (own) await running?.then((each) => each.close())
    },
  }
}

async function started(id: string, given: PinningServiceOptions['node'], listen: readonly string[] | undefined): Promise<EmbeddedNode> {
  if (given === undefined) return embeddedNode({ id, listen })
  return typeof given === 'function' ? given() : given
}

/** A name may stand for anything, and leads no further than a handshake with an IPFS node. */
function isPublic(address: string): boolean {
  const [, host] = /^\/ip[46]\/([^/]+)\//.exec(address) ?? []
  return host === undefined || isPublicAddress(host)
}
