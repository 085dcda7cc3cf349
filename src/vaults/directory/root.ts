/** Opens the folder of a directory vault: makes it, marks it, tries to write, finds its device, clears what dead writers left. */
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { errno, isMounted, type Place, unmounted } from './guard.ts'
import { FOLDERS, host, MARKER, PARTS, parsePart, partName } from './paths.ts'
import { syncFolder } from './sync.ts'

const STALE_MS = 60 * 60 * 1000
const VERSION = 1

/** Resolves to the number of the device the folder lies on. With `mustExist` nothing is made: a folder without a marker is `unreachable`. */
export async function openRoot(place: Place, options: AbortOptions & { readonly mustExist?: boolean } = {}): Promise<number> {
  const { mustExist = false, signal } = options
  if (!mustExist) await mkdir(place.at, { recursive: true })
  const { dev } = await folder(place)
  if (!(await isMounted(place))) {
    if (mustExist) throw unmounted(place)
    await mark(place, 'wx')
  } else await checkMarker(place)
  for (const each of [PARTS, ...Object.values(FOLDERS)]) await mkdir(join(place.at, each), { recursive: true })
  await tryWriting(place)
  await syncFolder(place.at)
  signal?.throwIfAborted()
  await sweep(place)
  return dev
}

async function folder(place: Place): Promise<{ readonly dev: number }> {
  const found = await stat(place.at)
  if (found.isDirectory()) return found
  throw new VaultError('invalid', place.id, `${place.at} is not a folder; choose another one`)
}

async function mark(place: Place, flag: 'wx' | 'w'): Promise<void> {
  const marker = { version: VERSION, id: place.id, created: new Date().toISOString() }
  try {
    await using handle = await open(join(place.at, MARKER), flag)
    await handle.writeFile(`${JSON.stringify(marker)}\n`)
    await handle.sync()
  } catch (error) {
    // Another process has just opened the same new vault.
    if (errno(error) !== 'EEXIST') throw error
  }
}

/** A marker that a crash left half-written is written again; one of a later layout is refused. */
async function checkMarker(place: Place): Promise<void> {
  const version = versionOf(await readFile(join(place.at, MARKER), 'utf8'))
  if (version === undefined) await mark(place, 'w')
  else if (version > VERSION) {
    throw new VaultError('unsupported', place.id, `${place.at} has layout ${version}, this perdure knows ${VERSION}; use a newer perdure`)
  }
}

function versionOf(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'version' in value && typeof value.version === 'number'
      ? value.version
      : undefined
  } catch {
    // Not JSON: the file was cut off or rotted, and says nothing but that it is there.
    return undefined
  }
}

/** Permission bits lie (root, ACLs, mount options): only a write tells. */
async function tryWriting(place: Place): Promise<void> {
  const path = join(place.at, PARTS, partName())
  await using handle = await open(path, 'wx')
  await handle.write('x')
  await rm(path, { force: true })
}

async function sweep(place: Place): Promise<void> {
  const parts = join(place.at, PARTS)
  for (const file of await readdir(parts)) {
    const writer = parsePart(file)
    if (writer && (isDead(writer) || (await isStale(join(parts, file))))) await rm(join(parts, file), { force: true })
  }
}

function isDead(writer: { readonly host: string; readonly pid: number }): boolean {
  if (writer.host !== host) return false
  try {
    process.kill(writer.pid, 0)
    return false
  } catch (error) {
    return errno(error) === 'ESRCH'
  }
}

/** By change time: an adopted file keeps the old modification time of the spool's. */
async function isStale(path: string): Promise<boolean> {
  try {
    return (await stat(path)).ctimeMs < Date.now() - STALE_MS
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}
