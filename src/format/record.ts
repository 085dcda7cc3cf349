/**
 * What index packs hold beside TOCs: signed records and tombstones, the attributes of entries, and the index block that lists them all.
 * Every block is DAG-CBOR with `version` and `kind`; FORMAT.md has the fields.
 */
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import type { Mtime, Policy, Profile, RetentionMode, Visibility } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { addressOf, DAG_CBOR, RAW } from './address.ts'
import { type Domain, type SigningKey, sign, verifies } from './sign.ts'

export interface RecordPack {
  readonly toc: CID
  readonly byteLength: number
  /** Which blocks of the pack are the object's: `[start in the object, first in the pack, count]`. */
  readonly extents: readonly (readonly [start: number, first: number, count: number])[]
  /** Where the pack lies, by vault id. */
  readonly locators: Readonly<Record<string, string>>
  /** Its headers, in a pack that only vaults that can forget may hold. Left out where it is not so. */
  readonly erasable?: true
}

/** What the archive says of one object; a later sequence supersedes an earlier one. */
export interface RecordStatement {
  readonly version: 1
  readonly kind: 'record'
  readonly sequence: number
  readonly previous: CID | null
  readonly root: CID
  readonly type: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  readonly profile: Profile
  readonly visibility: Visibility
  readonly policy: Policy
  readonly name: string | null
  readonly mediaType: string | null
  /** Milliseconds since the epoch. */
  readonly created: number
  readonly packs: readonly RecordPack[]
  /** Blocks of entry attributes, in order. */
  readonly attributes: readonly CID[]
  /** The root whose place it took: the same content, sealed for other recipients. Left out where there is none. */
  readonly supersedes?: CID
  /** What keeps its packs from being deleted; left out where nothing was asked for. */
  readonly retain?: { readonly until: number; readonly mode: RetentionMode | null; readonly legalHold: boolean }
}

export interface TombstoneStatement {
  readonly version: 1
  readonly kind: 'tombstone'
  readonly root: CID
  readonly sequence: number
  readonly at: number
  /** Shredded: these packs of headers are deleted wherever they are found, and never stored again. Left out where an object was merely forgotten. */
  readonly shred?: { readonly packs: readonly CID[] }
}

/** The last block and the root of an index pack. Version 2 carries some of the log; whoever knows only version 1 must not take it for all there is. */
export interface IndexBlock {
  readonly version: 1 | 2
  readonly kind: 'index'
  /** Ed25519 public key of the archive, 32 bytes. */
  readonly archive: Uint8Array
  readonly records: readonly CID[]
  readonly tombstones: readonly CID[]
  readonly tocs: readonly CID[]
  readonly attributes: readonly CID[]
  /** Left out where there are none. */
  readonly successions?: readonly CID[]
  /** The newest checkpoint, and blocks of the entries from `first` up to its size. In version 2 only. */
  readonly log?: { readonly checkpoint: string; readonly first: number; readonly entries: readonly CID[] }
}

/** Mode and mtime of one entry of an object; the path is empty for the object itself. */
export interface Attributes {
  readonly path: string
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
}

export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

const ATTRIBUTES_PER_BLOCK = 8_192

/** Addresses a DAG-CBOR value. */
export function cborBlock(value: unknown): Block {
  const bytes = cbor.encode(value)
  return { cid: addressOf(bytes, DAG_CBOR), bytes }
}

/** Signs a record or tombstone and makes a block of it, with the public key beside the signature. */
export async function signedBlock(statement: RecordStatement | TombstoneStatement, key: SigningKey): Promise<Block> {
  return cborBlock({ ...statement, archive: key.publicKey, signature: await sign(domainOf(statement.kind), statement, key) })
}

/** Reads a signed block and checks its signature. Throws `malformed`, `unsupported` or `bad-signature`; with `archive`, another key's is bad too. */
export async function openSigned(bytes: Uint8Array, archive?: Uint8Array): Promise<RecordStatement | TombstoneStatement> {
  return (await readSigned(bytes, archive)).statement
}

/** The same, with the public key that signed it. */
export async function readSigned(
  bytes: Uint8Array,
  archive?: Uint8Array,
): Promise<{ readonly statement: RecordStatement | TombstoneStatement; readonly archive: Uint8Array }> {
  const { archive: key, signature, ...statement } = mapOf(bytes)
  if (statement.kind !== 'record' && statement.kind !== 'tombstone')
    throw new FormatError('malformed', 'this block is neither record nor tombstone')
  if (statement.version !== 1)
    throw new FormatError('unsupported', `this ${statement.kind} has version ${String(statement.version)}; version 1 is read`)
  if (!(key instanceof Uint8Array) || !(signature instanceof Uint8Array))
    throw new FormatError('malformed', `this ${statement.kind} is not signed`)
  if (archive && Buffer.compare(archive, key) !== 0)
    throw new FormatError('bad-signature', `this ${statement.kind} was signed by another archive`)
  if (!(await verifies(domainOf(statement.kind), statement, signature, key))) {
    throw new FormatError('bad-signature', `the signature of this ${statement.kind} does not hold`)
  }
  return { statement: statement as unknown as RecordStatement | TombstoneStatement, archive: key }
}

