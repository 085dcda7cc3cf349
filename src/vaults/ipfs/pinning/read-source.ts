/** Where blocks of a pinning service come from, and what they do not show of it. */
import type { ReadSource } from '../../../contracts.ts'
import type { BlockGateway } from '../gateway/race.ts'
import type { Peers } from './peers.ts'

const MOST_PEERS = 3

export function sourceOf(gateway: Pick<BlockGateway, 'block'> | undefined, peers: Pick<Peers, 'asked'>): ReadSource {
  if (gateway) return { from: nameOf(gateway), doubt: 'a cache may have answered, or the gateway fetched them from elsewhere' }
  const asked = peers.asked()
  const named = asked.slice(0, MOST_PEERS).join(', ')
  const more = asked.length > MOST_PEERS ? ` and ${asked.length - MOST_PEERS} more` : ''
  if (asked.length === 0) return { from: 'nodes of the service by bitswap, of which none was reached', doubt: 'nobody was asked' }
  return {
    from: `${asked.length === 1 ? 'peer' : 'peers'} ${named}${more} by bitswap`,
    doubt: 'no cache lies between, but a node could have fetched them when it was asked',
  }
}

function nameOf(gateway: Pick<BlockGateway, 'block'>): string {
  const url = 'url' in gateway && typeof gateway.url === 'string' ? URL.parse(gateway.url) : null
  return url ? `gateway ${url.host}` : 'a gateway that was handed in'
}
