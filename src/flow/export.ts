/** Export: objects leave the archive as a bag that opens with ipfs-car, age and jq. Partial success is in the report, and in the bag. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as cbor from '@ipld/dag-cbor'
import type { ExportOptions, ExportReport, ObjectRow, PackRow } from '../contracts.ts'
import { ArchiveError, PerdureError } from '../errors.ts'
import { toCID } from '../format/address.ts'
import { dagJson } from '../format/dag-json.ts'
import { splitAttributes } from '../format/record.ts'
import { toMultikey } from '../format/sign.ts'
import { type Bag, openBag } from './bag.ts'
import { blockReader } from './block-reader.ts'
import { type Context, packRow, tell } from './context.ts'
import { excerpt, type Growing } from './excerpt.ts'
import { isWholeCar, writeObjectCar, writePackCar } from './export-car.ts'
import { exportReadme } from './export-readme.ts'
import { recordBlock } from './publish.ts'
import { spansOf } from './spans.ts'

const PAGE = 200

/** Writes the bag at a place where nothing is yet. Run it again after any failure: what was written stands, hashed again. */
export async function exportBag(context: Context, folder: string, options: ExportOptions = {}): Promise<ExportReport> {
  const { form = 'objects' } = options
  const lease = await context.catalog.acquire(`export:${folder}`, { ttlMs: 24 * 60 * 60_000 })
  if (!lease) throw new ArchiveError('busy', `another process is exporting to ${folder}; wait for it, or name another folder`)
  const bag = await openBag(folder).catch(async (error: unknown) => {
    await lease.release()
    throw error
  })
  const tally: Tally = { objects: 0, reused: 0, erasable: 0, sealed: 0, missing: excerpt() }
  try {
    const roots = options.roots && [...new Set(options.roots.map(String))]
    const work: Work = { ...options, roots, form, bag, tally }
    await writeObjects(context, work)
    await writePacks(context, work)
    await writeTexts(context, work)
    await bag.finish(await infoOf(context))
    const { files, byteLength } = bag
    const { objects, reused, erasable, missing } = tally
    return { folder, objects, files, byteLength, reused, erasable, missing: missing.done() }
  } finally {
    await bag.close()
    await lease.release()
  }
}

interface Tally {
  objects: number
  reused: number
  erasable: number
  sealed: number
  readonly missing: Growing<{ readonly root: string; readonly reason: string }>
}

interface Work extends ExportOptions {
  readonly form: 'objects' | 'packs'
  readonly bag: Bag
  readonly tally: Tally
}

/** One line per object that is in the bag, as its files are written. */
async function writeObjects(context: Context, work: Work): Promise<void> {
  await work.bag.add('objects.jsonl', {
    write: async (write) => {
      for await (const object of objectsOf(context, work)) {
        if (await writeObject(context, object, work)) await write(Buffer.from(`${JSON.stringify(lineOf(object, work))}\n`))
      }
    },
  })
}

async function* objectsOf({ catalog }: Context, { roots, signal }: Work): AsyncGenerator<ObjectRow> {
  for (const root of roots ?? []) {
    signal?.throwIfAborted()
    const object = await catalog.object(toCID(root))
    if (!object) throw new ArchiveError('unknown-root', `this archive holds no object ${root}; \`perdure ls\` lists what it holds`)
    yield object
  }
  if (roots) return
  for (let after = 0; ; ) {
    const page = await catalog.objects({ after, limit: PAGE })
    for (const object of page) {
      signal?.throwIfAborted()
      yield object
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

const lineOf = (object: ObjectRow, { form }: Work) => ({
  root: object.root.toString(),
  name: object.name,
  mediaType: object.mediaType,
  type: object.kind,
  byteLength: object.byteLength,
  visibility: object.visibility,
  created: new Date(object.createdAt).toISOString(),
  ...(object.erasable && { erasable: true }),
  ...(form === 'objects' && { car: `objects/${object.root}.car` }),
})

/** False when it cannot be had, which is noted: the others are exported all the same. */
async function writeObject(context: Context, object: ObjectRow, work: Work): Promise<boolean> {
  const { bag, tally, form, signal, onProgress } = work
  const root = object.root.toString()
  tell(onProgress, { type: 'exporting', root, byteLength: object.byteLength })
  if (object.shreddedAt !== undefined) {
    tally.missing.add({ root, reason: 'it was shredded: nobody can open it any more' })
    return false
  }
  try {
    if (form === 'objects') {
      const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-exported', byteLength })
      const kept = await bag.add(`objects/${root}.car`, {
        keep: (path) => isWholeCar(path, object.root),
        write: (write) => writeObjectCar(context, object, write, { signal, onBytes }),
      })
      if (kept) tally.reused++
    }
    await writeStatements(context, object, work)
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof ArchiveError) || error.code !== 'unavailable') throw error
    tally.missing.add({ root, reason: error.message })
    return false
  }
  tally.objects++
  if (object.erasable) tally.erasable++
  if (object.visibility === 'sealed') tally.sealed++
  return true
}

/** What was signed of it, and what is said of its entries. */
async function writeStatements(context: Context, object: ObjectRow, { bag }: Work): Promise<void> {
  const root = object.root.toString()
  const record = dagJson(cbor.decode(await recordOf(context, object)))
  await bag.add(`records/${root}.json`, { write: (write) => write(Buffer.from(`${record}\n`)) })
  const receipt = await context.catalog.receiptOf(object.root)
  if (receipt !== undefined) await bag.add(`receipts/${root}.json`, { write: (write) => write(Buffer.from(`${receipt}\n`)) })
  const joined = await context.catalog.attributesOf(object.id)
  if (!joined) return
  const blocks = splitAttributes(joined, object.visibility)
  const [first] = blocks
  if (object.visibility === 'sealed' && first) await bag.add(`attributes/${root}.age`, { write: (write) => write(first.bytes) })
  if (object.visibility === 'sealed') return
  const rows = blocks.flatMap(({ bytes }) => cbor.decode<unknown[]>(bytes))
  await bag.add(`attributes/${root}.json`, { write: (write) => write(Buffer.from(`${dagJson(rows, 0)}\n`)) })
}

/** The record as it was signed, from a vault; where none has it, one that is signed now. */
async function recordOf(context: Context, object: ObjectRow): Promise<Uint8Array> {
  const pack = object.record && (await context.catalog.recordPackOf(object.id))
  const span = pack && (await spansOf(context, pack)).find(({ cid }) => object.record?.equals(cid))
  try {
    if (pack && span) return await blockReader(context, { visibility: pack.visibility }).fromPack(pack, span)
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error
  }
  return (await recordBlock(context, object)).bytes
}

async function writePacks(context: Context, { bag, form, tally, signal, onProgress, ...work }: Work): Promise<void> {
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-exported', byteLength })
  for await (const pack of packsOf(context, { signal, roots: work.roots })) {
    const toc = await context.catalog.tocOf(pack.id)
    if (toc) await bag.add(`tocs/${pack.name}.cbor`, { write: (write) => write(toc) })
    if (form !== 'packs') continue
    try {
      const kept = await bag.add(`packs/${pack.name}.car`, {
        keep: (path) => isWholeCar(path, pack.root),
        write: (write) => writePackCar(context, pack, write, { signal, onBytes }),
      })
      if (kept) tally.reused++
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ArchiveError) || error.code !== 'unavailable') throw error
      tally.missing.add({ root: pack.name.toString(), reason: `this pack is not in the bag: ${error.message}` })
    }
  }
}

