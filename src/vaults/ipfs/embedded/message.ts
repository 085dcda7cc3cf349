/**
 * The messages of bitswap 1.2.0 (https://specs.ipfs.tech/bitswap-protocol/), as far as two peers need them: wants, blocks, and whether a block is there.
 * Whatever a peer sends is read within limits: lengths never lead out of the message, and lists end.
 */
import { varint } from 'multiformats'
import { FormatError } from '../../../errors.ts'

/** More wants, or more answers, are not read from one message. */
export const MAX_ENTRIES = 4_096

export interface Want {
  /** Bytes of the CID as the peer sent them. */
  readonly cid: Uint8Array
  readonly cancel: boolean
  /** Only whether it is there. */
  readonly haveOnly: boolean
  readonly sendDontHave: boolean
}

export interface SentBlock {
  /** CID version, codec, hash function and digest length, as varints. */
  readonly prefix: Uint8Array
  readonly bytes: Uint8Array
}

export interface Presence {
  readonly cid: Uint8Array
  readonly has: boolean
}

export interface Message {
  readonly wants: readonly Want[]
  /** The wants are all there are: earlier ones are over. */
  readonly full: boolean
  readonly blocks: readonly SentBlock[]
  readonly presences: readonly Presence[]
}

const VARINT = 0
const BYTES = 2

export function encodeMessage({ wants = [], full = false, blocks = [], presences = [] }: Partial<Message>): Uint8Array {
  const entries = wants.map(({ cid, cancel, haveOnly, sendDontHave }) =>
    field(
      1,
      [field(1, [cid]), number(2, 1), number(3, cancel ? 1 : 0), number(4, haveOnly ? 1 : 0), number(5, sendDontHave ? 1 : 0)].flat(),
    ),
  )
  return Buffer.concat([
    ...(wants.length > 0 || full ? field(1, [...entries.flat(), ...number(2, full ? 1 : 0)]) : []),
    ...blocks.flatMap(({ prefix, bytes }) => field(3, [...field(1, [prefix]), ...field(2, [bytes])])),
    ...presences.flatMap(({ cid, has }) => field(4, [...field(1, [cid]), ...number(2, has ? 0 : 1)])),
  ])
}

/** Reads a message; fields of other versions are passed over. Throws FormatError `malformed` or `limit`. */
export function decodeMessage(bytes: Uint8Array): Message {
  const wants: Want[] = []
  const blocks: SentBlock[] = []
  const presences: Presence[] = []
  let full = false
  for (const { key, value } of fieldsOf(bytes)) {
    if (key === 1) full = readWants(inner(value), wants) || full
    if (key === 3) blocks.push(readBlock(inner(value)))
    if (key === 4) presences.push(readPresence(inner(value)))
    if (wants.length + blocks.length + presences.length > MAX_ENTRIES)
      throw new FormatError('limit', `a bitswap message of more than ${MAX_ENTRIES} entries is not read`)
  }
  return { wants, full, blocks, presences }
}

function readWants(bytes: Uint8Array, into: Want[]): boolean {
  let full = false
  for (const { key, value } of fieldsOf(bytes)) {
    if (key === 1 && into.length <= MAX_ENTRIES) into.push(readWant(inner(value)))
    if (key === 2) full = value === 1
  }
  return full
}

function readWant(bytes: Uint8Array): Want {
  const read = valuesOf(bytes)
  return { cid: inner(read.get(1)), cancel: read.get(3) === 1, haveOnly: read.get(4) === 1, sendDontHave: read.get(5) === 1 }
}

function readBlock(bytes: Uint8Array): SentBlock {
  const read = valuesOf(bytes)
  // An empty block is a block.
  return { prefix: inner(read.get(1)), bytes: inner(read.get(2) ?? new Uint8Array(0)) }
}

function readPresence(bytes: Uint8Array): Presence {
  const read = valuesOf(bytes)
  return { cid: inner(read.get(1)), has: read.get(2) !== 1 }
}

type Value = number | Uint8Array

const valuesOf = (bytes: Uint8Array): ReadonlyMap<number, Value> => new Map([...fieldsOf(bytes)].map(({ key, value }) => [key, value]))

function* fieldsOf(bytes: Uint8Array): Generator<{ readonly key: number; readonly value: Value }> {
  for (let at = 0; at < bytes.byteLength; ) {
    const tag = take(bytes, at)
    at = tag.next
    const kind = tag.value & 7
    if (kind !== VARINT && kind !== BYTES) throw malformed('a field of a kind that bitswap does not have')
    const { value, next } = take(bytes, at)
    at = kind === BYTES ? next + value : next
    if (at > bytes.byteLength) throw malformed('a length leads out of it')
    yield { key: tag.value >>> 3, value: kind === BYTES ? bytes.subarray(next, at) : value }
  }
}

function take(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  try {
    const [value, length] = varint.decode(bytes, at)
    return { value, next: at + length }
  } catch (cause) {
    throw malformed('a number does not end', cause)
  }
}

function inner(value: Value | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw malformed('bytes are missing')
}

const malformed = (why: string, cause?: unknown) => new FormatError('malformed', `this is no bitswap message: ${why}`, { cause })

function field(key: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
  return [numbers((key << 3) | BYTES, length), ...parts]
}

const number = (key: number, value: number): Uint8Array[] => (value === 0 ? [] : [numbers((key << 3) | VARINT, value)])

/** Numbers as varints, one after the other. */
export function numbers(...values: readonly number[]): Uint8Array {
  return Buffer.concat(values.map((value) => varint.encodeTo(value, new Uint8Array(varint.encodingLength(value)))))
}
