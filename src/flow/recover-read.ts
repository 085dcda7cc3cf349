/** Reading one index pack of a vault: its blocks as they stream in, each hashed, each statement checked against its signature. */
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import type { AbortOptions, FoundBatch, FoundLog, FoundStatement, ListedPack, ReadIndexPack, Vault } from '../contracts.ts'
import { FormatError, VaultError } from '../errors.ts'
import { DAG_CBOR } from '../format/address.ts'
import { type CarBlock, readCar } from '../format/car-read.ts'
import { readLogPart } from '../format/log-blocks.ts'
import { encodeToc, layout } from '../format/pack.ts'
import { type RecordStatement, readIndexBlock, readSigned, type TombstoneStatement } from '../format/record.ts'
import { checkStatement } from '../format/record-check.ts'
import { openSuccession } from '../format/succession.ts'
import { readRange } from './read-span.ts'

/** One read of a vault. */
const WINDOW_BYTES = 2 * 1024 * 1024
/** Attributes of one object may fill 16 MiB. */
const MAX_BLOCK_BYTES = 17 * 1024 * 1024
/** More is no index pack of ours: 2,000 records with their TOCs. */
const MAX_BLOCKS = 1_000_000

export interface IndexPackSink {
  /** What of the pack is intact, as it comes. */
  found(batch: FoundBatch): Promise<void>
  refused(statement: CID, reason: string): void
}

export interface IndexPackOutcome {
  readonly pack: ReadIndexPack
  /** Why it is not whole. */
  readonly damage?: string | undefined
}

interface Place {
  readonly vault: Vault
  readonly locator: string
}

interface ReadingOptions extends AbortOptions {
  readonly timeoutMs: number
}

/** Throws VaultError when the vault did not answer; bytes that are wrong are an outcome. */
export async function readIndexPack(
  { name, byteLength }: Pick<ListedPack, 'name' | 'byteLength'>,
  place: Place,
  sink: IndexPackSink,
  options: ReadingOptions,
): Promise<IndexPackOutcome> {
  const seen: (readonly [CID, number])[] = []
  const state: State = { lasting: false, logOnly: false, archive: undefined, log: undefined }
  let root: CID | undefined
  let damage: string | undefined
  try {
    const car = await readCar(windows(name, byteLength, place, options), { maxBlockBytes: MAX_BLOCK_BYTES })
    root = car.root
    for await (const block of car.blocks) {
      if (seen.length >= MAX_BLOCKS) throw new FormatError('limit', `more than ${MAX_BLOCKS} blocks`)
      seen.push([block.cid, block.bytes.byteLength])
      if (block.intact) await take(block, name, sink, state)
      else damage ??= `block ${block.cid} does not hash to its CID`
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    damage ??= error.message
  }
  const toc = root && encodeToc({ root, blocks: seen })
  if (root && toc && damage === undefined && toc.name.equals(name)) {
    const { archive, lasting, logOnly, log } = state
    return {
      pack: {
        name,
        whole: true,
        archive,
        root,
        toc: toc.bytes,
        byteLength: layout({ root, blocks: seen }).byteLength,
        blockCount: seen.length,
        lasting: lasting || logOnly,
        logOnly,
        log,
      },
    }
  }
  return {
    pack: { name, whole: false, archive: state.archive, byteLength, blockCount: seen.length, lasting: true, logOnly: false },
    damage: damage ?? 'it is not the pack that its name says',
  }
}

/** The pack's bytes, a window at a time; they end where the vault's end. */
async function* windows(name: CID, byteLength: number, { vault, locator }: Place, options: ReadingOptions): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < byteLength; ) {
    const length = Math.min(WINDOW_BYTES, byteLength - offset)
    const bytes = await readRange(vault, locator, { cid: name, offset, length }, options)
    if (!(bytes instanceof Uint8Array)) {
      if (bytes.outcome === 'damaged') throw new FormatError('malformed', bytes.error.message, { cause: bytes.error })
      throw bytes.error instanceof VaultError
        ? bytes.error
        : new VaultError('unreachable', vault.profile.id, 'an index pack could not be read', { cause: bytes.error })
    }
    yield bytes
    if (bytes.byteLength < length) return
    offset += length
  }
}

interface State {
  /** Does it hold what no later index pack repeats? */
  lasting: boolean
  logOnly: boolean
  archive: Uint8Array | undefined
  log: FoundLog | undefined
}

async function take({ cid, bytes }: CarBlock, pack: CID, sink: IndexPackSink, state: State): Promise<void> {
  const value = cid.code === DAG_CBOR ? decoded(bytes) : undefined
  const kind = (value as { readonly kind?: unknown } | undefined)?.kind
  if (kind === 'index') {
    await takeIndex({ cid, bytes }, sink, state)
    return
  }
  if (kind === 'record' || kind === 'tombstone' || kind === 'succession') {
    if (kind !== 'record') state.lasting = true
    try {
      const statement = kind === 'succession' ? await succession(cid, bytes, pack) : await signed(cid, bytes, pack)
      await sink.found({ statements: [statement] })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      state.lasting = true
      sink.refused(cid, error.message)
    }
    return
  }
  // Whatever later versions put there is not ours to let go.
  if (kind !== undefined) state.lasting = true
  await sink.found({ blocks: [{ cid, bytes }] })
}

/** The index block names the archive, and what the pack carries of its log under a checkpoint that the archive signed. */
async function takeIndex({ cid, bytes }: Pick<CarBlock, 'cid' | 'bytes'>, sink: IndexPackSink, state: State): Promise<void> {
  try {
    const index = readIndexBlock(bytes)
    const { archive, records, tombstones, successions = [] } = index
    state.archive = archive
    const part = await readLogPart(index, archive)
    state.logOnly = part !== undefined && records.length + tombstones.length + successions.length === 0
    if (!part) return
    const { size, root } = part.checkpoint
    state.log = { first: part.first, size, treeRoot: Buffer.from(root).toString('base64') }
    await sink.found({ blocks: [{ cid, bytes }] })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    state.lasting = true
    sink.refused(cid, error.message)
  }
}

/** Undefined for what is no map: attributes. */
function decoded(bytes: Uint8Array): unknown {
  try {
    const value: unknown = cbor.decode(bytes)
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !CID.asCID(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function signed(cid: CID, bytes: Uint8Array, pack: CID): Promise<FoundStatement> {
  const { statement, archive } = await readSigned(bytes)
  checkStatement(statement)
  const { root, sequence } = statement
  return { cid, archive, root, sequence, pack, bytes, ...ownOf(statement) }
}

function ownOf(statement: RecordStatement | TombstoneStatement): Pick<FoundStatement, 'kind' | 'at' | 'previous' | 'shred' | 'names'> {
  if (statement.kind === 'tombstone') {
    const { at, shred } = statement
    return { kind: 'tombstone', at, shred: shred !== undefined, names: shred?.packs ?? [] }
  }
  const { created, previous, packs } = statement
  return { kind: 'record', at: created, ...(previous && { previous }), names: packs.map(({ toc }) => toc) }
}

async function succession(cid: CID, bytes: Uint8Array, pack: CID): Promise<FoundStatement> {
  const { archive, at } = await openSuccession(bytes)
  return { cid, kind: 'succession', archive, sequence: 0, at, pack, bytes, names: [] }
}
