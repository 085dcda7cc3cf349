/**
 * Where things lie in a directory vault:
 *
 * ```
 * perdure-vault.json          the marker: this folder is a vault, and the disk under it is mounted
 * packs/<shard>/<name>.car    content packs
 * index/<shard>/<name>.car    index packs
 * tmp/<host>.<pid>.<random>.part
 * ```
 *
 * `<name>` is the pack's CID in base32, `<shard>` the two characters before its last one (flatfs `next-to-last/2`).
 */
import { hostname } from 'node:os'
import { CID } from 'multiformats/cid'
import type { Listed, Locator, PackKind } from '../../contracts.ts'

/** Name of the file that marks a folder as a vault. */
export const MARKER = 'perdure-vault.json'

/** Folder of files being written. */
export const PARTS = 'tmp'

/** Folder of each kind of pack. */
export const FOLDERS: Readonly<Record<PackKind, string>> = { content: 'packs', index: 'index' }

const LOCATOR = /^(packs|index)\/([a-z2-7]{2})\/([a-z2-7]+)\.car$/
const PART = /^([a-z0-9-]*)\.(\d+)\.[0-9a-f-]+\.part$/

/** This machine's name as it stands in part names: a pid means nothing on another host of a shared mount. */
export const host: string = hostname()
  .toLowerCase()
  .replaceAll(/[^a-z0-9-]/g, '-')
  .slice(0, 60)

/** The path of a pack, relative to the vault; it is the locator too. */
export function locatorOf(name: CID, kind: PackKind): Locator {
  const text = name.toV1().toString()
  return `${FOLDERS[kind]}/${text.slice(-3, -1)}/${text}.car`
}

/** Reads a locator; undefined for anything this vault never issued, so that no locator leads out of the folder. */
export function parseLocator(at: Locator): Omit<Listed, 'byteLength'> | undefined {
  const [, folder, shard, text = ''] = LOCATOR.exec(at) ?? []
  if (shard === undefined || text.slice(-3, -1) !== shard) return undefined
  const name = parsedName(text)
  return name && { name, kind: folder === FOLDERS.index ? 'index' : 'content', at }
}

/** A fresh name for a file being written by this process. */
export function partName(): string {
  return `${host}.${process.pid}.${crypto.randomUUID()}.part`
}

/** Who writes a part; undefined for foreign files. */
export function parsePart(file: string): { readonly host: string; readonly pid: number } | undefined {
  const [, writer, pid] = PART.exec(file) ?? []
  return writer === undefined ? undefined : { host: writer, pid: Number(pid) }
}

function parsedName(text: string): CID | undefined {
  try {
    return CID.parse(text)
  } catch {
    // A file that merely looks like a pack is foreign, not an error.
    return undefined
  }
}
