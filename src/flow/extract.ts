/** Writes a tree of entries below a target: two files at a time, then symlinks, then the modes and mtimes of directories. Run again, it goes on. */
import { mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { shown } from '../bytes/paths.ts'
import type { AbortOptions, RestoreOptions, RestoreReport, TreeEntry } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { type Claims, claimsOf, looksLikePart } from './claims.ts'
import { tell } from './context.ts'
import { type Lanes, lanesOf } from './lanes.ts'
import { attempt, directoryAt, finishAt, linksTo, type Placing, sameThing, statAt, writeFileAt, writeLinkAt } from './target.ts'
import type { XattrSetter } from './xattr-restore.ts'

const WIDTH = 2
const MAX_WARNINGS = 1_000

export interface ExtractTree {
  /** Parents before children, paths relative to the target; a first entry with an empty path is the object itself. Not trusted. */
  readonly entries: AsyncIterable<TreeEntry>
  read(entry: TreeEntry, options: AbortOptions): AsyncIterable<Uint8Array>
  /** Has the file at that path, a regular one of the right length, the entry's content? */
  holds(entry: TreeEntry, at: string, options: AbortOptions): Promise<boolean>
}

export interface ExtractOptions extends Omit<RestoreOptions, 'path' | 'xattrs'> {
  /** Sets extended attributes; absent: none are set. */
  readonly xattrs?: XattrSetter | undefined
  /** What a file or symlink is called when the target is a directory. */
  readonly name?: string | undefined
  /** Bytes to come, for progress. */
  readonly total?: number | undefined
  /** Flush files and directories to the disk, default true. */
  readonly durable?: boolean | undefined
}

export type Extracted = Omit<RestoreReport, 'root' | 'xattrs'>

interface Run {
  readonly tree: ExtractTree
  readonly options: ExtractOptions
  /** Real path of the directory that nothing leaves. */
  readonly base: string
  /** Was the base there before? */
  readonly existed: boolean
  /** Path below it of an object that is no directory. */
  readonly top: string
  readonly signal: AbortSignal
  readonly lanes: Lanes
  readonly claims: Claims
  readonly links: TreeEntry[]
  readonly directories: Map<string, TreeEntry | undefined>
  readonly widened: Map<string, number>
  readonly done: { files: number; byteLength: number; reused: number; readonly warnings: string[] }
}

/**
 * Writes files, directories and symlinks, never outside the target. Throws ArchiveError `unsafe-target` for entries that would leave it, follow a
 * symlink or share one place, `exists` for what stands there already and differs, `exhausted` when the disk is full.
 */
export async function extract(tree: ExtractTree, target: string, options: ExtractOptions = {}): Promise<Extracted> {
  const { signal } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  let run: Run | undefined
  const lanes = lanesOf(WIDTH, stop)
  const joined = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  try {
    for await (const entry of tree.entries) {
      joined.throwIfAborted()
      run ??= await begin(tree, target, entry, { options, signal: joined, lanes })
      await settle(run, entry)
    }
    await lanes.idle()
    if (!run) throw new ArchiveError('conflict', 'there was no entry to restore; restore the object again')
    for (const link of run.links) await restoreLink(run, link)
    await finish(run)
  } catch (error) {
    // Closing aborts the other lane: what it fails with then is not the reason.
    const first = lanes.failure ? lanes.failure.error : error
    await lanes.close()
    if (run) await narrow(run)
    signal?.throwIfAborted()
    throw first
  }
  return { target: run.top === '' ? run.base : join(run.base, run.top), ...run.done }
}

type Shared = Pick<Run, 'options' | 'signal' | 'lanes'>

async function begin(tree: ExtractTree, target: string, first: TreeEntry, shared: Shared): Promise<Run> {
  if (target.includes('\0')) throw new ArchiveError('unsafe-target', 'the target contains NUL; choose another')
  const { base, top, existed } = await placeOf(target, first, shared.options.name)
  const widened = new Map<string, number>()
  if (top === '') await directoryAt(dirname(base), basename(base), widened)
  return {
    ...shared,
    tree,
    base,
    top,
    existed,
    claims: claimsOf(),
    links: [],
    directories: new Map(),
    widened,
    done: { files: 0, byteLength: 0, reused: 0, warnings: [] },
  }
}

/** The target itself may be, or lie behind, a symlink: that is the caller's choice, made once. */
async function placeOf(target: string, first: TreeEntry, name: string | undefined): Promise<Pick<Run, 'base' | 'top' | 'existed'>> {
  const at = resolve(target)
  const single = first.path === '' && first.kind !== 'directory'
  const into = !single || target.endsWith('/') || target.endsWith(sep) || (await stat(at).catch(() => undefined))?.isDirectory() === true
  const folder = into ? at : dirname(at)
  const made = await attempt(folder, () => mkdir(folder, { recursive: true }))
  const base = await attempt(folder, () => realpath(folder))
  return { base, existed: made === undefined, top: !single ? '' : into ? nameOf(name, first) : basename(at) }
}

/** The last segment of a name, where a file can be called that. */
function nameOf(name: string | undefined, { cid }: TreeEntry): string {
  const last = name?.slice(name.lastIndexOf('/') + 1) ?? ''
  const usable =
    last !== '' && last !== '.' && last !== '..' && last.isWellFormed() && !/[\0\\]/.test(last) && Buffer.byteLength(last) <= 255
  return usable ? last : cid.toString()
}

/** Entries are taken one by one; only the content of files is written side by side. */
async function settle(run: Run, entry: TreeEntry): Promise<void> {
  const { claims, lanes, directories, links } = run
  const path = entry.path === '' ? run.top : entry.path
  if (run.top !== '' && entry.path !== '')
    throw new ArchiveError('unsafe-target', `${shown(entry.path)} lies below a file; it is not restored`)
  const taken = claims.take({ path, kind: entry.kind })
  // Nothing else may be under way where a part of it could have the same name.
  if (taken.some(looksLikePart)) await lanes.idle()
  if (entry.kind === 'symlink') links.push(entry)
  for (const each of taken) {
    if (each === '' || (each === path && entry.kind === 'symlink')) continue
    await assertApart(run, each)
  }
  for (const each of taken) {
    if (each === path && entry.kind !== 'directory') continue
    const { existed } = each === '' ? run : await directoryAt(run.base, each, run.widened)
    directories.set(each, each === path ? entry : undefined)
    if (each === path) tell(run.options.onProgress, { type: 'entry-restored', path: entry.path, reused: existed })
  }
  if (entry.kind !== 'file') return
  await lanes.run(() => restoreFile(run, entry, path))
}

/** Two spellings that lead to one place on this file system: the second would take the place of the first. */
async function assertApart({ base, claims, lanes }: Run, path: string): Promise<void> {
  const rivals = claims.rivals(path)
  if (rivals.length > 0) await lanes.idle()
  for (const rival of rivals) {
    if (!(await sameThing(join(base, rival), join(base, path)))) continue
    const names = `${shown(rival)} and ${shown(path)}`
    throw new ArchiveError('unsafe-target', `${names} are one name on this file system; restore to one that keeps them apart`)
  }
}

/** Looks at every directory on the way again, right before something is written there. */
async function enter({ base, widened }: Run, path: string): Promise<void> {
  const end = path.lastIndexOf('/')
  if (end > 0) await directoryAt(base, path.slice(0, end), widened)
}

async function restoreFile(run: Run, entry: TreeEntry, path: string): Promise<void> {
  const { base, tree, signal, done, options, claims } = run
  const { onProgress, total } = options
  const at = join(base, path)
  await enter(run, path)
  const reused = await standsAlready(run, entry, at)
  const placing = placingOf(run, join(base, claims.partOf(path)))
  if (reused) {
    await finishAt(at, entry, { ...placing, durable: false })
    done.reused++
    tell(onProgress, { type: 'bytes-restored', byteLength: entry.byteLength, total })
  } else {
    await writeFileAt(at, entry, counted(tree.read(entry, { signal }), { onProgress, total }), placing)
  }
  done.files++
  done.byteLength += entry.byteLength
  tell(onProgress, { type: 'entry-restored', path: entry.path, reused })
}

/** Is the file there, with the right content? Throws `exists` when something else is and may not be replaced. */
async function standsAlready({ tree, options, signal }: Run, entry: TreeEntry, at: string): Promise<boolean> {
  const stats = await statAt(at)
  if (!stats) return false
  if (stats.isDirectory()) throw new ArchiveError('exists', `${shown(at)} is a directory where a file belongs; move it away`)
  if (stats.isFile() && Number(stats.size) === entry.byteLength && (await tree.holds(entry, at, { signal }))) return true
  if (options.overwrite) return false
  throw new ArchiveError('exists', `${shown(at)} exists with other content; allow overwriting, or choose another target`)
}

async function* counted(content: AsyncIterable<Uint8Array>, { onProgress, total }: Pick<ExtractOptions, 'onProgress' | 'total'>) {
  for await (const bytes of content) {
    yield bytes
    tell(onProgress, { type: 'bytes-restored', byteLength: bytes.byteLength, total })
  }
}

/** After all files, so that no file is ever written through one. */
async function restoreLink(run: Run, entry: TreeEntry): Promise<void> {
  const { base, options, claims, signal } = run
  signal.throwIfAborted()
  const path = entry.path === '' ? run.top : entry.path
  const at = join(base, path)
  const target = entry.target ?? ''
  await assertApart(run, path)
  await enter(run, path)
  const stats = await statAt(at)
  const reused = stats !== undefined && (await linksTo(at, stats, target))
  if (stats && !reused && (stats.isDirectory() || !options.overwrite)) {
    throw new ArchiveError(
      'exists',
      `${shown(at)} is in the way of a symlink; ${stats.isDirectory() ? 'move it away' : 'allow overwriting, or choose another target'}`,
    )
  }
  if (!reused) await writeLinkAt(at, target, { ...placingOf(run, join(base, claims.partOf(path))), entry })
  tell(options.onProgress, { type: 'entry-restored', path: entry.path, reused })
}

/** Directories get their modes and mtimes when nothing is written to them any more, the deepest first. */
async function finish(run: Run): Promise<void> {
  const depth = (path: string) => (path === '' ? 0 : path.split('/').length)
  const deepestFirst = [...run.directories].sort(([a], [b]) => depth(b) - depth(a))
  for (const [path, entry] of deepestFirst) {
    run.signal.throwIfAborted()
    const at = join(run.base, path)
    const before = run.widened.get(at)
    run.widened.delete(at)
    await finishAt(at, { ...entry, path, kind: 'directory', mode: entry?.mode ?? before }, placingOf(run, ''))
  }
}

/** A restore that ends early gives directories the modes back that it took from them. */
async function narrow(run: Run): Promise<void> {
  const deepestFirst = [...run.widened].sort(([a], [b]) => b.length - a.length)
  for (const [at, mode] of deepestFirst)
    await finishAt(at, { path: at, kind: 'directory', mode }, { ...placingOf(run, ''), durable: false })
}

function placingOf({ options, signal, done }: Run, part: string): Placing {
  const warn = (warning: string) => {
    if (done.warnings.length < MAX_WARNINGS) done.warnings.push(warning)
  }
  return { part, durable: options.durable ?? true, xattrs: options.xattrs, signal, warn }
}
