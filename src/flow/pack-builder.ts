/**
 * Where blocks become packs: a sink that drops what the archive already holds, writes the rest to the spool as it streams, and remembers which
 * blocks belong to which object. Each byte is written once; headers are patched when the root is known.
 */
import { open } from 'node:fs/promises'
import type { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import type { BlockPlace, Catalog, Extent, KnownContent, PackId, SealedPack, StagedBlock, Visibility } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { carHeader, encodeToc, MAX_PACK_BLOCKS, sectionPrefix } from '../format/pack.ts'
import type { BlockSink } from '../format/unixfs-import.ts'
import { eachOf } from './context.ts'
import { type FileWriter, fileWriter } from './file-writer.ts'
import { type Part, type Spool, whileSpaceLasts } from './spool.ts'
import { packedEntries, unpackedEntries } from './toc-entries.ts'

/** Blocks wait for one look-up in the catalog until there are this many, or this many bytes of them. */
const LOOKUP_BLOCKS = 256
const LOOKUP_BYTES = 2 * 1024 * 1024
const SEALED_AT_ONCE = 4

export interface PackBuilderOptions {
  readonly catalog: Catalog
  readonly spool: Spool
  readonly owner: string
  /** Length of the CAR header that all packs get. */
  readonly headerBytes: number
  readonly visibility: Visibility
  readonly maxPackBytes: number
  /** Bytes the spool may still grow by. */
  readonly room: number
  readonly now: number
  readonly onPackClosed?: (pack: { readonly byteLength: number; readonly blocks: number }) => void
}

/** Takes headers apart from other blocks: they go into packs of their own, one object's at a time, and nothing is looked for in them. */
export interface HeaderSink extends Required<BlockSink> {
  putHeader(cid: CID, bytes: Uint8Array): Promise<void>
}

export interface PackBuilder extends HeaderSink {
  /** A block that belongs with the object's headers and is no part of its DAG. */
  keepWithHeaders(cid: CID, bytes: Uint8Array): Promise<void>
  /** Blocks put or reused since the last mark. */
  readonly blockCount: number
  /** Ends an object: the extents of all blocks put since the last call, to be asked for once `finish` has named the packs. */
  mark(): Promise<() => readonly Extent[]>
  /** Patches the root into every header, syncs, publishes: what `catalog.seal` wants. */
  finish(root: CID): Promise<readonly SealedPack[]>
  /** After the catalog has it: the parts go, the packs stay. */
  settle(): Promise<void>
  /** Leaves nothing behind, neither in the spool nor in the catalog. */
  abandon(): Promise<void>
  readonly owner: string
  readonly reusedBytes: number
}

interface OpenPack {
  readonly erasable: boolean
  readonly part: Part
  readonly writer: FileWriter
  readonly headerLength: number
  blocks: StagedBlock[]
  /** Of a closed pack, what its TOC says of them: a twentieth of the memory. */
  entries: Uint8Array | undefined
  readonly ordinals: Map<string, number>
  /** Closed, its bytes on disk. */
  landed: Promise<void> | undefined
  id: PackId | undefined
}

interface Waiting {
  readonly cid: CID
  readonly key: string
  readonly bytes: Uint8Array
  readonly header: boolean
}

/** Blocks of sealed packs that are to be the object's, too. */
interface Known {
  readonly content: KnownContent
}

type Place = { readonly pack: OpenPack | PackId; readonly ordinal: number }

export function packBuilder(options: PackBuilderOptions): PackBuilder {
  const { catalog, spool, owner, headerBytes, visibility, maxPackBytes, now } = options
  const packs: OpenPack[] = []
  let current: OpenPack | undefined
  let headers: OpenPack | undefined
  let waiting: (Waiting | Known)[] = []
  let waitingBytes = 0
  let written = 0
  let reusedBytes = 0
  let places: { start: number; pack: OpenPack | PackId; first: number; count: number }[] = []
  let noted = 0
  /** Those that wait are counted, too. */
  let blockCount = 0

  const note = ({ pack, ordinal }: Place, count = 1) => {
    const last = places.at(-1)
    if (last && last.pack === pack && last.first + last.count === ordinal) last.count += count
    else places.push({ start: noted, pack, first: ordinal, count })
    noted += count
  }

  const closePack = async (pack: OpenPack | undefined) => {
    if (!pack) return
    if (pack.erasable) headers = undefined
    else current = undefined
    await pack.writer.flush()
    // The disk catches up while the next pack streams; finish waits for it.
    pack.landed = pack.part.file.datasync().finally(() => pack.part.file.close())
    pack.landed.catch(() => undefined)
    pack.id = await catalog.stagePack({
      owner,
      kind: 'content',
      visibility,
      byteLength: pack.writer.position,
      blocks: pack.blocks,
      createdAt: now,
      erasable: pack.erasable,
    })
    // Later look-ups for these blocks go to the catalog: memory holds one pack's, however large the put.
    pack.ordinals.clear()
    options.onPackClosed?.({ byteLength: pack.writer.position, blocks: pack.blocks.length })
    pack.entries = packedEntries(pack.blocks)
    pack.blocks = []
  }

  const append = async ({ cid, key, bytes, header }: Waiting): Promise<Place> => {
    const prefix = sectionPrefix(cid, bytes.byteLength)
    const size = prefix.byteLength + bytes.byteLength
    const open = header ? headers : current
    if (open && (open.blocks.length >= MAX_PACK_BLOCKS || open.writer.position + size > maxPackBytes)) await closePack(open)
    const pack = (header ? headers : current) ?? (await openPack(header))
    written += size
    if (written > options.room) throw spoolFull(options.room)
    const ordinal = pack.blocks.length
    pack.blocks.push({ cid, offset: pack.writer.position + prefix.byteLength, length: bytes.byteLength })
    pack.ordinals.set(key, ordinal)
    await pack.writer.write(prefix, bytes)
    return { pack, ordinal }
  }

  const openPack = async (erasable: boolean): Promise<OpenPack> => {
    const part = await spool.part()
    written += headerBytes
    const pack: OpenPack = {
      erasable,
      part,
      writer: fileWriter(part.file, headerBytes),
      headerLength: headerBytes,
      blocks: [],
      entries: undefined,
      ordinals: new Map(),
      landed: undefined,
      id: undefined,
    }
    packs.push(pack)
    if (erasable) headers = pack
    else current = pack
    return pack
  }

  const placeOf = (found: BlockPlace | undefined): Place | undefined =>
    found && { pack: packs.find(({ id }) => id === found.pack) ?? found.pack, ordinal: found.ordinal }

  const flush = async () => {
    const batch = waiting
    waiting = []
    waitingBytes = 0
    const unknown = batch.flatMap((each) =>
      'content' in each || each.header || current?.ordinals.has(each.key) === true ? [] : [each.cid],
    )
    const known = unknown.length > 0 ? await catalog.findBlocks(unknown, { visibility, owner, reusable: true }) : undefined
    const fresh = new Map<string, Place>()
    for (const block of batch) {
      if ('content' in block) {
        for (const { pack, first, count } of block.content.extents) note({ pack, ordinal: first }, count)
        reusedBytes += block.content.dagBytes
        continue
      }
      const place = block.header
        ? placeIn(headers, block.key)
        : (fresh.get(block.key) ?? placeIn(current, block.key) ?? placeOf(known?.get(block.key)?.[0]))
      if (place) {
        note(place)
        reusedBytes += block.bytes.byteLength
        recycle(block.bytes)
      } else {
        const appended = await append(block)
        if (!block.header) fresh.set(block.key, appended)
        note(appended)
      }
    }
  }

  const take = async (block: Waiting) => {
    blockCount++
    waiting.push(block)
    waitingBytes += block.bytes.byteLength
    if (waiting.length >= LOOKUP_BLOCKS || waitingBytes >= LOOKUP_BYTES) await guarded(flush)
  }

  return {
    owner,
    get reusedBytes() {
      return reusedBytes
    },
    get blockCount() {
      return blockCount
    },
    async reuse(content) {
      waiting.push({ content })
      blockCount += content.extents.reduce((sum, { count }) => sum + count, 0)
      if (waiting.length >= LOOKUP_BLOCKS) await guarded(flush)
    },
    put: (cid, bytes) => take({ cid, key: cid.toString(), bytes, header: false }),
    putHeader: (cid, bytes) => take({ cid, key: cid.toString(), bytes, header: true }),
    keepWithHeaders: async (cid, bytes) => void (await guarded(() => append({ cid, key: cid.toString(), bytes, header: true }))),
    async mark() {
      await guarded(flush)
      // The next object's headers must be deletable without this one's.
      await guarded(() => closePack(headers))
      const extents = places
      places = []
      noted = 0
      blockCount = 0
      return () => extents.map(({ pack, ...extent }) => ({ ...extent, pack: typeof pack === 'number' ? pack : (pack.id ?? -1) }))
    },
    async finish(root) {
      return guarded(async () => {
        await flush()
        await closePack(headers)
        await closePack(current)
        return eachOf(packs, SEALED_AT_ONCE, (pack) => sealPack(pack, root, spool))
      })
    },
    settle: () => spool.settle(packs.map(({ part }) => part)),
    async abandon() {
      await Promise.allSettled(packs.map(({ writer }) => writer.flush()))
      await Promise.allSettled(packs.map(({ landed, part }) => landed ?? part.file.close()))
      // What cannot be cleaned now is collected at the next open; the error that led here is what the caller must see.
      await Promise.allSettled([spool.settle(packs.map(({ part }) => part)), catalog.dropStaged(owner)])
    },
  }
}

function placeIn(pack: OpenPack | undefined, key: string): Place | undefined {
  const ordinal = pack?.ordinals.get(key)
  return pack && ordinal !== undefined ? { pack, ordinal } : undefined
}

async function sealPack(pack: OpenPack, root: CID, spool: Spool): Promise<SealedPack> {
  const { part, entries, id } = pack
  const header = carHeader(root)
  if (id === undefined || !entries || header.byteLength !== pack.headerLength) {
    throw new ArchiveError('conflict', `the root ${root} does not fit the header that was reserved for it`)
  }
  await pack.landed
  await using file = await open(part.path, 'r+')
  await file.write(header, 0, header.byteLength, 0)
  await file.datasync()
  const { name, bytes } = encodeToc({ root, blocks: unpackedEntries(entries) })
  await spool.publish(part, name)
  return { id, name, root, toc: bytes }
}

const spoolFull = (room: number) =>
  new ArchiveError(
    'exhausted',
    `the spool may grow by ${room} bytes and this put needs more; raise spoolBytes or put less at once. Nothing was stored`,
  )

const guarded = <T>(work: () => Promise<T>): Promise<T> => whileSpaceLasts('Nothing was stored', work)
