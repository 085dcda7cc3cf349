/** Import: what is named on IPFS is fetched into the spool, block by block hashed → read once as UnixFS, children first → packs → the second half of put. */
import { CID } from 'multiformats/cid'
import { type IpfsAddress, parseIpfsUrl } from '../bytes/ipfs-url.ts'
import type { Extent, ImportOptions, ImportReport, ObjectRow, Profile } from '../contracts.ts'
import { ArchiveError, ConfigError, FormatError } from '../errors.ts'
import { inlined } from '../format/address.ts'
import { resolvePath } from '../format/unixfs-export.ts'
import { inPackOrder, type WholeDag } from '../format/unixfs-order.ts'
import { retainRow } from '../policy/retain.ts'
import { type TrustlessGateway, trustlessGateway } from '../vaults/ipfs/gateway/client.ts'
import { type BlockStore, blockStore } from './block-store.ts'
import { type Context, tell } from './context.ts'
import { type Fetcher, fetcher, placeOf } from './import-fetch.ts'
import { type Draft, ingestDrafts } from './ingest.ts'
import { assertHistory } from './log-alarm.ts'
import type { PackBuilder } from './pack-builder.ts'
import { checkRetain, packsOf, replicateObjects } from './put.ts'

const EXTENTS_AT_ONCE = 500

/** Adopts what is named. Whatever fails before it is whole, nothing becomes visible and nothing is left; the same call again begins anew. */
export async function importObject(context: Context, source: CID | string, options: ImportOptions = {}): Promise<ImportReport> {
  const { signal, onProgress } = options
  const address = addressOf(source)
  const gateways = gatewaysOf(context, address, options)
  checkRetain(context, options)
  await assertHistory(context)
  const fetched = { blocks: 0, bytesFetched: 0 }
  const onFetched = (cid: CID, byteLength: number) => {
    fetched.blocks++
    fetched.bytesFetched += byteLength
    tell(onProgress, { type: 'block-fetched', cid: cid.toString(), byteLength })
  }
  const store = await blockStore(context.spool, context.spoolBytes - (await context.spool.used()))
  let object: ObjectRow
  try {
    const from = fetcher(context, { gateways, store, onFetched, signal })
    const root = await rootOf(address, from, options)
    object = await stored(context, { root, store, from, name: options.name ?? address.path.at(-1) }, options)
  } finally {
    await store.drop()
  }
  const [receipt] = await replicateObjects(context, [object], options)
  if (!receipt) throw new ArchiveError('conflict', `${object.root} was removed while it was stored; run the command again`)
  const path = address.path.join('/')
  return { root: receipt.root, cid: address.cid.toString(), ...(path !== '' && { path }), ...fetched, receipt }
}

function addressOf(source: CID | string): IpfsAddress {
  const cid = typeof source === 'string' ? undefined : CID.asCID(source)
  return cid ? { cid, path: [] } : parseIpfsUrl(String(source))
}

function gatewaysOf(context: Context, { gateway }: IpfsAddress, { from, allowPrivate }: ImportOptions): readonly TrustlessGateway[] {
  const urls = from === undefined ? (gateway === undefined ? [] : [gateway]) : [from].flat()
  if (urls.length === 0)
    throw new ConfigError(
      'invalid',
      'no gateway was named, and nobody is asked unasked; say from where, e.g. --from https://gateway.example',
    )
  return urls.map((url) => trustlessGateway(url, { allowPrivate, timeoutMs: context.timeoutMs }))
}

async function rootOf({ cid, path }: IpfsAddress, { get }: Fetcher, { signal }: ImportOptions): Promise<CID> {
  const root = path.length === 0 ? cid : (await resolvePath(cid, path.join('/'), get, { signal })).cid
  if (inlined(root))
    throw new FormatError('unsupported', `${root} carries its own bytes: there is nothing to keep of it but the CID itself`)
  return root
}

