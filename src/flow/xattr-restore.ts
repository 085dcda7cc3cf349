/** Sets extended attributes on what a restore has written, and keeps account of what the system refused: a restore never fails for one. */
import type { FileHandle } from 'node:fs/promises'
import { takeTurns } from '../bytes/at-once.ts'
import type { LoadXattrs, TreeEntry, XattrFunctions, XattrProblem, XattrReport } from '../contracts.ts'
import { isKeptXattr, sortedXattrs } from '../format/xattrs.ts'
import { pathOfOpen, settledValueOf, systemCode } from './xattr-access.ts'

const MAX_REFUSALS = 1_000
const OWNER_WRITE = 0o200

export interface XattrSetter {
  /** Of an open file or directory; to be called after its owner was set, which takes some away, and before its mode, which may forbid it. */
  set(handle: FileHandle, entry: Pick<TreeEntry, 'path' | 'xattrs'>): Promise<void>
  report(): XattrReport
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTSUP: 'the file system does not take it',
  EOPNOTSUPP: 'the file system does not take it',
  EPERM: 'the system does not permit it',
  EACCES: 'the system does not permit it',
  ENOSPC: 'the file system has no room for it',
  EDQUOT: 'the file system has no room for it',
  E2BIG: 'it is longer than the system takes',
  ERANGE: 'it is longer than the system takes',
  EROFS: 'the file system is read-only',
}

/** Loads what sets attributes when the first one comes; where that fails, every attribute is refused with the reason. */
export function xattrSetter(load: LoadXattrs): XattrSetter {
  const refusals: XattrProblem[] = []
  let set = 0
  let refused = 0
  let loading: Promise<XattrFunctions | string> | undefined
  const refuse = (path: string, name: string, reason: string) => {
    refused++
    if (refusals.length < MAX_REFUSALS) refusals.push({ path, name, reason })
  }
  return {
    async set(handle, { path, xattrs = {} }) {
      const wanted = sortedXattrs(xattrs)
      if (wanted.length === 0) return
      loading ??= load().catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      const functions = await loading
      await takeTurns()
      const outcome = typeof functions === 'string' ? functions : await setAll(handle, wanted, functions)
      for (const [name] of wanted) {
        const reason = typeof outcome === 'string' ? outcome : outcome.get(name)
        if (reason === undefined) set++
        else refuse(path, name, reason)
      }
    },
    report: () => ({ set, refused, refusals }),
  }
}

type Wanted = readonly (readonly [string, Uint8Array])[]

/** The reasons of what was refused, by name; or why nothing could be set. */
async function setAll(handle: FileHandle, wanted: Wanted, functions: XattrFunctions): Promise<ReadonlyMap<string, string> | string> {
  try {
    const stats = await handle.stat({ bigint: true })
    const at = pathOfOpen(handle.fd, stats)
    const refused = setEach(at, wanted, functions)
    const mode = Number(stats.mode) & 0o7777
    if (![...refused.values()].includes('EACCES') || (mode & OWNER_WRITE) !== 0) return inWords(refused)
    // A file that was there already may be read-only, and its attributes are so with it.
    await handle.chmod(mode | OWNER_WRITE)
    try {
      return inWords(setEach(at, wanted, functions))
    } finally {
      await handle.chmod(mode)
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Resolves to the system's codes. What is there already is not written again. */
function setEach(at: string, wanted: Wanted, functions: XattrFunctions): ReadonlyMap<string, string> {
  const refused = new Map<string, string>()
  for (const [name, value] of wanted) {
    if (!isKeptXattr(name)) refused.set(name, NOT_OURS)
    else if (!holds(at, name, value, functions)) {
      try {
        functions.setAttributeSync(at, name, Buffer.from(value))
      } catch (error) {
        refused.set(name, systemCode(error))
      }
    }
  }
  return refused
}

const NOT_OURS = 'it belongs to the machine it was on'

function holds(at: string, name: string, value: Uint8Array, functions: XattrFunctions): boolean {
  try {
    return Buffer.compare(settledValueOf(functions, at, name), value) === 0
  } catch {
    return false
  }
}

const inWords = (refused: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...refused].map(([name, code]) => [name, code === NOT_OURS ? code : `${REASONS[code] ?? 'it could not be set'} (${code})`]))
