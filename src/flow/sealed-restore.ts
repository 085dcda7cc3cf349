/** Restore of sealed content: the same places and the same care as for public content, with what the index tells instead of the DAG. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { AbortOptions, TreeEntry } from '../contracts.ts'
import type { ExtractTree } from './extract.ts'
import { metaOf } from './sealed-read.ts'
import { readSealedEntry, type SealedObjectReader, sealedEntries } from './sealed-tree.ts'

const CHUNK_BYTES = 1024 * 1024
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** What `extract` writes of a sealed object, what the object is called, and the bytes of its content. */
export async function sealedTree(
  reader: SealedObjectReader,
  options: AbortOptions & { readonly path: string | undefined },
): Promise<{ readonly tree: ExtractTree; readonly name: string | undefined; readonly size: number }> {
  const { name, size } = await metaOf(reader.context, reader.object)
  const tree: ExtractTree = {
    entries: sealedEntries(reader, options),
    read: (entry, abort) => readSealedEntry(reader, entry, abort),
    holds: (entry, at, abort) => holds(reader, entry, at, abort),
  }
  return { tree, name, size }
}

/** The stored content, opened and compared with the file byte by byte: the same content never seals to the same CID twice. */
async function holds(reader: SealedObjectReader, entry: TreeEntry, at: string, { signal }: AbortOptions): Promise<boolean> {
  const file = await open(at, READ_FLAGS).catch(() => undefined)
  if (!file) return false
  try {
    const found = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let position = 0
    for await (const wanted of readSealedEntry(reader, entry, { signal })) {
      for (let from = 0; from < wanted.byteLength; from += CHUNK_BYTES) {
        const piece = wanted.subarray(from, from + CHUNK_BYTES)
        if (!(await fill(file, found.subarray(0, piece.byteLength), position))) return false
        if (Buffer.compare(found.subarray(0, piece.byteLength), piece) !== 0) return false
        position += piece.byteLength
      }
    }
    return !(await fill(file, found.subarray(0, 1), position))
  } finally {
    await file.close()
  }
}

/** False where the file has not so many bytes, or cannot be read: then it is not known to be the right one. */
async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let filled = 0; filled < bytes.byteLength; ) {
    const bytesRead = await file.read(bytes, filled, bytes.byteLength - filled, position + filled).then(
      (read) => read.bytesRead,
      () => 0,
    )
    if (bytesRead === 0) return false
    filled += bytesRead
  }
  return true
}
