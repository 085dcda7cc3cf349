/** A temp folder with an archive in it, for tests of whole flows. */
import { createCipheriv, createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { Archive, ArchiveConfig, ReplicaReport, Vault } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'

/** A folder that is gone after the test. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Reproducible bytes without structure: a ChaCha20 keystream. */
export function noise(byteLength: number, seed = 'noise'): Buffer {
  return createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(byteLength))
}

export interface House {
  readonly folder: string
  readonly archive: Archive
  readonly vaults: readonly Vault[]
  /** Closes and opens again, with the same folder and vaults unless told otherwise. */
  reopen(config?: Partial<ArchiveConfig>): Promise<Archive>
}

/** An archive over two directory vaults `a` and `b`, or over the vaults given. */
export async function house(config: Partial<ArchiveConfig> = {}): Promise<House> {
  const folder = await tempFolder()
  const vaults = config.vaults ?? [directory({ id: 'a', at: join(folder, 'a') }), directory({ id: 'b', at: join(folder, 'b') })]
  const settings: ArchiveConfig = { path: join(folder, 'archive'), timeoutMs: 300, ...config, vaults }
  let archive = await createArchive(settings)
  onTestFinished(() => archive.close())
  return {
    folder,
    get archive() {
      return archive
    },
    vaults,
    async reopen(other = {}) {
      await archive.close()
      archive = await createArchive({ ...settings, ...other })
      return archive
    },
  }
}

/** Writes files below a folder. */
export async function files(folder: string, contents: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  for (const [path, bytes] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
  return folder
}

/** Where a directory vault of the house keeps a replica. */
export const fileOf = (folder: string, replica: ReplicaReport): string => join(folder, replica.vault, replica.locator ?? 'nowhere')

/** Flips one bit of a file. */
export async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(path, bytes)
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}
