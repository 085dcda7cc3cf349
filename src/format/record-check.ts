/** The fields of a record or tombstone that was read from a vault: a signature says whose it is, not that it makes sense. */
import { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import type { RecordStatement, TombstoneStatement } from './record.ts'

const MAX_LOCATOR_LENGTH = 8_192
const PROFILES: ReadonlySet<unknown> = new Set(['unixfs-v1-2025', 'unixfs-v0-2015'])
const TYPES: ReadonlySet<unknown> = new Set(['file', 'directory', 'symlink'])
const MODES: ReadonlySet<unknown> = new Set([null, 'governance', 'compliance'])

type Fields = Readonly<Record<string, unknown>>

/** Throws `malformed` naming the field. Extents are checked against each other, not against TOCs. */
export function checkStatement(statement: RecordStatement | TombstoneStatement): void {
  const fields = statement as unknown as Fields
  demand(isCid(fields.root), 'root')
  demand(isCount(fields.sequence), 'sequence')
  if (statement.kind === 'tombstone') checkTombstone(fields)
  else checkRecord(fields)
}

function checkTombstone({ at, shred }: Fields): void {
  demand(isCount(at), 'at')
  if (shred === undefined) return
  demand(isMap(shred) && isList(shred.packs, isCid), 'shred')
}

function checkRecord(fields: Fields): void {
  demand(fields.previous === null || isCid(fields.previous), 'previous')
  demand(TYPES.has(fields.type), 'type')
  demand(isCount(fields.byteLength), 'byteLength')
  demand(PROFILES.has(fields.profile), 'profile')
  demand(fields.visibility === 'public' || fields.visibility === 'sealed', 'visibility')
  demand(isMap(fields.policy), 'policy')
  demand(fields.name === null || typeof fields.name === 'string', 'name')
  demand(fields.mediaType === null || typeof fields.mediaType === 'string', 'mediaType')
  demand(isCount(fields.created), 'created')
  demand(isList(fields.attributes, isCid), 'attributes')
  demand(fields.supersedes === undefined || isCid(fields.supersedes), 'supersedes')
  demand(fields.retain === undefined || isRetain(fields.retain), 'retain')
  demand(isList(fields.packs, isPack), 'packs')
  checkExtents(fields.packs as readonly { readonly extents: readonly (readonly [number, number, number])[] }[])
}

function isPack(value: unknown): boolean {
  if (!isMap(value)) return false
  const { toc, byteLength, extents, locators, erasable } = value
  return (
    isCid(toc) &&
    isCount(byteLength) &&
    isList(extents, isExtent) &&
    isMap(locators) &&
    Object.values(locators).every((locator) => typeof locator === 'string' && locator.length <= MAX_LOCATOR_LENGTH) &&
    (erasable === undefined || erasable === true)
  )
}

const isExtent = (value: unknown): boolean => Array.isArray(value) && value.length === 3 && value.every(isCount) && value[2] > 0

const isRetain = (value: unknown): boolean =>
  isMap(value) && isCount(value.until) && MODES.has(value.mode) && typeof value.legalHold === 'boolean'

/** Together they are the object's blocks from the first to the last, each once. */
function checkExtents(packs: readonly { readonly extents: readonly (readonly [number, number, number])[] }[]): void {
  let next = 0
  for (const [start, , count] of packs.flatMap(({ extents }) => extents).sort((a, b) => a[0] - b[0])) {
    demand(start === next, 'extents')
    next += count
  }
}

function demand(holds: boolean, field: string): asserts holds {
  if (!holds) throw new FormatError('malformed', `this statement is signed, and its ${field} makes no sense`)
}

const isCid = (value: unknown): boolean => CID.asCID(value) !== null
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value) && !CID.asCID(value)
const isList = (value: unknown, item: (value: unknown) => boolean): boolean => Array.isArray(value) && value.every(item)
