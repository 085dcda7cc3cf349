/** CARs out of an archive: a whole object under its root, from all its packs, or a pack as it is. Every block is hashed on its way. */
import { createReadStream } from 'node:fs'
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ObjectRow, PackId, PackRow, Span } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { readCar } from '../format/car-read.ts'
import { carHeader, sectionPrefix } from '../format/pack.ts'
import type { Write } from './bag.ts'
import { type BlockReader, blockReader } from './block-reader.ts'
import { type Context, packRow } from './context.ts'
import { spansOf } from './spans.ts'

/** Blocks asked for ahead, half of them together, so that neighbours travel together. */
const AHEAD = 16
const EXTENTS_AT_ONCE = 500
/** Beyond any block that is stored. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024

export interface WriteCarOptions extends AbortOptions {
  readonly onBytes?: ((byteLength: number) => void) | undefined
}

/** A CARv1 of the object alone: children before parents, the root last, each block once. Throws `unavailable` naming a block that no replica gives. */
export async function writeObjectCar(context: Context, object: ObjectRow, write: Write, options: WriteCarOptions = {}): Promise<void> {
  const reader = blockReader(context, { visibility: object.visibility })
  await write(carHeader(object.root))
  await writeBlocks(reader, placedBlocks(context, object), write, options)
}

/** The pack, byte for byte as vaults have it. */
export async function writePackCar(context: Context, pack: PackRow, write: Write, options: WriteCarOptions = {}): Promise<void> {
  const spans = await spansOf(context, pack)
  await write(carHeader(pack.root))
  const all = (async function* () {
    for (const span of spans) yield { pack, span }
  })()
  await writeBlocks(blockReader(context, { visibility: pack.visibility }), all, write, options)
}

/** Was it written whole, and has it stayed so? Reads and hashes all of it. */
export async function isWholeCar(path: string, root: CID): Promise<boolean> {
  try {
    const car = await readCar(createReadStream(path), { maxBlockBytes: MAX_BLOCK_BYTES })
    if (!car.root.equals(root)) return false
    for await (const { intact } of car.blocks) if (!intact) return false
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/** A block and the pack it is taken from. */
export interface Placed {
  readonly pack: PackRow
  readonly span: Span
}

/** The blocks of an object in order of the import: children before parents, each once. What a pack gave is remembered in a bit per block. */
export async function* placedBlocks(context: Context, { id }: ObjectRow): AsyncGenerator<Placed> {
  const given = new Map<PackId, Uint8Array>()
  for (let after = -1; ; ) {
    const page = await context.catalog.extentsOf(id, { after, limit: EXTENTS_AT_ONCE })
    for (const extent of page) {
      const pack = await packRow(context, extent.pack)
      const spans = await spansOf(context, pack)
      const bits = given.get(pack.id) ?? new Uint8Array(Math.ceil(pack.blockCount / 8))
      given.set(pack.id, bits)
      for (let ordinal = extent.first; ordinal < extent.first + extent.count; ordinal++) {
        const span = spans[ordinal]
        const bit = 1 << (ordinal % 8)
        const at = Math.floor(ordinal / 8)
        if (!span || ((bits[at] ?? 0) & bit) !== 0) continue
        bits[at] = (bits[at] ?? 0) | bit
        yield { pack, span }
      }
    }
    const last = page.at(-1)
    if (!last || page.length < EXTENTS_AT_ONCE) return
    after = last.start
  }
}

async function writeBlocks(reader: BlockReader, placed: AsyncGenerator<Placed>, write: Write, options: WriteCarOptions): Promise<void> {
  const { signal, onBytes } = options
  for await (const { span, bytes } of readPlaced(reader, placed, { signal })) {
    onBytes?.(bytes.byteLength)
    await write(sectionPrefix(span.cid, bytes.byteLength), bytes)
  }
}

/** Reads blocks in the order given, some of them ahead. Throws `unavailable` naming the block that no replica could give. */
export async function* readPlaced(
  reader: BlockReader,
  placed: AsyncGenerator<Placed>,
  { signal }: AbortOptions,
): AsyncGenerator<{ readonly span: Span; readonly bytes: Uint8Array }> {
  const ahead: { readonly span: Span; readonly coming: Promise<Uint8Array> }[] = []
  let over = false
  const fill = async () => {
    while (!over && ahead.length < AHEAD) {
      const next = await placed.next()
      if (next.done) over = true
      else {
        const coming = reader.fromPack(next.value.pack, next.value.span, { signal })
        // Reads in flight may fail after the first failure has ended the work.
        coming.catch(() => undefined)
        ahead.push({ span: next.value.span, coming })
      }
    }
  }
  for (;;) {
    if (ahead.length <= AHEAD / 2) await fill()
    const first = ahead.shift()
    if (!first) return
    yield { span: first.span, bytes: await first.coming }
  }
}
