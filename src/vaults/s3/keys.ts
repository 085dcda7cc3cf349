/**
 * Names in a bucket, readable with `aws s3 ls`:
 * ```
 * <prefix>packs/<xx>/<name>.car    content packs
 * <prefix>index/<xx>/<name>.car    index packs
 * <prefix>probe/…                  what `open` tries out; gone again when it is done
 * <prefix>perdure-vault.json       says that this is a vault
 * ```
 * `<name>` is the pack's CID in base32, `<xx>` the two characters before its last one.
 * A locator is `s3:<key>`, on a versioned bucket `s3:<key>?versionId=<id>`.
 */
import { CID } from 'multiformats/cid'
import type { Locator, PackKind } from '../../contracts.ts'

/** Folder of each kind of pack. */
export const FOLDERS: Readonly<Record<PackKind, string>> = { content: 'packs', index: 'index' }

/** Name of the object that marks a prefix as a vault. */
export const MARKER = 'perdure-vault.json'

const SCHEME = 's3:'
const KEY = /^(packs|index)\/([a-z2-7]{2})\/([a-z2-7]+)\.car$/
const VERSIONED = /^(.*\.car)\?versionId=([^?&#]+)$/s

/** One object in the bucket; without `versionId` whichever is current. */
export interface ObjectName {
  readonly key: string
  readonly versionId?: string | undefined
}

export interface PackName {
  readonly name: CID
  readonly kind: PackKind
}

/** The key of a pack. */
export function keyOf(prefix: string, name: CID, kind: PackKind): string {
  const text = name.toV1().toString()
  return `${prefix}${FOLDERS[kind]}/${text.slice(-3, -1)}/${text}.car`
}

/** Reads a key; undefined for whatever is not a pack of this prefix. */
export function parseKey(prefix: string, key: string): PackName | undefined {
  if (!key.startsWith(prefix)) return undefined
  const [, folder, shard, text = ''] = KEY.exec(key.slice(prefix.length)) ?? []
  if (shard === undefined || text.slice(-3, -1) !== shard) return undefined
  const name = parsedName(text)
  return name && { name, kind: folder === FOLDERS.index ? 'index' : 'content' }
}

/** `null` is what unversioned objects are called in a versioned bucket: it names no version of its own. */
export function locatorOf(key: string, versionId?: string | undefined): Locator {
  const version = versionId === undefined || versionId === 'null' ? '' : `?versionId=${encodeURIComponent(versionId)}`
  return `${SCHEME}${key}${version}`
}

/** Reads a locator; undefined for anything this vault never issued, so that no locator leads out of the prefix. */
export function parseLocator(prefix: string, at: Locator): (ObjectName & PackName) | undefined {
  if (!at.startsWith(SCHEME)) return undefined
  const [, versionedKey, encoded] = VERSIONED.exec(at.slice(SCHEME.length)) ?? []
  const key = versionedKey ?? at.slice(SCHEME.length)
  const pack = parseKey(prefix, key)
  if (!pack || encoded === undefined) return pack && { key, ...pack }
  const versionId = decoded(encoded)
  return versionId === undefined || locatorOf(key, versionId) !== at ? undefined : { key, versionId, ...pack }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: not an id that we encoded.
    return undefined
  }
}

function parsedName(text: string): CID | undefined {
  try {
    const name = CID.parse(text)
    return name.toString() === text ? name : undefined
  } catch {
    // A key that merely looks like a pack is foreign, not an error.
    return undefined
  }
}
