/** Between rows and the contract's records. Numbers pass through `Number`, because some databases return 64-bit integers as text. */
import type { Selectable } from 'kysely'
import { CID } from 'multiformats/cid'
import type { EvidenceRow, Extent, ObjectRow, PackRow, ReplicaRow } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { toRetain } from './retention.ts'
import type { EvidenceTable, ExtentsTable, ObjectsTable, PacksTable, ReplicasTable } from './schema.ts'

/** A CID that the catalog wrote itself. */
export function cidOf(bytes: Uint8Array): CID {
  try {
    return CID.decode(plain(bytes))
  } catch (cause) {
    throw new CatalogError('corrupt', 'the catalog holds a CID that is none; rebuild it from a vault with `perdure recover`', { cause })
  }
}

/** A Buffer's bytes as a plain Uint8Array. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Bytes as a key of a Map. */
export function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

export type SealedPackRow = Omit<Selectable<PacksTable>, 'owner' | 'garbage' | 'recorded' | 'created_at'>

export const PACK_COLUMNS = ['id', 'name', 'root', 'kind', 'visibility', 'byte_length', 'block_count', 'spooled', 'erasable'] as const

/** Only sealed packs have a name and a root; staged ones are left out by every query that ends here. */
export function toPack(row: SealedPackRow): PackRow {
  if (row.name === null || row.root === null)
    throw new CatalogError('corrupt', `pack ${row.id} is sealed without a name; rebuild the catalog with \`perdure recover\``)
  return {
    id: Number(row.id),
    name: cidOf(row.name),
    root: cidOf(row.root),
    kind: row.kind,
    visibility: row.visibility,
    byteLength: Number(row.byte_length),
    blockCount: Number(row.block_count),
    spooled: Number(row.spooled) === 1,
    erasable: Number(row.erasable) === 1,
  }
}

export function toObject(row: Selectable<ObjectsTable>): ObjectRow {
  const retain = toRetain(row)
  return {
    id: Number(row.id),
    root: cidOf(row.root),
    ...(row.name === null ? {} : { name: row.name }),
    ...(row.media_type === null ? {} : { mediaType: row.media_type }),
    kind: row.kind,
    byteLength: Number(row.byte_length),
    blockCount: Number(row.block_count),
    profile: row.profile,
    visibility: row.visibility,
    createdAt: Number(row.created_at),
    state: row.state,
    freshUntil: Number(row.fresh_until),
    sequence: Number(row.sequence),
    ...(row.record === null ? {} : { record: cidOf(row.record) }),
    erasable: Number(row.erasable) === 1,
    ...(row.supersedes === null ? {} : { supersedes: cidOf(row.supersedes) }),
    ...(row.shredded_at === null ? {} : { shreddedAt: Number(row.shredded_at) }),
    ...(retain && { retain }),
  }
}

export function toExtent(row: Omit<Selectable<ExtentsTable>, 'object'>): Extent {
  return { start: Number(row.start), pack: Number(row.pack), first: Number(row.first), count: Number(row.count) }
}

export function toReplica(row: Selectable<ReplicasTable>): ReplicaRow {
  return {
    pack: Number(row.pack),
    vault: row.vault,
    state: row.state,
    ...(row.locator === null ? {} : { locator: row.locator }),
    intendedAt: Number(row.intended_at),
    ...(row.placed_at === null ? {} : { placedAt: Number(row.placed_at) }),
    ...(row.retained_until === null ? {} : { retainedUntil: Number(row.retained_until) }),
  }
}

export function toEvidence(row: Selectable<EvidenceTable>): EvidenceRow {
  return {
    pack: Number(row.pack),
    vault: row.vault,
    object: Number(row.object),
    verdict: row.verdict,
    possession: row.possession,
    retrieval: row.retrieval,
    at: Number(row.at),
    ...(row.seed === null ? {} : { seed: plain(row.seed) }),
    asked: Number(row.asked),
    answered: Number(row.answered),
    bytesRead: Number(row.bytes_read),
    ...(row.detail === null ? {} : { detail: row.detail }),
  }
}
