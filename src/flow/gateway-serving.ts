/** Public content by its address: what a gateway in front of the archive asks for. */
import type { CID } from 'multiformats/cid'
import { parseIpfsUrl } from '../bytes/ipfs-url.ts'
import type { AbortOptions, ObjectRow, ServedAddress, ServedCar, ServedCarOptions, Serving, TreeEntry } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { inlined } from '../format/address.ts'
import { carHeader } from '../format/pack.ts'
import { type GetBlock, readFile, resolvePath } from '../format/unixfs-export.ts'
import { section } from './car-section.ts'
import type { Context } from './context.ts'
import { placedBlocks, readPlaced } from './export-car.ts'
import { type PublicBlocks, publicBlocks } from './gateway-blocks.ts'
import { listDirectory } from './gateway-list.ts'
import { type Scoped, scopedFile } from './gateway-scope.ts'
import { walkedCar } from './gateway-walk.ts'
import { spending, spendingEach } from './spending.ts'

/** Pieces of a stream between two sums of what it cost. */
const COUNTED = { every: 64 }

export function servingOf(context: Context): Serving {
  const blocks = publicBlocks(context)
  const reading = <T>(work: () => Promise<T>) => spending(context, 'read', work)
  return {
    address: (text) => {
      const { cid, path } = parseIpfsUrl(text)
      return { cid, path }
    },
    block: (address, options = {}) =>
      reading(async () => {
        if (address.path.length > 0) {
          const { entry, get } = await located(blocks, address, options)
          return { cid: entry.cid, bytes: inlined(entry.cid) ?? (await get(entry.cid, options)) }
        }
        const stored = await heldOrUnknown(blocks, address.cid)
        return { cid: address.cid, bytes: inlined(stored) ?? (await blocks.get(stored, options)) }
      }),
    entry: (address, options = {}) =>
      reading(async () => {
        const { entry, stored } = await located(blocks, address, options)
        const { cid, kind, byteLength, target } = entry
        const object = await publicObject(context, address.path.length === 0 ? stored : cid)
        return { cid, kind, byteLength, target, name: address.path.at(-1) ?? object?.name, mediaType: object?.mediaType }
      }),
    read: (file, { range, signal } = {}) =>
      spendingEach(context, 'read', () => after(under(blocks, file), (get) => readFile(file, get, { range, signal })), COUNTED),
    list: (directory, options = {}) =>
      spendingEach(context, 'read', () => after(under(blocks, directory), (get) => listDirectory(directory, get, options)), COUNTED),
    car: (address, options = {}) => reading(() => carOf({ context, blocks }, address, options)),
  }
}

interface Parts {
  readonly context: Context
  readonly blocks: PublicBlocks
}

interface Located {
  readonly entry: TreeEntry
  /** What the CID of the address is stored by. */
  readonly stored: CID
  /** Blocks that lead there. */
  readonly way: readonly CID[]
  readonly get: GetBlock
}

async function located(blocks: PublicBlocks, { cid, path }: ServedAddress, { signal }: AbortOptions): Promise<Located> {
  const stored = await heldOrUnknown(blocks, cid)
  const get = namedBy(blocks, cid, stored)
  const way: CID[] = []
  const noted: GetBlock = (link, options) => {
    way.push(link)
    return get(link, options)
  }
  const entry = await resolvePath(cid, path.join('/'), noted, { signal })
  if (way.at(-1)?.equals(entry.cid)) way.pop()
  return { entry, stored, way, get }
}

async function carOf({ context, blocks }: Parts, address: ServedAddress, options: ServedCarOptions): Promise<ServedCar> {
  const { order = 'dfs', dups = false, signal } = options
  const { entry, stored, way, get } = await located(blocks, address, { signal })
  const scoped = scopedBy(entry, options)
  const { cid } = address
  const whole = order === 'unk' && !dups && scoped.scope === 'all' && address.path.length === 0 && cid.equals(stored)
  const object = whole ? await publicObject(context, cid) : undefined
  const made = () =>
    object ? storedCar({ context, blocks }, object, { signal }) : walkedCar(get, { root: cid, way, top: entry.cid, scoped, dups, signal })
  return { cid: entry.cid, order: object ? 'unk' : 'dfs', dups, bytes: spendingEach(context, 'read', made, COUNTED) }
}

function scopedBy({ kind, byteLength }: TreeEntry, { bytes, scope = bytes ? 'entity' : 'all' }: ServedCarOptions): Scoped {
  if (scope === 'entity' && bytes && kind === 'file') return scopedFile(byteLength, bytes)
  return { scope }
}

/** As it is stored: children first, the root last. */
async function* storedCar({ context, blocks }: Parts, object: ObjectRow, options: AbortOptions): AsyncGenerator<Uint8Array> {
  yield carHeader(object.root)
  for await (const { span, bytes } of readPlaced(blocks.reader(), placedBlocks(context, object), options)) yield* section(span.cid, bytes)
}

async function publicObject({ catalog }: Context, cid: CID): Promise<ObjectRow | undefined> {
  const object = await catalog.object(cid)
  return object?.visibility === 'public' ? object : undefined
}

/** Blocks of a DAG whose top may be stored by another CID than the one it is asked for by. */
async function under(blocks: PublicBlocks, top: CID): Promise<GetBlock> {
  return namedBy(blocks, top, await heldOrUnknown(blocks, top))
}

/** A CID that carries its own bytes may link to anything: nobody put it here, so that each block under it has to be one that is used. */
function namedBy(blocks: PublicBlocks, cid: CID, stored: CID): GetBlock {
  if (inlined(cid)) return async (link, options) => blocks.get(await heldOrUnknown(blocks, link), options)
  return (link, options) => blocks.get(link.equals(cid) ? stored : link, options)
}

async function* after<T>(first: Promise<GetBlock>, then: (get: GetBlock) => AsyncIterable<T>): AsyncGenerator<T> {
  yield* then(await first)
}

async function heldOrUnknown(blocks: PublicBlocks, cid: CID): Promise<CID> {
  const stored = await blocks.held(cid)
  if (!stored) throw new ArchiveError('unknown-root', `this archive holds no public block ${cid}; \`perdure ls\` lists what it holds`)
  return stored
}
