/**
 * Is what lies on disk now what the root names? Asked without the reader that brought it: the files are read back and imported anew, which must give the same
 * root, and what was opened is opened again by age itself.
 */
import { createReadStream } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Decrypter, type Identity } from 'age-encryption'
import type { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import { openSource } from '../bytes/source.ts'
import type { AbortOptions, Entry, ObjectRow, TreeEntry } from '../contracts.ts'
import { addressOf, RAW } from '../format/address.ts'
import { LEAF_BYTES, MAX_HEADER_BYTES, PAYLOAD_NONCE_BYTES } from '../format/age-layout.ts'
import { type BlockSink, chunkSizeOf, importTree } from '../format/unixfs-import.ts'

const NOWHERE: BlockSink = { put: async (_, bytes) => recycle(bytes) }

/** The root that a restored public object has when it is imported as if for the first time. */
export async function rootOnDisk(object: ObjectRow, at: string, { signal }: AbortOptions): Promise<CID | undefined> {
  if (object.kind === 'symlink') return imported([{ path: '', kind: 'symlink', target: await readlink(at) }], object, { signal })
  const source = await openSource(at, { chunkSize: chunkSizeOf(object.profile) })
  return imported(source.entries({ signal }), object, { signal })
}

/** The same for the age files of a sealed object; `known` are its entries with the CIDs that the tree gives them. */
export async function sealedRootOnDisk(
  object: ObjectRow,
  at: string,
  known: ReadonlyMap<string, CID>,
  { signal }: AbortOptions,
): Promise<CID | undefined> {
  const entryOf = async (path: string): Promise<Entry> => {
    const file = path === '' ? at : join(at, path)
    const cuts = await cutsOf(file, known.get(path), object.erasable)
    return { path, kind: 'file', open: () => leavesIn(file, cuts) }
  }
  async function* entries(): AsyncGenerator<Entry> {
    if (object.kind !== 'directory') yield await entryOf('')
    else for (const name of (await readdir(at)).sort()) yield await entryOf(name)
  }
  return imported(entries(), object, { signal })
}

async function imported(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  { kind, profile }: Pick<ObjectRow, 'kind' | 'profile'>,
  { signal }: AbortOptions,
): Promise<CID | undefined> {
  let root: CID | undefined
  const shape = kind === 'directory' ? 'tree' : 'single'
  for await (const one of importTree(flowing(entries), NOWHERE, { profile, shape, signal })) root = one.cid
  return root
}

async function* flowing(entries: AsyncIterable<Entry> | Iterable<Entry>): AsyncGenerator<Entry> {
  yield* entries
}

/** Bytes of the first leaf of an age file: all of it, or its header and the nonce. */
async function cutsOf(file: string, cid: CID | undefined, erasable: boolean): Promise<number> {
  const head = await headOf(file)
  // Other recipients may have left a short file in two leaves: then its hash says so.
  if (head.byteLength <= LEAF_BYTES && !erasable && cid !== undefined && addressOf(await readFile(file), RAW).equals(cid)) return LEAF_BYTES
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  const mac = text.indexOf('\n--- ')
  const end = mac < 0 ? -1 : text.indexOf('\n', mac + 1)
  return end < 0 ? LEAF_BYTES : end + 1 + PAYLOAD_NONCE_BYTES
}

async function headOf(file: string): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  for await (const piece of createReadStream(file, { end: MAX_HEADER_BYTES + PAYLOAD_NONCE_BYTES })) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

async function* leavesIn(file: string, first: number): AsyncGenerator<Uint8Array> {
  let wanted = first
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of createReadStream(file, { highWaterMark: LEAF_BYTES })) {
    held = Buffer.concat([held, piece as Buffer])
    while (held.byteLength >= wanted) {
      yield new Uint8Array(held.subarray(0, wanted))
      held = held.subarray(wanted)
      wanted = LEAF_BYTES
    }
  }
  if (held.byteLength > 0) yield new Uint8Array(held)
}

/** Is a restored file what age opens from its ciphertext? What follows the content there may only be padding. */
export async function opensTo(
  file: string,
  ciphertext: string,
  { identities, byteLength }: { readonly identities: readonly Identity[]; readonly byteLength: number },
): Promise<boolean> {
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  const opened = await decrypter.decrypt(Readable.toWeb(createReadStream(ciphertext)) as ReadableStream<Uint8Array>)
  const restored = createReadStream(file)[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  let compared = 0
  const take = async (): Promise<boolean> => {
    const step = await restored.next()
    if (!step.done) held = step.value as Buffer
    return step.done !== true
  }
  for await (const piece of opened as unknown as AsyncIterable<Uint8Array>) {
    for (let from = 0; from < piece.byteLength; ) {
      if (compared === byteLength) {
        if (piece.subarray(from).some((byte) => byte !== 0)) return false
        break
      }
      if (held.byteLength === 0 && !(await take())) return false
      const count = Math.min(held.byteLength, piece.byteLength - from, byteLength - compared)
      if (count === 0 || held.compare(piece, from, from + count, 0, count) !== 0) return false
      held = held.subarray(count)
      from += count
      compared += count
    }
  }
  return compared === byteLength && held.byteLength === 0 && !(await take())
}

/** What of two trees belongs together: entries by path. */
export const cidsOf = (entries: readonly TreeEntry[]): ReadonlyMap<string, CID> => new Map(entries.map(({ path, cid }) => [path, cid]))
