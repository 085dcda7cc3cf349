/** A temp folder with an archive in it, for tests of whole flows. */
import { createCipheriv, createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { Archive, ArchiveConfig, ReplicaReport, Vault, VaultProfile } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memory } from '../../src/vaults/memory.ts'
import { type Faults, faulty, noFaults } from '../fakes/faulty.ts'

export type { Faults }

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

/** A clock that moves by a millisecond with every look, and by days on request: evidence of one test never shares a moment. */
export interface TestClock {
  (): number
  advanceDays(count: number): void
}

export function testClock(start = Date.UTC(2026, 0, 1)): TestClock {
  let now = start
  return Object.assign(() => now++, {
    advanceDays: (count: number) => {
      now += count * 86_400_000
    },
  })
}

/** One memory vault of a fleet: what it holds by locator, and its faults of the moment. */
export interface Member {
  readonly store: Map<string, Uint8Array>
  readonly faults: Faults
}

export interface Fleet<Id extends string> extends House {
  readonly members: Readonly<Record<Id, Member>>
  readonly clock: TestClock
}

/** An archive over memory vaults of unlike operators, each with faults on request, and a clock of its own. */
export async function fleet<const Id extends string>(
  ids: readonly Id[],
  config: Partial<ArchiveConfig> & { readonly profiles?: Partial<Record<Id, Partial<VaultProfile>>> } = {},
): Promise<Fleet<Id>> {
  const { profiles, ...rest } = config
  const clock = testClock()
  const made = ids.map((id): readonly [Id, Member] => [id, { store: new Map(), faults: noFaults() }])
  const vaults = made.map(([id, { store, faults }]) => faulty(memory({ id, store, operator: `operator-${id}`, ...profiles?.[id] }), faults))
  const built = await house({ timeoutMs: 200, clock, ...rest, vaults })
  return Object.assign(built, { members: Object.fromEntries(made) as Record<Id, Member>, clock })
}

/** Names of what lies in the spool: parts first, then packs. */
export async function spooled(folder: string): Promise<readonly string[]> {
  const spool = join(folder, 'archive', 'spool')
  return [...(await readdir(join(spool, 'parts'))), ...(await readdir(join(spool, 'packs')))]
}

/** Every file below a folder, by its path, with the hash of its bytes. */
export async function treeOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const tree: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile())
      tree[relative(folder, path)] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
  }
  return tree
}

/** The one of a list, which must hold exactly one. */
export function only<T>(items: Iterable<T>): T {
  const [first, ...rest] = items
  if (first === undefined || rest.length > 0)
    throw new RangeError(`one was expected, there are ${first === undefined ? 0 : 1 + rest.length}`)
  return first
}

/** Locators of the content packs that a member holds. */
export const contentOf = (member: Member): readonly string[] => [...member.store.keys()].filter((at) => at.startsWith('content/'))
