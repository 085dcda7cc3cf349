/** The read side of a fake Arweave node, after the documentation of the node's HTTP API. */
import { createHash } from 'node:crypto'
import { type Behaviour, hidesData, isHidden } from './behaviour.ts'
import { b64url } from './library.ts'
import type { Chain, Sent } from './types.ts'
import { flipped } from './weave.ts'
import { json, NOT_FOUND, PENDING, type Reply, text } from './wire.ts'

/** How far below the top the anchor is taken that a node suggests. */
const SUGGESTED_ANCHOR_DEPTH = 5
const MADE_UP_DEPTH = 1_000

interface Route {
  readonly path: RegExp
  readonly reply: (chain: Chain, behaviour: Behaviour, ...args: readonly string[]) => Reply
}

const ID = '([\\w-]{43})'
const route = (path: string, reply: Route['reply']): Route => ({ path: new RegExp(`^${path}$`), reply })

const ROUTES: readonly Route[] = [
  route('/info', (chain) => {
    const height = chain.height()
    const current = chain.blockAt(height)?.indep_hash
    return json(200, { network: 'arweave.N.1', version: 5, release: 88, height, current, blocks: height + 1, peers: 100, queue_length: 0 })
  }),
  route('/tx_anchor', (chain) => text(200, chain.blockAt(chain.height() - SUGGESTED_ANCHOR_DEPTH)?.indep_hash ?? '')),
  // A real node adds a fee for a target address that is new to it; that is not copied.
  route('/price/(\\d{1,15})(?:/([\\w-]+))?', (chain, { wrongPrice }, bytes) => text(200, wrongPrice ?? `${chain.price(Number(bytes))}`)),
  route(`/wallet/${ID}/balance`, (chain, _, address = '') => text(200, `${chain.balanceOf(address)}`)),
  route(`/tx/${ID}/status`, (chain, behaviour, id = '') => statusOf(chain, behaviour, id)),
  route(`/tx/${ID}/offset`, (chain, behaviour, id = '') => {
    const tx = seen(chain, behaviour, id)
    if (tx?.height === undefined) return NOT_FOUND
    const size = Number(tx.header.data_size)
    return json(200, { size: `${size}`, offset: `${tx.start + size}` })
  }),
  route(`/tx/${ID}`, (chain, behaviour, id = '') => {
    const tx = seen(chain, behaviour, id)
    if (!tx) return NOT_FOUND
    return tx.height === undefined ? PENDING : json(200, { ...tx.header, data: '', data_tree: [], denomination: '0' })
  }),
  route('/chunk/(\\d{1,15})', (chain, behaviour, offset) => chunkAt(chain, behaviour, Number(offset))),
  route('/block/height/(\\d{1,15})', (chain, _, height) => blockReply(chain.blockAt(Number(height)))),
  route('/block/hash/([\\w-]{64})', (chain, _, hash = '') => blockReply(chain.blockOf(hash))),
]

/** Undefined when the path is none of a node's. */
export function nodeReply(chain: Chain, behaviour: Behaviour, path: string): Reply | undefined {
  for (const { path: pattern, reply } of ROUTES) {
    const [found, ...args] = pattern.exec(path) ?? []
    if (found !== undefined) return reply(chain, behaviour, ...args)
  }
  return undefined
}

const seen = (chain: Chain, behaviour: Behaviour, id: string): Sent | undefined =>
  isHidden(behaviour, id) ? undefined : chain.sent.get(id)

const blockReply = (block: object | undefined): Reply => (block ? json(200, block) : text(404, 'Block not found.'))

function statusOf(chain: Chain, behaviour: Behaviour, id: string): Reply {
  const tx = seen(chain, behaviour, id)
  if (behaviour.confirmsAnything) {
    const block_indep_hash = b64url(createHash('sha384').update(`made up for ${id}`).digest())
    return json(200, { block_height: chain.height() - MADE_UP_DEPTH, block_indep_hash, number_of_confirmations: MADE_UP_DEPTH + 1 })
  }
  if (!tx) return NOT_FOUND
  if (tx.height === undefined) return PENDING
  return json(200, {
    block_height: tx.height,
    block_indep_hash: chain.blockAt(tx.height)?.indep_hash,
    number_of_confirmations: chain.height() - tx.height + 1,
  })
}

/** Offsets in the weave count from 1: the data of a transaction lies at `start + 1` to `start + size`. */
function chunkAt(chain: Chain, behaviour: Behaviour, offset: number): Reply {
  const missing: Reply = { status: 404 }
  if (behaviour.noChunks) return missing
  const tx = [...chain.sent.values()].find(
    (one) => one.height !== undefined && one.start < offset && offset <= one.start + Number(one.header.data_size),
  )
  if (!tx || hidesData(behaviour, tx.header.id)) return missing
  const piece = chain.weave.pieceAt(tx.header, offset - tx.start - 1)
  if (!piece) return missing
  const bytes = behaviour.flipInData === undefined ? piece.bytes : flipped(piece.bytes, behaviour.flipInData)
  return json(200, { chunk: b64url(bytes), data_path: b64url(piece.path), tx_path: '', packing: 'unpacked' })
}
