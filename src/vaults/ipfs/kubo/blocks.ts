/** Single blocks of a node, in its own store only: it is never let to fetch one from the network. */
import { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError, VaultError } from '../../../errors.ts'
import { isBlockOf } from '../embedded/block-id.ts'
import { uploadOf } from '../multipart.ts'
import type { Node } from './options.ts'
import { askBytes, askLines } from './rpc.ts'

const RAW = 0x55
const DAG_CBOR = 0x71
const HASHES: Readonly<Record<number, string>> = { 18: 'sha2-256', 19: 'sha2-512' }

/** What the node gives as that block, unchecked. Throws VaultError `absent`, and `damaged` for more than `length` bytes. */
export async function blockOf(node: Node, cid: CID, length: number, options: AbortOptions = {}): Promise<Uint8Array> {
  const doing = `reading block ${cid}`
  try {
    return await askBytes(node, { command: 'block/get', query: { arg: `${cid}`, offline: 'true' }, doing, limit: length }, options)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new VaultError('damaged', node.id, `${doing}: it has more than its ${length} bytes; repair brings it again`, { cause: error })
  }
}

/** How the node holds that block of so many bytes. Asking makes it notice that a file is gone, which it would not when it is only given the block again. */
export async function stateOf(node: Node, cid: CID, length: number, options: AbortOptions): Promise<'whole' | 'damaged' | 'absent'> {
  try {
    return isBlockOf(cid, await blockOf(node, cid, length, options)) ? 'whole' : 'damaged'
  } catch (error) {
    if (error instanceof VaultError && (error.code === 'absent' || error.code === 'damaged')) return error.code
    throw error
  }
}

/**
 * Deletes a block that was found damaged, also below a pin: blocks are stored by hash, pins compare whole CIDs, so that the same hash under another codec is
 * not pinned. Resolves false when the node does not do it, as where a damaged inner node keeps it from looking through its pins.
 */
export async function drop(node: Node, cid: CID, options: AbortOptions): Promise<boolean> {
  const alias = CID.createV1(cid.code === RAW ? DAG_CBOR : RAW, cid.multihash)
  const doing = `deleting the damaged block ${cid}`
  const lines = await askLines(node, { command: 'block/rm', query: { arg: `${alias}`, force: 'true' }, doing, timeoutMs: 'none' }, options)
  return lines.length > 0 && lines.every(({ Error: refused }) => refused === undefined || refused === '')
}

/** Stores a block, not pinned by itself. */
export async function storeBlock(node: Node, cid: CID, bytes: Uint8Array, options: AbortOptions): Promise<void> {
  const mhtype = HASHES[cid.multihash.code]
  if (mhtype === undefined) throw new VaultError('unsupported', node.id, `the hash function of ${cid} is not known here`)
  const upload = uploadOf(cid, once(bytes))
  const query = { 'cid-codec': 'raw', mhtype, pin: 'false', 'allow-big-block': 'true' }
  await askLines(node, { command: 'block/put', query, upload, doing: `storing block ${cid} again` }, options)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
