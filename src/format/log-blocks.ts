/** The log in index packs: blocks of entries, and which index packs together hold the whole of it. Nothing read here is believed before it hashes to a signed root. */
import * as cbor from '@ipld/dag-cbor'
import type { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { MAX_ENTRY_BYTES } from './log-entry.ts'
import { grow, leafHash, rootOf } from './merkle.ts'
import { type Block, cborBlock, type IndexBlock } from './record.ts'

/** A block of entries is closed at this many bytes. */
const BLOCK_BYTES = 256 * 1024

/** Entries in order as DAG-CBOR arrays of their texts. */
export function logBlocks(entries: readonly Uint8Array[]): readonly Block[] {
  const blocks: Block[] = []
  let texts: string[] = []
  let byteLength = 0
  const close = () => {
    if (texts.length > 0) blocks.push(cborBlock(texts))
    texts = []
    byteLength = 0
  }
  for (const entry of entries) {
    if (byteLength + entry.byteLength > BLOCK_BYTES) close()
    texts.push(Buffer.from(entry).toString())
    byteLength += entry.byteLength
  }
  close()
  return blocks
}

/** The entries of one block. Throws `malformed` and `limit`. */
export function readLogBlock(bytes: Uint8Array): readonly Uint8Array[] {
  let value: unknown
  try {
    value = cbor.decode(bytes)
  } catch (cause) {
    throw new FormatError('malformed', 'this block of log entries is not DAG-CBOR', { cause })
  }
  if (!Array.isArray(value)) throw new FormatError('malformed', 'this block holds no log entries')
  return value.map((text: unknown) => {
    if (typeof text !== 'string') throw new FormatError('malformed', 'a log entry is not text')
    const entry = Buffer.from(text)
    if (entry.byteLength > MAX_ENTRY_BYTES) throw new FormatError('limit', `a log entry of ${entry.byteLength} bytes is not read`)
    return entry
  })
}

/** What one index pack carries of the log: entries `[first, checkpoint.size)` in these blocks. */
export interface LogPart {
  readonly checkpoint: Checkpoint
  /** The checkpoint as it was signed. */
  readonly note: string
  readonly first: number
  readonly blocks: readonly CID[]
}

/** Undefined where the index block carries nothing of the log. Throws `malformed`, `bad-signature` when another key signed the checkpoint. */
export async function readLogPart(index: IndexBlock, publicKey: Uint8Array): Promise<LogPart | undefined> {
  const { log } = index
  if (log === undefined) return undefined
  const checkpoint = await openCheckpoint(log.checkpoint, publicKey)
  if (!Number.isSafeInteger(log.first) || log.first < 0 || log.first > checkpoint.size || !Array.isArray(log.entries))
    throw new FormatError('malformed', 'this index block says nothing sensible of the log')
  return { checkpoint, note: log.checkpoint, first: log.first, blocks: log.entries }
}

export interface Cover {
  /** The part with the newest checkpoint; undefined where there is no part. */
  readonly newest: LogPart | undefined
  /** Parts that hold all entries up to the newest checkpoint, in order; they may overlap. As far as it goes where there is a gap. */
  readonly chain: readonly LogPart[]
  /** Entries that no part holds. */
  readonly gap?: { readonly first: number; readonly size: number }
  /** Two parts of one size with different roots: the archive has signed two logs. */
  readonly forked?: readonly [LogPart, LogPart]
}

/** Which of the parts make the longest log. */
export function coverLog(parts: Iterable<LogPart>): Cover {
  const sorted = [...parts].sort((a, b) => a.first - b.first || b.checkpoint.size - a.checkpoint.size)
  const bySize = new Map<number, LogPart>()
  let newest: LogPart | undefined
  let forked: readonly [LogPart, LogPart] | undefined
  for (const part of sorted) {
    const same = bySize.get(part.checkpoint.size)
    if (same && Buffer.compare(same.checkpoint.root, part.checkpoint.root) !== 0) forked ??= [same, part]
    bySize.set(part.checkpoint.size, same ?? part)
    if (!newest || part.checkpoint.size > newest.checkpoint.size) newest = part
  }
  const chain: LogPart[] = []
  const size = newest?.checkpoint.size ?? 0
  let at = 0
  for (let next = 0, best: LogPart | undefined; at < size; best = undefined) {
    for (let part = sorted[next]; part && part.first <= at; part = sorted[++next])
      if (part.checkpoint.size > (best?.checkpoint.size ?? at)) best = part
    if (!best) break
    chain.push(best)
    at = best.checkpoint.size
  }
  return {
    newest,
    chain,
    ...(at < size && { gap: { first: at, size: sorted.find(({ first }) => first > at)?.first ?? size } }),
    ...(forked && { forked }),
  }
}

/** Entries that hash to what was signed; `first` is the index of the first. */
export interface LogPortion {
  readonly first: number
  readonly entries: readonly Uint8Array[]
}

/**
 * The entries of a chain, part by part, each checked against the checkpoint of its part before it is given out. `load` gives the bytes of a block, which
 * it has hashed against its CID. Throws `hash-mismatch` when entries are not those that were signed, or when an earlier part is not the beginning of a later one.
 */
export async function* readLog(chain: readonly LogPart[], load: (cid: CID) => Promise<Uint8Array>): AsyncGenerator<LogPortion> {
  let size = 0
  let edge: readonly Uint8Array[] = []
  for (const part of chain) {
    const entries: Uint8Array[] = []
    for (const cid of part.blocks) entries.push(...readLogBlock(await load(cid)))
    const { size: end, root } = part.checkpoint
    const fresh = entries.slice(size - part.first)
    const grown = grow(size, edge, fresh.map(leafHash))
    if (part.first > size || part.first + entries.length !== end || Buffer.compare(rootOf(grown.edge), root) !== 0)
      throw new FormatError('hash-mismatch', `log entries ${part.first} to ${end} are not those that the archive signed`)
    yield { first: size, entries: fresh }
    ;({ size, edge } = grown)
  }
}
