/** The tree beside that of arweave-js, for every size that was ever trouble. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Chunk, computeRootHash, generateTransactionChunks, validatePath } from 'arweave/node/lib/merkle.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHUNK_BYTES, type ChunkTree, treeOf } from '../../../src/vaults/arweave/merkle.ts'
import { noise, piecesOf } from './pieces.ts'

const KIB = 1024
const SIZES = [
  0,
  1,
  32 * KIB - 1,
  32 * KIB,
  32 * KIB + 1,
  256 * KIB - 1,
  256 * KIB,
  256 * KIB + 1,
  288 * KIB - 1,
  288 * KIB,
  288 * KIB + 1,
  512 * KIB - 1,
  512 * KIB,
  512 * KIB + 1,
  544 * KIB - 1,
  544 * KIB,
  544 * KIB + 1,
  768 * KIB,
  1024 * KIB + 7,
  1280 * KIB,
  5_000_000,
]

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const seen = ({ start, length, offset, path }: ReturnType<ChunkTree['chunk']>) => ({ start, end: start + length, offset, path: hex(path) })

async function expectSame(bytes: Uint8Array, sizes?: readonly number[]): Promise<ChunkTree> {
  const [ours, theirs] = [await treeOf(piecesOf(bytes, sizes), bytes.byteLength), await generateTransactionChunks(bytes)]
  expect(hex(ours.dataRoot)).toBe(hex(theirs.data_root))
  expect(ours.byteLength).toBe(bytes.byteLength)
  const expected = theirs.chunks.map(({ minByteRange, maxByteRange }: Chunk, index: number) => ({
    start: minByteRange,
    end: maxByteRange,
    offset: theirs.proofs[index]?.offset,
    path: hex(theirs.proofs[index]?.proof ?? new Uint8Array()),
  }))
  expect(Array.from({ length: ours.chunkCount }, (_, index) => seen(ours.chunk(index)))).toEqual(expected)
  return ours
}

describe('the tree over a stream', () => {
  it.each(SIZES)('has the root, the chunks and the proofs of arweave-js for %i bytes', async (byteLength) => {
    await expectSame(noise(byteLength))
  })

  it('has them for any size, cut into pieces at any place', async () => {
    const size = fc.oneof(
      fc.integer({ min: 0, max: 2_000_000 }),
      fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 32 * KIB), fc.integer({ min: -2, max: 2 })).map(([whole, rest, more]) => {
        return Math.max(0, whole * CHUNK_BYTES + rest + more)
      }),
    )
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 700_000 }), fc.constantFrom(1, CHUNK_BYTES, 2 * CHUNK_BYTES)), {
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(size, cuts, async (byteLength, sizes) => {
        // A size of 1 alone would be a million pieces.
        await expectSame(noise(byteLength), [...sizes, 100_000])
      }),
      { numRuns: 40 },
    )
  })

  it('has the same root for 78 MB, and proofs that the library accepts', async () => {
    const bytes = noise(78_000_000)
    const tree = await treeOf(piecesOf(bytes, [1_000_003]), bytes.byteLength)
    expect(hex(tree.dataRoot)).toBe(hex(await computeRootHash(bytes)))
    expect(tree.chunkCount).toBe(298)
    for (const index of [0, 1, 127, 128, 255, 256, 296, 297]) {
      const { start, length, offset, path } = tree.chunk(index)
      const found = await validatePath(tree.dataRoot, offset, 0, bytes.byteLength, path)
      expect(found).toMatchObject({ leftBound: start, rightBound: start + length, chunkSize: length })
    }
  })

  it('takes empty pieces, and none at all for no bytes', async () => {
    async function* gaps() {
      for (const piece of [noise(0), noise(300_000).subarray(0, 5), noise(0), noise(300_000).subarray(5), noise(0)]) yield piece
    }
    const plain = await treeOf(piecesOf(noise(300_000)), 300_000)
    expect(hex((await treeOf(gaps(), 300_000)).dataRoot)).toBe(hex(plain.dataRoot))
    const none = await treeOf(piecesOf(noise(0)), 0)
    expect(none.chunkCount).toBe(0)
    expect(() => none.chunk(0)).toThrow(RangeError)
  })

  it('hashes pieces before it asks for the next one, so that a producer may use its buffer again', async () => {
    const bytes = noise(700_000)
    async function* reused() {
      const buffer = Buffer.alloc(100_000)
      for (let at = 0; at < bytes.byteLength; at += buffer.byteLength) {
        bytes.copy(buffer, 0, at)
        yield buffer
      }
    }
    const tree = await treeOf(reused(), bytes.byteLength)
    expect(hex(tree.dataRoot)).toBe(hex(await computeRootHash(bytes)))
  })

  it('gives paths in memory of their own', async () => {
    const tree = await treeOf(piecesOf(noise(600_000)), 600_000)
    const before = hex(tree.chunk(1).path)
    tree.chunk(1).path.fill(0)
    expect(hex(tree.chunk(1).path)).toBe(before)
    expect(tree.chunk(1).path.buffer.byteLength).toBe(tree.chunk(1).path.byteLength)
  })
})

describe('a stream that is not what it says', () => {
  it.each([
    ['more', 300_001],
    ['more, where the data should be empty', 1, 0],
    ['fewer', 299_999],
    ['none', 0],
    ['more, by a whole chunk', 300_000 + CHUNK_BYTES],
    ['one less than a full chunk', CHUNK_BYTES - 1, CHUNK_BYTES],
    ['one more than a full chunk', CHUNK_BYTES + 1, CHUNK_BYTES],
  ])('is refused: %s', async (_, byteLength, expected = 300_000) => {
    await expect(treeOf(piecesOf(noise(byteLength)), expected)).rejects.toThrow(RangeError)
  })

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'is refused before it is read when its size is %d',
    async (byteLength) => {
      let read = false
      async function* pieces() {
        read = true
        yield noise(1)
      }
      await expect(treeOf(pieces(), byteLength)).rejects.toThrow(RangeError)
      expect(read).toBe(false)
    },
  )

  it('is let go at the first byte too many', async () => {
    let released = false
    async function* endless() {
      try {
        while (true) yield noise(1000)
      } finally {
        released = true
      }
    }
    await expect(treeOf(endless(), 10_500)).rejects.toThrow('more than the 10500 bytes')
    expect(released).toBe(true)
  })

  it('passes its own error on', async () => {
    const broken = new Error('torn')
    async function* torn() {
      yield noise(10)
      throw broken
    }
    await expect(treeOf(torn(), 20)).rejects.toBe(broken)
  })

  it('ends with the reason of an abort, before and while it is read', async () => {
    const before = AbortSignal.abort('before')
    await expect(treeOf(piecesOf(noise(10)), 10, { signal: before })).rejects.toBe('before')
    const stop = new AbortController()
    async function* pieces() {
      yield noise(5)
      stop.abort('meanwhile')
      throw new Error('the connection was closed')
    }
    await expect(treeOf(pieces(), 10, { signal: stop.signal })).rejects.toBe('meanwhile')
  })
})

describe('files of arweave-js', () => {
  const folder = fileURLToPath(new URL('../../../../shared/vectors/arweave/', import.meta.url))
  const absent = !existsSync(folder)
  if (absent) console.warn(`SKIPPED: Arweave vectors are not at ${folder}; data roots were not computed of them`)

  it.skipIf(absent).each([
    ['1mb.bin', 1_048_576, 4],
    ['lotsofdata.bin', 649_216, 3],
  ])('%s has the root and the proofs of the library', async (name, byteLength, chunkCount) => {
    const bytes = readFileSync(`${folder}${name}`)
    expect(bytes.byteLength).toBe(byteLength)
    expect((await expectSame(bytes, [CHUNK_BYTES, 10_007])).chunkCount).toBe(chunkCount)
  })
})