/**
 * Reads the index block of an index pack. It is not signed: what it lists is, and another archive's is told by its key. Throws `malformed`, and `unsupported` for
 * another version than 1 and 2.
 */
export function readIndexBlock(bytes: Uint8Array): IndexBlock {
  const { version, kind, archive, records, tombstones, tocs, attributes, successions, log } = mapOf(bytes)
  if (kind !== 'index') throw new FormatError('malformed', 'this is not an index block')
  if (version !== 1 && version !== 2)
    throw new FormatError('unsupported', `this index block has version ${String(version)}; versions 1 and 2 are read`)
  if (!(archive instanceof Uint8Array)) throw new FormatError('malformed', 'this index block names no archive')
  const links = (value: unknown, what: string): readonly CID[] => {
    const cids = Array.isArray(value) ? value.map((item) => CID.asCID(item)).filter((cid) => cid !== null) : undefined
    if (!cids || cids.length !== (value as unknown[]).length)
      throw new FormatError('malformed', `the ${what} of this index block are no links`)
    return cids
  }
  return {
    version,
    kind,
    archive,
    records: links(records, 'records'),
    tombstones: links(tombstones, 'tombstones'),
    tocs: links(tocs, 'TOCs'),
    attributes: links(attributes, 'attributes'),
    ...(successions !== undefined && { successions: links(successions, 'successions') }),
    ...(version === 2 && log !== undefined && { log: logOf(log, links) }),
  }
}

function logOf(value: unknown, links: (value: unknown, what: string) => readonly CID[]): NonNullable<IndexBlock['log']> {
  const { checkpoint, first, entries } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (typeof checkpoint !== 'string' || typeof first !== 'number')
    throw new FormatError('malformed', 'what this index block says of the log is not whole')
  return { checkpoint, first, entries: links(entries, 'log entries') }
}

/** Entry attributes as DAG-CBOR blocks of rows `[path, mode, seconds, nanoseconds]`; rows without any are left out. */
export function attributeBlocks(entries: readonly Attributes[]): readonly Block[] {
  const rows = entries
    .filter(({ mode, mtime }) => mode !== undefined || mtime !== undefined)
    .map(({ path, mode, mtime }) => [path, mode ?? null, mtime === undefined ? null : Number(mtime.secs), mtime?.nsecs ?? null])
  const blocks: Block[] = []
  for (let at = 0; at < rows.length; at += ATTRIBUTES_PER_BLOCK) blocks.push(cborBlock(rows.slice(at, at + ATTRIBUTES_PER_BLOCK)))
  return blocks
}

/** Several attribute blocks as one value, and back; what the catalog keeps. */
export const joinAttributes = (blocks: readonly Block[]): Uint8Array => cbor.encode(blocks.map(({ bytes }) => bytes))

/** Those of a sealed object are one raw block, an age file. */
export function splitAttributes(joined: Uint8Array, visibility: Visibility): readonly Block[] {
  const parts = decode(joined)
  if (!Array.isArray(parts)) throw new FormatError('malformed', 'these are not entry attributes')
  const codec = visibility === 'sealed' ? RAW : DAG_CBOR
  return parts.map((bytes: Uint8Array) => ({ cid: addressOf(bytes, codec), bytes }))
}

/** Reads one block of entry attributes. */
export function readAttributes(bytes: Uint8Array): readonly Attributes[] {
  const rows = decode(bytes)
  if (!Array.isArray(rows)) throw new FormatError('malformed', 'these are not entry attributes')
  return rows.map((row: unknown) => {
    const [path, mode, secs, nsecs] = Array.isArray(row) ? row : []
    if (typeof path !== 'string') throw new FormatError('malformed', 'a row of entry attributes has no path')
    return {
      path,
      ...(typeof mode === 'number' && { mode }),
      ...(typeof secs === 'number' && { mtime: { secs: BigInt(secs), ...(typeof nsecs === 'number' && { nsecs }) } }),
    }
  })
}

const domainOf = (kind: 'record' | 'tombstone'): Domain => (kind === 'record' ? 'perdure-record-v1' : 'perdure-tombstone-v1')

function mapOf(bytes: Uint8Array): Record<string, unknown> {
  const value = decode(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || CID.asCID(value))
    throw new FormatError('malformed', 'this block is not a map')
  return value as Record<string, unknown>
}

function decode(bytes: Uint8Array): unknown {
  try {
    return cbor.decode(bytes)
  } catch (cause) {
    throw new FormatError('malformed', 'this block is not DAG-CBOR', { cause })
  }
}
