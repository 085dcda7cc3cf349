/** The blockstore that Helia is given: it asks the sources and keeps nothing. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import type { Sources } from './sources.ts'

type Bytes = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** What a Blockstore throws for a block that is not there; Helia goes on to its block brokers then. */
class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
}

async function* each<T, R>(items: Iterable<T> | AsyncIterable<T>, give: (item: T) => R): AsyncGenerator<R> {
  for await (const item of items) yield give(item)
}

/** Read-through: `put` forgets what it is given, so that what is fetched from peers fills no memory. */
export function readThrough(sources: Sources) {
  async function* get(cid: CID, options: AbortOptions = {}): AsyncGenerator<Uint8Array> {
    const bytes = await sources.block(cid, options)
    if (!bytes) throw new NotFoundError(`no source of this node has ${cid}`)
    yield bytes
  }
  return {
    has: (cid: CID, options?: AbortOptions) => sources.has(cid, options),
    get,
    getMany: (cids: Iterable<CID> | AsyncIterable<CID>, options?: AbortOptions) => each(cids, (cid) => ({ cid, bytes: get(cid, options) })),
    async *getAll(): AsyncGenerator<{ readonly cid: CID; readonly bytes: AsyncGenerator<Uint8Array> }> {},
    put: async (cid: CID, _bytes: Bytes) => cid,
    putMany: (pairs: Iterable<{ cid: CID; bytes: Bytes }> | AsyncIterable<{ cid: CID; bytes: Bytes }>) => each(pairs, ({ cid }) => cid),
    delete: async (_cid: CID) => undefined,
    deleteMany: (cids: Iterable<CID> | AsyncIterable<CID>) => each(cids, (cid) => cid),
  }
}