/** Each pack once: of the roots named, or of all objects. */
async function* packsOf(context: Context, { roots, signal }: Pick<ExportOptions, 'roots' | 'signal'>): AsyncGenerator<PackRow> {
  const { catalog } = context
  if (roots) {
    const ids = new Set<number>()
    for (const root of roots) {
      const object = await catalog.object(toCID(root))
      if (object && object.shreddedAt === undefined) for (const { id } of await catalog.packsOf(object.id)) ids.add(id)
    }
    for (const id of ids) yield await packRow(context, id)
    return
  }
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.packs({ after, limit: PAGE, kind: 'content' })
    for (const pack of page) if (await isInUse(context, pack)) yield pack
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

async function isInUse({ catalog }: Context, pack: PackRow): Promise<boolean> {
  for (let after = 0; ; ) {
    const ids = await catalog.objectsIn(pack.id, { after, limit: PAGE })
    for (const id of ids) if ((await catalog.objectById(id))?.shreddedAt === undefined) return true
    const last = ids.at(-1)
    if (last === undefined || ids.length < PAGE) return false
    after = last
  }
}

async function writeTexts(context: Context, { bag, form, tally }: Work): Promise<void> {
  const text = (path: string, content: string | Uint8Array) => bag.add(path, { write: (write) => write(Buffer.from(content)) })
  const { objects, erasable, sealed, missing } = tally
  await text(
    'FORMAT.md',
    (await packageFile('FORMAT.md')) ?? 'FORMAT.md was not installed beside the program that wrote this; it is in its source repository\n',
  )
  await text('README.txt', exportReadme({ form, sealed: sealed > 0, erasable: erasable > 0 }))
  const about = {
    version: 1,
    kind: 'perdure-export',
    archive: toMultikey(context.key.publicKey),
    exported: new Date(context.clock()).toISOString(),
    form,
    objects,
    policy: context.policy,
    missing: missing.done(),
  }
  await text('archive.json', `${JSON.stringify(about, undefined, 2)}\n`)
}

async function infoOf(context: Context): Promise<readonly (readonly [string, string])[]> {
  const { version } = JSON.parse(Buffer.from((await packageFile('package.json')) ?? '{}').toString()) as { readonly version?: string }
  return [
    ['Bag-Software-Agent', `perdure${version === undefined ? '' : ` ${version}`}`],
    ['Bagging-Date', new Date(context.clock()).toISOString().slice(0, 10)],
    ['External-Identifier', toMultikey(context.key.publicKey)],
    ['External-Description', 'Objects of a perdure archive as CARs, with what was signed of them; data/README.txt says how to open them'],
  ]
}

/** A file that ships with the package: beside package.json, above wherever this code lies. */
async function packageFile(name: string): Promise<Uint8Array | undefined> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if ((await readFile(join(folder, 'package.json')).catch(() => undefined)) !== undefined)
      return readFile(join(folder, name)).catch(() => undefined)
    if (dirname(folder) === folder) return undefined
  }
}
