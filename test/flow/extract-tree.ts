/** Hand-made trees to extract, and what a folder holds afterwards. */
import { execFile } from 'node:child_process'
import { lstat, mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { TreeEntry } from '../../src/contracts.ts'
import type { ExtractTree } from '../../src/flow/extract.ts'
import { addressOf, RAW } from '../../src/format/address.ts'

export const run = promisify(execFile)

/** A folder that is gone after the test; `out` in it is the target, everything beside it must stay as it is. */
export async function place(): Promise<{ readonly folder: string; readonly out: string }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'perdure-extract-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return { folder, out: join(folder, 'out') }
}

export type Given = Partial<TreeEntry> & { readonly path: string; readonly content?: string | undefined }

export const file = (path: string, content: string, more: Partial<TreeEntry> = {}): Given => ({ path, kind: 'file', content, ...more })
export const dir = (path: string, more: Partial<TreeEntry> = {}): Given => ({ path, kind: 'directory', ...more })
export const sym = (path: string, target: string): Given => ({ path, kind: 'symlink', target })

export interface Tree extends ExtractTree {
  /** Paths whose content was read, in order. */
  readonly reads: string[]
  readonly checks: string[]
}

/** Entries with their content; `read` hands it out in small pieces, after `before`; the next entry comes when `after` the one before it has resolved. */
export function tree(
  given: readonly Given[],
  before: (path: string) => Promise<unknown> | unknown = () => undefined,
  after: (path: string) => Promise<unknown> | unknown = () => undefined,
): Tree {
  const reads: string[] = []
  const checks: string[] = []
  const contents = new Map<TreeEntry, Buffer>()
  const entries = given.map(({ content = '', kind = 'file', ...rest }): TreeEntry => {
    const bytes = Buffer.from(content)
    const entry = { kind, cid: addressOf(bytes, RAW), byteLength: kind === 'file' ? bytes.byteLength : 0, ...rest }
    contents.set(entry, bytes)
    return entry
  })
  return {
    reads,
    checks,
    entries: (async function* () {
      for (const entry of entries) {
        yield entry
        await after(entry.path)
      }
    })(),
    async *read(entry, { signal }) {
      reads.push(entry.path)
      await before(entry.path)
      const bytes = contents.get(entry) ?? Buffer.alloc(0)
      for (let at = 0; at < bytes.byteLength; at += 7) {
        signal?.throwIfAborted()
        yield bytes.subarray(at, at + 7)
      }
    },
    async holds(entry, at) {
      checks.push(entry.path)
      return addressOf(await readFile(at), RAW).equals(entry.cid)
    },
  }
}

/** Everything below a folder with kind, content and mode, symlinks not followed. */
export async function snapshot(folder: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {}
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const at = join(folder, path)
    const stats = await lstat(at)
    const mode = (stats.mode & 0o7777).toString(8)
    if (stats.isSymbolicLink()) seen[path] = `-> ${await readlink(at)}`
    else seen[path] = stats.isDirectory() ? `directory ${mode}` : `file ${mode} ${await readFile(at, 'utf8')}`
  }
  return seen
}
