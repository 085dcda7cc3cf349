/** Blocks on local disk for the time of one piece of work: a part of the spool, with an index in memory. */
import type { CID } from 'multiformats/cid'
import { ArchiveError } from '../errors.ts'
import { fileWriter } from './file-writer.ts'
import { type Spool, whileSpaceLasts } from './spool.ts'

const FIRST_ROOM = 1_024

export interface BlockStore {
  readonly blockCount: number
  readonly byteLength: number
  has(cid: CID): boolean
  /** Takes a block that was checked against its CID; one that is there is not written again. Throws ArchiveError `exhausted`. */
  add(cid: CID, bytes: Uint8Array): Promise<void>
  lengthOf(cid: CID): number | undefined
  /** Throws ArchiveError `conflict` for a block that is not there. */
  read(cid: CID): Promise<Uint8Array>
  /** Lets go of the file. */
  drop(): Promise<void>
}

/** CIDs of both versions and of any codec with one multihash are one block. `room`: bytes it may take. */
export async function blockStore(spool: Spool, room: number): Promise<BlockStore> {
  const part = await spool.part()
  const writer = fileWriter(part.file, 0)
  const slots = new Map<string, number>()
  let lengths = new Uint32Array(FIRST_ROOM)
  let offsets = new Float64Array(FIRST_ROOM)
  let landed = 0
  return {
    get blockCount() {
      return slots.size
    },
    get byteLength() {
      return writer.position
    },
    has: (cid) => slots.has(keyOf(cid)),
    async add(cid, bytes) {
      const key = keyOf(cid)
      if (slots.has(key)) return
      if (writer.position + bytes.byteLength > room) throw spoolFull(room)
      const slot = slots.size
      if (slot === lengths.length) {
        lengths = grown(lengths, new Uint32Array(slot * 2))
        offsets = grown(offsets, new Float64Array(slot * 2))
      }
      lengths[slot] = bytes.byteLength
      offsets[slot] = writer.position
      slots.set(key, slot)
      await guarded(() => writer.write(bytes))
    },
    lengthOf(cid) {
      const slot = slots.get(keyOf(cid))
      return slot === undefined ? undefined : lengths[slot]
    },
    async read(cid) {
      const slot = slots.get(keyOf(cid))
      if (slot === undefined) throw new ArchiveError('conflict', `block ${cid} is not at hand any more; run the command again`)
      const offset = offsets[slot] ?? 0
      const length = lengths[slot] ?? 0
      if (offset + length > landed) {
        const end = writer.position
        await guarded(() => writer.flush())
        landed = end
      }
      const bytes = new Uint8Array(length)
      const { bytesRead } = await part.file.read(bytes, 0, length, offset)
      if (bytesRead === length) return bytes
      throw new ArchiveError('conflict', `the spool gave ${bytesRead} of ${length} bytes of block ${cid}; run the command again`)
    },
    async drop() {
      await Promise.allSettled([writer.flush()])
      await Promise.allSettled([part.file.close()])
      await spool.settle([part])
    },
  }
}

const keyOf = ({ multihash }: CID): string => Buffer.from(multihash.bytes).toString('latin1')

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

const spoolFull = (room: number) =>
  new ArchiveError('exhausted', `the spool may grow by ${room} bytes and what is fetched needs more; raise spoolBytes. Nothing was stored`)

const guarded = <T>(work: () => Promise<T>): Promise<T> => whileSpaceLasts('Nothing was stored', work)
