/** Temporary folders: one in memory, one on a disk, both gone when the run ends, however it ends. */
import { createCipheriv, createHash } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIB } from './bench.ts'

const TMPFS_MAGIC = 0x01021994
const PIECE_BYTES = 4 * MIB
/** What the machine and the process under test need besides the files. */
const SPARE_BYTES = 1024 * MIB

export interface Scratch {
  /** On tmpfs; absent where the machine has none. */
  readonly memory?: string
  /** Not on tmpfs; absent where every folder we may use is. */
  readonly disk?: string
  /** The folder in memory if that many bytes fit, else the one on disk, else nothing. */
  roomFor(byteLength: number): Promise<string | undefined>
  remove(): Promise<void>
}

/** Makes the folders. */
export async function openScratch(): Promise<Scratch> {
  const memory = await folderIn(['/dev/shm', tmpdir()], true)
  const disk = await folderIn([tmpdir(), process.cwd()], false)
  return {
    ...(memory !== undefined && { memory }),
    ...(disk !== undefined && { disk }),
    async roomFor(byteLength) {
      if (memory !== undefined && (await freeIn(memory)) > byteLength && (await freeMemory()) > byteLength + SPARE_BYTES) return memory
      return disk !== undefined && (await freeIn(disk)) > byteLength + SPARE_BYTES ? disk : undefined
    },
    async remove() {
      for (const folder of [memory, disk]) if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

async function folderIn(places: readonly string[], inMemory: boolean): Promise<string | undefined> {
  for (const place of places) {
    const found = await statfs(place).catch(() => undefined)
    if (found && (found.type === TMPFS_MAGIC) === inMemory) return mkdtemp(join(place, 'perdure-bench-'))
  }
  return undefined
}

async function freeIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Free memory does not count what the page cache would give back; MemAvailable does. */
async function freeMemory(): Promise<number> {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'latin1').catch(() => ''))
  return found ? Number(found[1]) * 1024 : freemem()
}

/** Writes a file of a ChaCha20 keystream: nothing compresses or deduplicates it, and the same seed gives the same bytes again. */
export async function randomFile(path: string, byteLength: number, options: { readonly seed?: string; readonly signal: AbortSignal }) {
  const stream = keystream(options.seed ?? 'bench')
  await using file = await open(path, 'wx')
  for (let at = 0; at < byteLength; at += PIECE_BYTES) {
    options.signal.throwIfAborted()
    await file.writeFile(stream(Math.min(PIECE_BYTES, byteLength - at)))
  }
}

const LEAST_BYTES = 100
const MOST_BYTES = 2_000
const FILES_PER_FOLDER = 500

/** A folder of many small files. Sizes are spread evenly from the least to the most, the same at every run. */
export async function smallFiles(folder: string, count: number, signal: AbortSignal): Promise<void> {
  const next = keystream('small files')
  for (let index = 0; index < count; index++) {
    signal.throwIfAborted()
    const below = join(folder, `folder-${Math.floor(index / FILES_PER_FOLDER)}`)
    if (index % FILES_PER_FOLDER === 0) await mkdir(below, { recursive: true })
    const byteLength = LEAST_BYTES + ((index * 7_919) % (MOST_BYTES - LEAST_BYTES + 1))
    await writeFile(join(below, `file-${index}`), next(byteLength))
  }
}

/** The next so many bytes of the stream that the seed names. */
export function keystream(seed: string): (byteLength: number) => Uint8Array {
  const cipher = createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16))
  return (byteLength) => cipher.update(Buffer.alloc(byteLength))
}
