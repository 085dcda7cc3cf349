/** Where blocks of a pinning service come from, and what they do not show of it. */
import type { ReadSource } from '../../../contracts.ts'
import type { PinningServiceOptions, ServiceGateway } from './options.ts'
import type { Peers } from './peers.ts'

const MOST_PEERS = 3

export interface Source {
  /** May the gateway be asked for what it has at hand only? Found out once, by asking it. */
  isOwnOnly(): Promise<boolean>
  words(): ReadSource
}

export function sourceOf({
  gateway,
  peers,
  onlyIfCached,
}: {
  readonly gateway: ServiceGateway | undefined
  readonly peers: Pick<Peers, 'asked'>
  readonly onlyIfCached: NonNullable<PinningServiceOptions['onlyIfCached']>
}): Source {
  let finding: Promise<boolean> | undefined
  let keeps = false
  const find = async () => {
    keeps = (await gateway?.keepsToCache?.()) ?? false
    return keeps
  }
  return {
    async isOwnOnly() {
      if (onlyIfCached === false) return false
      finding ??= find()
      return finding
    },
    words: () => (gateway ? { from: nameOf(gateway), doubt: doubtOf(keeps) } : wordsOf(peers.asked())),
  }
}

const doubtOf = (keeps: boolean): string =>
  keeps
    ? 'it had them at hand and fetched nothing for it; that this is the store of the service is its word'
    : 'a cache may have answered, or the gateway fetched them from elsewhere'

function wordsOf(asked: readonly string[]): ReadSource {
  if (asked.length === 0) return { from: 'nodes of the service by bitswap, of which none was reached', doubt: 'nobody was asked' }
  const named = asked.slice(0, MOST_PEERS).join(', ')
  const more = asked.length > MOST_PEERS ? ` and ${asked.length - MOST_PEERS} more` : ''
  return {
    from: `${asked.length === 1 ? 'peer' : 'peers'} ${named}${more} by bitswap`,
    doubt: 'no cache lies between, but a node could have fetched them when it was asked',
  }
}

function nameOf({ url }: ServiceGateway): string {
  const at = url === undefined ? null : URL.parse(url)
  return at ? `gateway ${at.host}` : 'a gateway that was handed in'
}
