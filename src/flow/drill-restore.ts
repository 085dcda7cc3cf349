/** One object of a drill, restored into a folder that is gone afterwards, and compared with its root. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DrillOptions, DrillResult, ObjectRow, TreeEntry } from '../contracts.ts'
import { ArchiveError, FormatError, PerdureError, VaultError } from '../errors.ts'
import { matches } from '../format/address.ts'
import { type GetBlock, readFile as readStored, walkTree } from '../format/unixfs-export.ts'
import { type Context, tell } from './context.ts'
import { cidsOf, opensTo, rootOnDisk, sealedRootOnDisk } from './drill-check.ts'
import { type ExtractTree, extract } from './extract.ts'
import { blocksOf } from './get.ts'
import { sealedTree } from './sealed-restore.ts'

export interface Restored {
  readonly form: DrillResult['form']
  readonly files: number
  readonly byteLength: number
  readonly ms: number
}

/** Rejects when a block could not be had, and when what was restored is not what the root names. */
export async function restoreOnce(context: Context, object: ObjectRow, folder: string, options: DrillOptions): Promise<Restored> {
  return object.visibility === 'sealed' ? restoreSealed(context, object, folder, options) : restorePublic(context, object, folder, options)
}

async function restorePublic(context: Context, object: ObjectRow, folder: string, options: DrillOptions): Promise<Restored> {
  const at = join(folder, 'restored')
  const written = await timed(() => write(storedTree(object, blocksOf(context, object), options), at, options))
  assertRoot(object, await rootOnDisk(object, at, options))
  return { form: 'plaintext', ...written }
}

/** Blocks come once and are kept on disk: the plaintext is opened from them as they come, the age files put together from what was kept. */
async function restoreSealed(context: Context, object: ObjectRow, folder: string, options: DrillOptions): Promise<Restored> {
  const { signal } = options
  const blocks = await kept(blocksOf(context, object), join(folder, 'blocks'))
  const opens = context.identities.length > 0
  const plain = join(folder, 'restored')
  const opened: TreeEntry[] = []
  const written = opens
    ? await timed(async () => {
        const { tree } = await sealedTree({ context, object, blocks }, { path: undefined, signal })
        return write({ ...tree, entries: noting(tree.entries, opened) }, plain, options)
      })
    : undefined
  const sealed = join(folder, 'sealed')
  const stored: TreeEntry[] = []
  const tree = storedTree(object, blocks, options)
  const ciphertext = await timed(() => write({ ...tree, entries: noting(tree.entries, stored) }, sealed, opens ? { signal } : options))
  assertRoot(object, await sealedRootOnDisk(object, sealed, cidsOf(stored), options))
  if (!written) return { form: 'ciphertext', ...ciphertext }
  const paths = new Map(stored.filter(({ kind }) => kind === 'file').map(({ cid, path }) => [cid.toString(), path]))
  for (const { kind, path, cid, byteLength } of opened) {
    if (kind !== 'file') continue
    const at = (base: string, below: string | undefined) => (below === undefined || below === '' ? base : join(base, below))
    if (!(await opensTo(at(plain, path), at(sealed, paths.get(cid.toString())), { identities: context.identities, byteLength })))
      throw new FormatError('damaged', `age opens another content than was restored of ${object.root}, in its file ${JSON.stringify(path)}`)
  }
  return { form: 'plaintext', ...written, ms: written.ms + ciphertext.ms }
}

/** The object as its DAG has it, sealed or not. */
function storedTree(object: ObjectRow, blocks: GetBlock, { signal }: DrillOptions): ExtractTree {
  return {
    entries: walkTree(object.root, blocks, { signal }),
    read: ({ cid }, abort) => readStored(cid, blocks, abort),
    holds: async () => false,
  }
}

/** Without modes, owners and times: a drill must be able to read what it wrote. */
function write(tree: ExtractTree, at: string, { signal, onProgress }: DrillOptions) {
  return extract({ ...tree, entries: bare(tree.entries) }, at, {
    signal,
    durable: false,
    onProgress: (event) => {
      if (event.type === 'bytes-restored') tell(onProgress, { type: 'bytes-restored', byteLength: event.byteLength })
    },
  })
}

async function* bare(entries: AsyncIterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  for await (const { path, kind, cid, byteLength, target } of entries)
    yield { path, kind, cid, byteLength, ...(target !== undefined && { target }) }
}

async function* noting(entries: AsyncIterable<TreeEntry>, seen: TreeEntry[]): AsyncGenerator<TreeEntry> {
  for await (const entry of entries) {
    seen.push(entry)
    yield entry
  }
}

async function timed<T extends { readonly files: number; readonly byteLength: number }>(work: () => Promise<T>) {
  const began = performance.now()
  const { files, byteLength } = await work()
  return { files, byteLength, ms: performance.now() - began }
}

/** A block that came is written down, and read back from there when it is wanted again. */
async function kept(blocks: GetBlock, folder: string): Promise<GetBlock> {
  await mkdir(folder)
  const there = new Set<string>()
  return async (cid, options) => {
    const at = join(folder, cid.toString())
    if (there.has(at)) {
      const bytes = await readFile(at)
      if (!matches(cid, bytes))
        throw new FormatError('hash-mismatch', `the disk under ${folder} gave other bytes back than were written there`)
      return bytes
    }
    const bytes = await blocks(cid, options)
    await writeFile(at, bytes)
    there.add(at)
    return bytes
  }
}

function assertRoot({ root }: ObjectRow, found: { toString(): string } | undefined): void {
  if (found?.toString() === root.toString()) return
  throw new FormatError('hash-mismatch', `what was restored of ${root} has another root when it is imported again: ${found}`)
}

/** How a failure is reported: the code closest to its cause. */
export function codeOf(error: unknown): string {
  const cause = error instanceof ArchiveError && error.code === 'unavailable' ? error.walk((one) => one instanceof VaultError) : undefined
  if (cause instanceof VaultError) return cause.code
  return error instanceof PerdureError ? error.code : 'failed'
}
