/** Where a name belongs in a sharded directory. */
import { murmur364 } from '@multiformats/murmur3'

const HASH_BITS = 64

/** The slots on the way to a name: log2(fanout) bits of murmur3-x64-64 per level, most significant first, as Kubo takes them. */
export async function slotsOf(name: string, levels: number, fanout: number): Promise<number[]> {
  const bits = Math.log2(fanout)
  const bytes = new TextEncoder().encode(name)
  const slots: number[] = []
  let pool = 0n
  let pooled = 0
  for (let round = 0; slots.length < levels; ) {
    while (pooled < bits) {
      pool = (pool << BigInt(HASH_BITS)) | (await hashOf(bytes, round++))
      pooled += HASH_BITS
    }
    pooled -= bits
    slots.push(Number(pool >> BigInt(pooled)))
    pool &= (1n << BigInt(pooled)) - 1n
  }
  return slots
}

/** Past the first 64 bits the name is hashed again with the round as one more byte, as ipfs-unixfs-importer does. */
async function hashOf(name: Uint8Array, round: number): Promise<bigint> {
  const input = round === 0 ? name : Uint8Array.from([...name, round])
  const hash = await murmur364.encode(input)
  return new DataView(hash.buffer, hash.byteOffset, 8).getBigUint64(0)
}
