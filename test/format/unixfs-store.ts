/** Blocks in memory, checked on the way out, with the order in which they came. */
import { createCipheriv, createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { recycle } from '../../src/bytes/pool.ts'
import { openSource } from '../../src/bytes/source.ts'
import type { Source } from '../../src/contracts/source.ts'
import type { Profile } from '../../src/contracts/vault.ts'
import { FormatError } from '../../src/errors.ts'
import { matches } from '../../src/format/address.ts'
import type { GetBlock } from '../../src/format/unixfs-export.ts'
import { type BlockSink, chunkSizeOf, type Imported, importTree } from '../../src/format/unixfs-import.ts'

export interface BlockStore extends BlockSink {
  readonly blocks: Map<string, Uint8Array>
  /** Every block put, repeats included. */
  readonly order: string[]
  /** Every block asked for. */
  readonly asked: string[]
  readonly get: GetBlock
}

export function blockStore(): BlockStore {
  const blocks = new Map<string, Uint8Array>()
  const order: string[] = []
  const asked: string[] = []
  return {
    blocks,
    order,
    asked,
    async put(cid, bytes) {
      order.push(cid.toString())
      blocks.set(cid.toString(), bytes.slice())
      // As the pack writer does: what is not copied before this line is lost.
      recycle(bytes)
    },
    async get(cid) {
      asked.push(cid.toString())
      const bytes = blocks.get(cid.toString())
      if (!bytes || !matches(cid, bytes)) throw new FormatError('hash-mismatch', `no intact ${cid}`)
      return bytes
    },
  }
}

export async function importAll(source: Source, sink: BlockSink, profile: Profile = 'unixfs-v1-2025'): Promise<readonly Imported[]> {
  const opened = await openSource(source, { chunkSize: chunkSizeOf(profile) })
  const imported: Imported[] = []
  for await (const each of importTree(opened.entries(), sink, { profile, shape: opened.shape })) imported.push(each)
  return imported
}

export async function rootOf(source: Source, sink: BlockSink = blockStore(), profile: Profile = 'unixfs-v1-2025'): Promise<CID> {
  const root = (await importAll(source, sink, profile)).at(-1)
  if (!root) throw new FormatError('malformed', 'nothing was imported')
  return root.cid
}

/** A ChaCha20 keystream in pieces of one size. */
export function* keystream(seed: string, byteLength: number, piece = 1024 * 1024): Generator<Buffer> {
  const cipher = createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16))
  const zeros = Buffer.alloc(piece)
  for (let left = byteLength; left > 0; left -= piece) yield cipher.update(left < piece ? zeros.subarray(0, left) : zeros)
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz01234567890-_'

/** Names made of the same stream, every file holding `x`. */
export function namedByKeystream(seed: string, lengths: readonly number[]): { path: string; content: Uint8Array }[] {
  const [bytes = Buffer.alloc(0)] = keystream(
    seed,
    lengths.reduce((sum, length) => sum + length, 0),
    lengths.reduce((sum, length) => sum + length, 0),
  )
  let at = 0
  return lengths.map((length) => {
    const path = Array.from(bytes.subarray(at, at + length), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
    at += length
    return { path, content: Buffer.from('x') }
  })
}