interface Imported {
  readonly root: CID
  readonly store: BlockStore
  readonly from: Fetcher
  readonly name: string | undefined
}

async function stored(context: Context, imported: Imported, options: ImportOptions): Promise<ObjectRow> {
  const { root, from, name } = imported
  const { signal, mediaType, retain } = options
  const known = await archived(context, root)
  if (!known) await from.all(root)
  const drafts = async (builder: PackBuilder) => {
    const { kind, byteLength } = known ? await reused(known, builder) : await packed(context, imported, builder, options)
    const draft: Draft = {
      root,
      name,
      mediaType,
      kind,
      byteLength,
      profile: profileOf(root),
      visibility: 'public',
      createdAt: context.clock(),
      extents: await builder.mark(),
      ...(retain && { retain: retainRow(retain, context.clock()) }),
    }
    return { root, objects: [draft] }
  }
  const { objects } = await ingestDrafts(context, drafts, { signal, onProgress: options.onProgress, sealed: false, root })
  const [object] = objects
  if (!object) throw new ArchiveError('conflict', `${root} was removed while it was imported; run the command again`)
  return object
}

/** By which chunks and links it was made is not known: the profile is the one whose roots have that version. */
const profileOf = ({ version }: CID): Profile => (version === 0 ? 'unixfs-v0-2015' : 'unixfs-v1-2025')

/** Every block into the builder, in the order of packs. */
async function packed(context: Context, { root, store }: Imported, builder: PackBuilder, { signal }: ImportOptions): Promise<WholeDag> {
  const here = async (cid: CID) => (await placeOf(context, cid)) ?? Promise.reject(gone(cid))
  const leafBytes = async (cid: CID) => store.lengthOf(cid) ?? (await here(cid)).length
  const blocks = inPackOrder(root, { node: store.read, leafBytes }, { signal })
  for (let step = await blocks.next(); ; step = await blocks.next()) {
    if (step.done) return step.value
    const cid = step.value
    if (store.has(cid)) await builder.put(cid, await store.read(cid))
    else {
      const { pack, ordinal, length } = await here(cid)
      await builder.reuse({ root: cid, byteLength: length, dagBytes: length, extents: [{ start: 0, pack, first: ordinal, count: 1 }] })
    }
  }
}

interface Archived extends WholeDag {
  readonly object: ObjectRow
  readonly extents: readonly Extent[]
}

async function reused({ object, extents, kind, byteLength }: Archived, builder: PackBuilder): Promise<WholeDag> {
  await builder.reuse({ root: object.root, byteLength, dagBytes: byteLength, extents })
  return { kind, byteLength }
}

/** The object that is there under this very root, if all of it can be had. Throws `exists` for one that was sealed here. */
async function archived(context: Context, root: CID): Promise<Archived | undefined> {
  const { catalog } = context
  const object = await catalog.object(root)
  if (!object) return undefined
  if (object.visibility === 'sealed')
    throw new ArchiveError(
      'exists',
      `${root} is sealed content of this archive; it is kept already, and is not stored in public beside that`,
    )
  for (const { id } of await packsOf(context, [object])) {
    const [first] = await catalog.blocksAt(id, [0])
    const found = first && (await catalog.findBlocks([first.cid], { visibility: 'public', reusable: true })).get(first.cid.toString())
    if (!found?.some(({ pack }) => pack === id)) return undefined
  }
  const extents: Extent[] = []
  for (let after = -1; ; ) {
    const page = await catalog.extentsOf(object.id, { after, limit: EXTENTS_AT_ONCE })
    extents.push(...page)
    const last = page.at(-1)
    if (!last || page.length < EXTENTS_AT_ONCE) return { object, extents, kind: object.kind, byteLength: object.byteLength }
    after = last.start
  }
}

const gone = (cid: CID) => new ArchiveError('conflict', `block ${cid} was here and is gone; run the command again`)
