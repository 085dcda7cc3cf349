/** The directories of an import, held as small as they go until every file is in. */
import { CID } from 'multiformats/cid'
import { checkPath, shown } from '../bytes/paths.ts'
import type { Mtime } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import type { BlockBuilder, Linked } from './unixfs-blocks.ts'

export interface Metadata {
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
}

export interface BuiltDirectory extends Metadata {
  readonly path: string
  readonly cid: CID
  readonly dagBytes: number
  /** Bytes of all files below. */
  readonly byteLength: number
}

export interface ImportTree {
  /** Takes a path before its content is read. Throws SourceError `invalid-path` when the path is bad, taken, or below something that is no directory. */
  reserve(path: string): void
  /** A directory told of by itself; an empty path means the root. */
  addDirectory(path: string, metadata: Metadata): void
  /** A file or symlink whose path was reserved. */
  addLeaf(path: string, leaf: Linked, byteLength: number): void
  /** Builds every directory, children before parents, the root last. */
  build(builder: BlockBuilder): AsyncGenerator<BuiltDirectory>
}

/** CIDs as Latin-1 text: a tenth of the memory of CID objects. */
interface Leaf {
  readonly cid: string
  readonly dagBytes: number
}

interface Folder {
  readonly children: Map<string, Folder | Leaf | undefined>
  byteLength: number
  metadata: Metadata | undefined
}

export function importTreeOf(): ImportTree {
  const root: Folder = emptyFolder()

  const parentOf = (path: string): { readonly parent: Folder; readonly name: string } => {
    const segments = path.split('/')
    const name = segments.pop() ?? ''
    let parent = root
    for (const segment of segments) {
      const known = parent.children.get(segment)
      if (known === undefined && parent.children.has(segment)) throw conflict(path)
      const folder = known ?? emptyFolder()
      if (!isFolder(folder)) throw conflict(path)
      if (!known) parent.children.set(segment, folder)
      parent = folder
    }
    return { parent, name }
  }

  return {
    reserve(path) {
      checkPath(path)
      const { parent, name } = parentOf(path)
      if (parent.children.has(name)) throw repeated(path)
      parent.children.set(name, undefined)
    },
    addDirectory(path, metadata) {
      if (path !== '') checkPath(path)
      const { parent, name } = path === '' ? { parent: undefined, name: '' } : parentOf(path)
      const known = parent ? parent.children.get(name) : root
      if (parent?.children.has(name) && !(known && isFolder(known))) throw repeated(path)
      const folder = known && isFolder(known) ? known : emptyFolder()
      if (folder.metadata) throw repeated(path)
      folder.metadata = { mode: metadata.mode, mtime: metadata.mtime }
      parent?.children.set(name, folder)
    },
    addLeaf(path, { cid, dagBytes }, byteLength) {
      const { parent, name } = parentOf(path)
      parent.children.set(name, { cid: Buffer.from(cid.bytes).toString('latin1'), dagBytes })
      parent.byteLength += byteLength
    },
    build: (builder) => buildAll(root, builder),
  }
}

async function* buildAll(root: Folder, builder: BlockBuilder): AsyncGenerator<BuiltDirectory> {
  const open = [{ folder: root, path: '', name: '', rest: subfolders(root) }]
  for (let level = open.at(-1); level; level = open.at(-1)) {
    const { folder, path, name } = level
    const below = level.rest.next()
    if (!below.done) {
      const [child, next] = below.value
      open.push({ folder: next, path: path === '' ? child : `${path}/${child}`, name: child, rest: subfolders(next) })
      continue
    }
    open.pop()
    const { cid, dagBytes } = await builder.directory(linksOf(folder))
    const parent = open.at(-1)?.folder
    // Replacing the value of a key that is there keeps the parent's iteration where it is, and lets go of the folder.
    parent?.children.set(name, { cid: Buffer.from(cid.bytes).toString('latin1'), dagBytes })
    if (parent) parent.byteLength += folder.byteLength
    yield { path, cid, dagBytes, byteLength: folder.byteLength, ...folder.metadata }
  }
}

function* subfolders(folder: Folder): Generator<readonly [string, Folder]> {
  for (const [name, child] of folder.children) if (child && isFolder(child)) yield [name, child]
}

function* linksOf(folder: Folder): Generator<readonly [string, Linked]> {
  for (const [name, child] of folder.children) {
    if (child && !isFolder(child)) yield [name, { cid: CID.decode(Buffer.from(child.cid, 'latin1')), dagBytes: child.dagBytes }]
  }
}

const emptyFolder = (): Folder => ({ children: new Map(), byteLength: 0, metadata: undefined })

const isFolder = (child: Folder | Leaf): child is Folder => 'children' in child

const repeated = (path: string) => new SourceError('invalid-path', `the path ${shown(path)} came twice; every path may be there once`)

const conflict = (path: string) => new SourceError('invalid-path', `the path ${shown(path)} lies in something that is not a directory`)
