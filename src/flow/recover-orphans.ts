/**
 * Content packs that no record names: a put that died before its records, an index pack that was lost, or content of others. Where the CAR itself shows
 * that it is public and whole in its lengths, its blocks are entered, so that the same content is not stored again. Nothing is deleted.
 */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ListedPack } from '../contracts.ts'
import { DAG_PB, RAW } from '../format/address.ts'
import { LEAF_BYTES } from '../format/age-layout.ts'
import { layout, type Toc } from '../format/pack.ts'
import { chunkSizeOf } from '../format/unixfs-import.ts'
import type { Context } from './context.ts'
import { readSpan } from './read-span.ts'
import { entering } from './recover-enter.ts'
import type { Tally } from './recover-tally.ts'
import { type PlaceOfPack, packFrom, tocOf } from './recover-toc.ts'

const PAGE = 100
const AGE_MAGIC = new TextEncoder().encode('age-encryption.org/')

export interface OrphanOptions extends AbortOptions {
  readonly adopt: boolean
  readonly tally: Tally
}

export async function seeToOrphans(context: Context, options: OrphanOptions): Promise<void> {
  const { tally, signal } = options
  const enter = entering(context, tally)
  for (let after: CID | undefined; ; ) {
    signal?.throwIfAborted()
    const page = await context.catalog.orphans({ after, limit: PAGE })
    for (const pack of page) {
      const reason = options.adopt ? await adopt(context, pack, { enter, signal }) : 'no record names it'
      const vaults = pack.places.map(({ vault }) => vault)
      const { name, byteLength } = pack
      tally.orphans.add({
        pack: name.toString(),
        byteLength,
        vaults,
        adopted: reason === undefined,
        reason: reason ?? 'no record names it; its blocks are known now',
      })
    }
    await enter.flush()
    after = page.at(-1)?.name
    if (page.length < PAGE) return
  }
}

/** Resolves to why it was left alone. */
async function adopt(
  context: Context,
  pack: ListedPack,
  { enter, signal }: AbortOptions & { readonly enter: ReturnType<typeof entering> },
): Promise<string | undefined> {
  const places = pack.places.filter(({ vault }) => context.vaults.has(vault))
  const found = await tocOf(context, pack.name, { byteLength: pack.byteLength, places }, { signal })
  if (!found) return 'no record names it, and it cannot be read, or is not the pack that its name says'
  if (!(await isPublic(context, found.toc, places, { signal }))) return 'no record names it, and it is sealed, or may be'
  await enter.pack(packFrom(pack.name, found, { visibility: 'public', erasable: false, createdAt: context.clock() }), places)
  return undefined
}

/**
 * Sealed packs hold leaves of a length that public ones do not have, or begin with a header of age. A pack of neither kind is public when it is a whole
 * put, root included; otherwise it is not known.
 */
async function isPublic(context: Context, toc: Toc, places: readonly PlaceOfPack[], options: AbortOptions): Promise<boolean> {
  const raw = toc.blocks.filter(([cid]) => cid.code === RAW)
  if (raw.some(([, length]) => length === LEAF_BYTES)) return false
  if (raw.some(([, length]) => length === chunkSizeOf('unixfs-v1-2025'))) return true
  if (raw.length === 0) return toc.blocks.every(([cid]) => cid.code === DAG_PB)
  if (!toc.blocks.some(([cid]) => cid.equals(toc.root))) return false
  const first = layout(toc).spans.find(({ cid }) => cid.code === RAW)
  for (const { vault: id, locator } of places) {
    const vault = context.vaults.get(id)
    if (!vault || !first) continue
    const answer = await readSpan(vault, locator, first, { ...options, timeoutMs: context.timeoutMs })
    if (answer.outcome === 'intact') return Buffer.compare(answer.bytes.subarray(0, AGE_MAGIC.byteLength), AGE_MAGIC) !== 0
  }
  return false
}
