/** Arweave's deep hash: SHA-384 over nested lists, in which neither the kind nor the length of a part can be mistaken. */
import { hash } from 'node:crypto'

export type Nested = Uint8Array | readonly Nested[]

/** 48 bytes. */
export function deepHash(value: Nested): Buffer {
  if (value instanceof Uint8Array) return sha384(sha384(Buffer.from(`blob${value.byteLength}`)), sha384(value))
  return value.reduce<Buffer>((before, part) => sha384(before, deepHash(part)), sha384(Buffer.from(`list${value.length}`)))
}

function sha384(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha384', parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), 'buffer')
}
