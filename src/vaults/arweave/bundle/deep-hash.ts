/** The deep hash that Arweave signs: SHA-384 over a tree of byte strings, in which no two trees look alike. */
import { createHash } from 'node:crypto'

export type Deep = Uint8Array | readonly Deep[]

export function deepHash(value: Deep): Uint8Array {
  if (value instanceof Uint8Array) return sha384(sha384(Buffer.from(`blob${value.byteLength}`)), sha384(value))
  return value.reduce<Uint8Array>((hash, each) => sha384(hash, deepHash(each)), sha384(Buffer.from(`list${value.length}`)))
}

function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha384')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
