/** Lengths that a CAR claims, and how much of it is read before they are refused. */
import { varint } from 'multiformats'
import { describe, expect, it } from 'vitest'
import { gatewayBlocks } from '../../src/flow/gateway-car.ts'
import { addressOf, DAG_PB, RAW } from '../../src/format/address.ts'
import { MAX_CID_BYTES, readCar } from '../../src/format/car-read.ts'
import { carHeader, sectionPrefix } from '../../src/format/pack.ts'
import { all, noise } from '../flow/house.ts'

const MAX_BLOCK_BYTES = 2 ** 21
const CHUNK_BYTES = 64
const leaf = Buffer.from('a leaf')
const root = addressOf(leaf, RAW)

/** A varint of any size, also of those that no number holds. */
function varintOf(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

/** The bytes given and zeros for ever after; counts what was taken of it. */
function endless(beginning: Uint8Array) {
  const source = {
    pulled: 0,
    isLeft: false,
    async *chunks(): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; ; at += CHUNK_BYTES) {
          const chunk = Buffer.alloc(CHUNK_BYTES)
          chunk.set(beginning.subarray(at, at + CHUNK_BYTES))
          source.pulled += CHUNK_BYTES
          yield chunk
        }
      } finally {
        source.isLeft = true
      }
    },
  }
  return source
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { blocks } = await readCar(chunks, { maxBlockBytes: MAX_BLOCK_BYTES })
  for await (const { intact } of blocks) expect(intact).toBe(true)
}

const good = Buffer.concat([carHeader(root), sectionPrefix(root, leaf.byteLength), leaf])

const absurd: readonly (readonly [string, bigint, string])[] = [
  ['2^60', 2n ** 60n, 'malformed'],
  ['2^64 - 1', 2n ** 64n - 1n, 'malformed'],
  ['2^256', 2n ** 256n, 'malformed'],
  ['2^56 - 1', 2n ** 56n - 1n, 'limit'],
  ['2^53 + 1', 2n ** 53n + 1n, 'limit'],
  ['2 GiB', 2n ** 31n, 'limit'],
  ['a byte more than a block and its CID', BigInt(MAX_BLOCK_BYTES + MAX_CID_BYTES + 1), 'limit'],
]

describe('a header length of', () => {
  it.each([...absurd, ['1025', 1025n, 'malformed'] as const])('%s is refused before anything of that size is read', async (_, length) => {
    const source = endless(varintOf(length))
    await expect(read(source.chunks())).rejects.toMatchObject({ name: 'FormatError', code: 'malformed' })
    expect(source.pulled).toBe(CHUNK_BYTES)
  })
})

describe('a section length of', () => {
  it.each(absurd)('%s is refused before anything of that size is read', async (_, length, code) => {
    const beginning = Buffer.concat([good, varintOf(length)])
    const source = endless(beginning)
    await expect(read(source.chunks())).rejects.toMatchObject({ name: 'FormatError', code })
    expect(source.pulled).toBeLessThanOrEqual(beginning.byteLength + 2 * CHUNK_BYTES)
  })

  it('2 GiB ends the connection to the gateway that sent it', async () => {
    const beginning = Buffer.concat([carHeader(root), varintOf(2n ** 31n)])
    const source = endless(beginning)
    const gateway = { url: 'https://gw.example', carBytes: () => source.chunks() }
    await expect(all(gatewayBlocks(gateway, root))).rejects.toMatchObject({ name: 'VaultError', code: 'unsupported' })
    expect(source.pulled).toBeLessThanOrEqual(beginning.byteLength + 2 * CHUNK_BYTES)
    expect(source.isLeft).toBe(true)
  })
})

describe('a section', () => {
  it.each([
    ['claims a digest of 2^49 bytes', Buffer.from([1, RAW, 0x12, ...varintOf(2n ** 49n)])],
    ['claims a digest longer than itself', Buffer.from([1, RAW, 0x12, 200, 1, 2, 3])],
    ['has a CID of version 2', Buffer.from([2, RAW, 0x12, 32, ...Buffer.alloc(32)])],
    ['has a CIDv0 that is cut', Buffer.from([0x12, 32, 1, 2, 3])],
    ['has a varint without an end', Buffer.alloc(12, 0xff)],
  ])('that %s is malformed', async (_, body) => {
    const bytes = Buffer.concat([carHeader(root), varint.encodeTo(body.byteLength, new Uint8Array(1)), body])
    const source = endless(bytes)
    await expect(read(source.chunks())).rejects.toMatchObject({ name: 'FormatError', code: 'malformed' })
    expect(source.pulled).toBeLessThanOrEqual(bytes.byteLength + 2 * CHUNK_BYTES)
  })

  it('is copied as it comes: pieces of any size may lie in memory that is used again', async () => {
    const blocks = [noise(70_000, 'one'), leaf, noise(5, 'two')].map((bytes) => ({ cid: addressOf(bytes, RAW), bytes }))
    const whole = Buffer.concat([carHeader(root), ...blocks.flatMap(({ cid, bytes }) => [sectionPrefix(cid, bytes.byteLength), bytes])])
    for (const pieceBytes of [1, 7, 4096, whole.byteLength]) {
      const piece = Buffer.alloc(pieceBytes)
      const reused = async function* () {
        for (let at = 0; at < whole.byteLength; at += pieceBytes) {
          const byteLength = whole.copy(piece, 0, at, at + pieceBytes)
          yield piece.subarray(0, byteLength)
        }
        piece.fill(0)
      }
      const read = await all((await readCar(reused(), { maxBlockBytes: MAX_BLOCK_BYTES })).blocks)
      expect(read.map(({ bytes, intact }) => [intact, Buffer.from(bytes)])).toEqual(blocks.map(({ bytes }) => [true, bytes]))
    }
  })

  it('may be as large as a block is, and no larger, in a CAR of a gateway', async () => {
    const carOf = (bytes: Uint8Array, codec: number) => {
      const cid = addressOf(bytes, codec)
      const whole = async function* () {
        yield Buffer.concat([carHeader(cid), sectionPrefix(cid, bytes.byteLength), bytes])
      }
      return all(gatewayBlocks({ url: 'https://gw.example', carBytes: whole }, cid))
    }
    expect(await carOf(Buffer.alloc(MAX_BLOCK_BYTES), RAW)).toHaveLength(1)
    for (const codec of [RAW, DAG_PB])
      await expect(carOf(Buffer.alloc(MAX_BLOCK_BYTES + 1), codec)).rejects.toMatchObject({ name: 'VaultError', code: 'unsupported' })
  })
})
