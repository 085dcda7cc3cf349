/** Packs and objects for catalog cases: made of numbers, with true CIDs. */
import type { CID } from 'multiformats/cid'
import type { Catalog, EvidenceRow, Extent, SealedObject, SealedPack, StagedPack } from '../contracts.ts'
import { addressOf, DAG_CBOR, RAW } from '../format/address.ts'

export interface CatalogContext {
  /** A new, empty catalog. */
  open(): Promise<Catalog>
  /** Closes it and opens the same one again. */
  reopen(catalog: Catalog): Promise<Catalog>
}

export interface CatalogCase {
  readonly name: string
  run(context: CatalogContext): Promise<void>
}

/** The CID of a block that holds this text. */
export const block = (text: string): CID => addressOf(new TextEncoder().encode(text), RAW)

export const toc = (text: string): { readonly name: CID; readonly toc: Uint8Array } => {
  const bytes = new TextEncoder().encode(`toc of ${text}`)
  return { name: addressOf(bytes, DAG_CBOR), toc: bytes }
}

/** A staged pack of blocks `PREFIX 0`, `PREFIX 1`, …, a hundred bytes apart. */
export function staged(prefix: string, count: number, given: Partial<StagedPack> = {}): StagedPack {
  const blocks = Array.from({ length: count }, (_, index) => ({ cid: block(`${prefix} ${index}`), offset: 100 * index + 59, length: 64 }))
  return { owner: prefix, kind: 'content', visibility: 'public', byteLength: 100 * count + 59, blocks, createdAt: 1_000, ...given }
}

export function sealed(prefix: string, id: number): SealedPack {
  return { id, root: block(`${prefix} 0`), ...toc(prefix) }
}

export function object(root: string, extents: readonly Extent[], given: Partial<SealedObject> = {}): SealedObject {
  return {
    root: block(root),
    kind: 'file',
    byteLength: 1_000,
    profile: 'unixfs-v1-2025',
    visibility: 'public',
    createdAt: 1_000,
    extents,
    ...given,
  }
}

/** Puts one object that fills one pack of its own. */
export async function putOne(
  catalog: Catalog,
  prefix: string,
  { count = 4, ...given }: Partial<SealedObject> & { readonly count?: number } = {},
): Promise<{ readonly pack: number; readonly id: number; readonly root: CID }> {
  const pack = await catalog.stagePack(staged(prefix, count, { visibility: given.visibility ?? 'public' }))
  const [id = 0] = await catalog.seal(prefix, [sealed(prefix, pack)], [object(prefix, [{ start: 0, pack, first: 0, count }], given)])
  return { pack, id, root: block(prefix) }
}

/** An index pack of that name, with these records. */
export async function putIndex(catalog: Catalog, prefix: string, records?: Parameters<Catalog['addIndexPack']>[1]): Promise<number> {
  const pack = { ...sealed(prefix, 0), byteLength: 300, blockCount: 3, createdAt: 1_000, visibility: 'public' as const }
  return records ? await catalog.addIndexPack(pack, records) : await catalog.addIndexPack(pack)
}

export function evidence(pack: number, vault: string, at: number, given: Partial<EvidenceRow> = {}): EvidenceRow {
  return {
    pack,
    vault,
    object: 0,
    verdict: 'intact',
    possession: 'claimed',
    retrieval: 'sampled',
    at,
    asked: 3,
    answered: 3,
    bytesRead: 192,
    ...given,
  }
}

/** Is it an error of that code? For `assert.rejects`. */
export const withCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Error && 'code' in error && error.code === code
