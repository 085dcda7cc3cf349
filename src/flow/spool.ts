/**
 * The spool: packs on local disk until vaults have them. Parts are written under `parts/`, named by the session that writes them; a whole pack is
 * linked into `packs/` and its part unlinked once the catalog knows it. So a crash leaves a dead session's part, or a whole pack, and nothing else.
 */
import { type FileHandle, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import type { Catalog, Lease, Pack, PackRow, Span } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { decodeToc, layout } from '../format/pack.ts'
import { chunksOf } from './file-chunks.ts'

const LEASE_MS = 60_000

export interface Part {
  readonly path: string
  readonly file: FileHandle
}

export interface Spool {
  /** Names the puts of this process: `<session>` or `<session>.<anything>`. */
  readonly session: string
  /** Opens a new part. The first one takes the session's lease, which tells other processes that the parts have a living owner. */
  part(): Promise<Part>
  /** Makes a closed, synced part visible as a pack; the part stays until `settle`. */
  publish(part: Part, name: CID): Promise<void>
  /** Drops parts, published or not. */
  settle(parts: readonly Part[]): Promise<void>
  pathOf(name: CID): string
  /** A pack of the catalog as vaults take it; `toc` is read when spans are asked for. */
  pack(row: PackRow): Pack
  has(name: CID): Promise<boolean>
  remove(name: CID): Promise<void>
  /** Bytes in parts and packs now. */
  used(): Promise<number>
  /** Drops what dead sessions left. Resolves to the number of files removed. */
  collect(): Promise<number>
  close(): Promise<void>
}

export async function openSpool(folder: string, catalog: Catalog, session: string): Promise<Spool> {
  const parts = join(folder, 'parts')
  const packs = join(folder, 'packs')
  await mkdir(parts, { recursive: true })
  await mkdir(packs, { recursive: true })
  let lease: Promise<Lease | undefined> | undefined
  let heartbeat: NodeJS.Timeout | undefined
  let count = 0
  const pathOf = (name: CID) => join(packs, `${name}.car`)

  const hold = async () => {
    lease ??= catalog.acquire(`session:${session}`, { ttlMs: LEASE_MS }).catch((error: unknown) => {
      // Refused this once, not for the life of the process.
      lease = undefined
      throw error
    })
    const held = await lease
    heartbeat ??= setInterval(() => held?.renew().catch(() => undefined), LEASE_MS / 3).unref()
  }

  return {
    session,
    pathOf,
    async part() {
      await hold()
      const path = join(parts, `${session}.${count++}`)
      return { path, file: await open(path, 'wx+') }
    },
    async publish(part, name) {
      await linkOver(part.path, pathOf(name))
      await syncFolder(packs)
    },
    async settle(done) {
      for (const part of done) await removeFile(part.path)
    },
    pack: (row) => spooledPack(row, pathOf(row.name), catalog),
    has: async (name) => (await sizeOf(pathOf(name))) !== undefined,
    remove: async (name) => void (await removeFile(pathOf(name))),
    async used() {
      let total = 0
      for (const at of [parts, packs]) for (const name of await readdir(at)) total += (await sizeOf(join(at, name))) ?? 0
      return total
    },
    collect: () => collectDead(catalog, parts, packs, session),
    async close() {
      clearInterval(heartbeat)
      // A lease that cannot be given back, on a full disk say, ends with this process.
      await Promise.allSettled([lease?.then((held) => held?.release())])
    },
  }
}

/** A part belongs to the session before its first dot; a session is alive while somebody holds its lease. */
async function collectDead(catalog: Catalog, parts: string, packs: string, self: string): Promise<number> {
  const names = await readdir(parts)
  const owners = await catalog.stagedOwners()
  const living = new Set([self])
  const livingInodes = new Set<number>()
  let removed = 0
  for (const session of new Set([...names, ...owners].map((name) => name.split('.', 1)[0] ?? name))) {
    if (session === self) continue
    const lease = await catalog.acquire(`session:${session}`, { ttlMs: LEASE_MS })
    if (!lease) living.add(session)
    else {
      for (const owner of owners) if (owner.split('.', 1)[0] === session) await catalog.dropStaged(owner)
      await lease.release()
    }
  }
  for (const name of names) {
    const path = join(parts, name)
    if (living.has(name.split('.', 1)[0] ?? name)) livingInodes.add((await stat(path).catch(() => undefined))?.ino ?? -1)
    else if (await removeFile(path)) removed++
  }
  for (const name of await readdir(packs)) {
    const path = join(packs, name)
    if (await isKnown(catalog, name)) continue
    const found = await stat(path).catch(() => undefined)
    if (found && !livingInodes.has(found.ino) && (await removeFile(path))) removed++
  }
  return removed
}

async function isKnown(catalog: Catalog, file: string): Promise<boolean> {
  const name = packNameOf(file)
  return name !== undefined && (await catalog.packByName(name))?.spooled === true
}

function packNameOf(file: string): CID | undefined {
  if (!file.endsWith('.car')) return undefined
  try {
    return CID.parse(file.slice(0, -4))
  } catch {
    return undefined
  }
}

function spooledPack(row: PackRow, path: string, catalog: Catalog): Pack {
  return {
    name: row.name,
    kind: row.kind,
    root: row.root,
    byteLength: row.byteLength,
    async *open({ offset = 0, length = row.byteLength - offset, signal } = {}) {
      if (length === 0) return
      try {
        yield* chunksOf(path, { offset, length, signal })
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
        throw new ArchiveError('conflict', `pack ${row.name} left the spool meanwhile, since vaults hold it; run the command again`, {
          cause,
        })
      }
    },
    spans: () => readSpans(catalog, row),
    adopt: (target) => adopt(path, target),
  }
}

/** Where the blocks of a pack lie, by its TOC in the catalog. Throws `conflict` when the pack was pruned meanwhile. */
export async function readSpans(catalog: Catalog, row: PackRow): Promise<readonly Span[]> {
  const toc = await catalog.tocOf(row.id)
  if (!toc) throw new ArchiveError('conflict', `pack ${row.name} was pruned meanwhile; run the command again`)
  return layout(decodeToc(toc)).spans
}

/** One inode serves one vault: a second link to the spool's file means that somebody has it already. */
let adopting: Promise<unknown> = Promise.resolve()

function adopt(path: string, target: string): Promise<boolean> {
  const attempt = adopting.then(async () => {
    try {
      if ((await stat(path)).nlink > 1) return false
      await link(path, target)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EXDEV' || code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK' || code === 'EACCES' || code === 'ENOSYS')
        return false
      throw error
    }
  })
  adopting = attempt.catch(() => undefined)
  return attempt
}

async function linkOver(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // The same name is the same bytes, but the file there may be damaged: the fresh one wins.
    const beside = `${to}.${process.pid}.new`
    await link(from, beside)
    await rename(beside, to)
  }
}

/** A full disk under the spool is the archive's own matter, neither the source's nor a vault's. `consequence` says in a few words what that means. */
export async function whileSpaceLasts<T>(consequence: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause
    throw new ArchiveError('exhausted', `no space is left for the spool; free some or move the archive. ${consequence}`, { cause })
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
