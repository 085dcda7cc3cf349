/** Which entry a place below a restore's target belongs to, however it is spelled. */
import { sep } from 'node:path'
import { checkPath, shown } from '../bytes/paths.ts'
import type { TreeEntry } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { addressOf, RAW } from '../format/address.ts'

const PART_SUFFIX = '.perdure-part'
const PART = /^\.[^/]*\.perdure-part\d*$/
/** Leaves room in 255 bytes for the dot, the suffix, a digest and a number. */
const MAX_STEM_BYTES = 200

export interface Claims {
  /**
   * Takes the entry's path, and those of parents that were never told of; resolves to the paths taken. Throws `unsafe-target` for a path that leaves the target, that
   * came before, or that lies below something that is no directory.
   */
  take(entry: Pick<TreeEntry, 'path' | 'kind'>): readonly string[]
  /** Other taken paths that some file systems take for the same. */
  rivals(path: string): readonly string[]
  /** Where a file is written before it is whole: the same in every run, and nobody else's place so far. */
  partOf(path: string): string
}

/** Kept in memory for every entry of a restore: about its path. */
export function claimsOf(): Claims {
  const taken = new Map<string, TreeEntry['kind'] | 'implied'>()
  /** Only folded forms that differ from their path, or that two paths share. */
  const folded = new Map<string, readonly string[]>()

  const spellings = (fold: string): readonly string[] => [...(taken.has(fold) ? [fold] : []), ...(folded.get(fold) ?? [])]

  const add = (path: string, kind: TreeEntry['kind'] | 'implied') => {
    taken.set(path, kind)
    const fold = foldOf(path)
    if (fold !== path) folded.set(fold, [...(folded.get(fold) ?? []).filter((known) => known !== path), path])
  }

  const rivals = (path: string) => spellings(foldOf(path)).filter((other) => other !== path)

  return {
    take({ path, kind }) {
      if (path !== '') assertSafe(path)
      const fresh: string[] = []
      for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
        const known = taken.get(parent)
        if (known === 'file' || known === 'symlink') throw refused(path, `lies below ${shown(parent)}, which is a ${known}`)
        if (known !== undefined) break
        fresh.unshift(parent)
      }
      const known = taken.get(path)
      if (known !== undefined && !(known === 'implied' && kind === 'directory')) throw refused(path, 'comes twice')
      for (const parent of fresh) add(parent, 'implied')
      add(path, kind)
      return [...fresh, path]
    },
    rivals,
    partOf(path) {
      const at = path.lastIndexOf('/') + 1
      const stem = stemOf(path.slice(at))
      for (let number = 1; ; number++) {
        const part = `${path.slice(0, at)}.${stem}${PART_SUFFIX}${number === 1 ? '' : number}`
        if (spellings(foldOf(part)).length === 0 && !taken.has(part)) return part
      }
    },
  }
}

/** Could this entry be taken for the unfinished part of another? */
export const looksLikePart = (path: string): boolean => PART.test(foldOf(path.slice(path.lastIndexOf('/') + 1)))

/** At least what file systems fold: case, composition and compatibility, what is ignorable, and dots and spaces at the end. Only a suspicion: the disk has the last word. */
function foldOf(path: string): string {
  if (/^[a-z0-9_/-]*$/.test(path)) return path
  const plain = path.normalize('NFKD').replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  return plain
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[. ]+(?=\/|$)/g, '')
}

function stemOf(name: string): string {
  if (Buffer.byteLength(name) <= MAX_STEM_BYTES) return name
  let stem = name.slice(0, MAX_STEM_BYTES)
  while (Buffer.byteLength(stem) > MAX_STEM_BYTES || !stem.isWellFormed()) stem = stem.slice(0, -1)
  return `${stem}.${addressOf(Buffer.from(name), RAW).toString().slice(-16)}`
}

function parentOf(path: string): string | undefined {
  if (path === '') return undefined
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function assertSafe(path: string): void {
  try {
    checkPath(path)
  } catch (cause) {
    throw new ArchiveError('unsafe-target', `an entry is not restored: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  if (sep === '\\' && /[\\:]/.test(path)) throw refused(path, 'has a backslash or colon, which Windows takes for a path of its own')
}

function refused(path: string, why: string): ArchiveError {
  return new ArchiveError('unsafe-target', `the entry ${shown(path)} ${why}; it is not restored`)
}
