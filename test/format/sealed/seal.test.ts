import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BufferPool, createPool, recycle } from '../../../src/bytes/pool.ts'
import { sodiumAead } from '../../../src/format/aead.ts'
import { parseHeader } from '../../../src/format/age-header.ts'
import { ageFileLength, LEAF_BYTES, LEAF_PLAINTEXT_BYTES, plaintextLength } from '../../../src/format/age-layout.ts'
import { openSealed } from '../../../src/format/open.ts'
import { type Sealed, sealFile, sealPool } from '../../../src/format/seal.ts'
import { alice, sealed, sealedLeaves } from './keys.ts'
import { bytesOf, fixedRandom, noise, pieces, random, whole } from './pieces.ts'

/** Header text of a file for one X25519 recipient. */
const HEADER = 168
const NONCE = 16
/** The most plaintext that one leaf holds beside that header and nonce, in 15 chunks. */
const SINGLE_LEAF_PLAINTEXT = LEAF_BYTES - HEADER - NONCE - 15 * 16

const boundaries = [
  ...[0, 1, 2, 15, 16, 17, 65_535, 65_536, 65_537, 131_072],
  ...[SINGLE_LEAF_PLAINTEXT - 1, SINGLE_LEAF_PLAINTEXT, SINGLE_LEAF_PLAINTEXT + 1],
  ...[983_039, 983_040, 983_041, 2 * 983_040 - 1, 2 * 983_040, 2 * 983_040 + 1, 3 * 983_040, 3 * 983_040 + 65_536],
]

/** What leaves a file of that size must have. */
function expectedLeaves(length: number, erasable: boolean): number[] {
  const total = ageFileLength(length, HEADER)
  if (!erasable && total <= LEAF_BYTES) return [total]
  const sizes = [HEADER + NONCE]
  for (let rest = total - HEADER - NONCE; rest > 0; rest -= LEAF_BYTES) sizes.push(Math.min(rest, LEAF_BYTES))
  return sizes
}

describe('sealing', () => {
  it.each(boundaries)('lays out and opens %i bytes', async (length) => {
    const plaintext = noise(length)
    for (const erasable of [false, true]) {
      const leaves = await sealedLeaves(plaintext, { erasable })
      expect(leaves.map(({ byteLength }) => byteLength)).toEqual(expectedLeaves(length, erasable))
      const file = Buffer.concat(leaves)
      expect(plaintextLength(file.byteLength, HEADER)).toBe(length)
      expect((await bytesOf(openSealed(pieces(file, LEAF_BYTES), [alice.identity]))).equals(plaintext)).toBe(true)
    }
  })

  it('gives the same bytes for every way a source is cut, and for both AEAD paths', async () => {
    const sodium = await sodiumAead()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(...boundaries)),
        fc.array(fc.integer({ min: 1, max: 2_000_000 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (length, sizes, erasable) => {
          const plaintext = noise(length)
          const options = { recipients: [alice.recipient], erasable }
          const cut = sizes.map((size) => Math.max(size, Math.ceil(length / 400)))
          const a = await bytesOf(sealFile(pieces(plaintext, ...cut), { ...options, random: fixedRandom('same') }))
          const b = await sealed(plaintext, { ...options, random: fixedRandom('same'), aead: sodium })
          expect(a.equals(b)).toBe(true)
          expect((await bytesOf(openSealed(pieces(a, ...cut), [alice.identity]))).equals(plaintext)).toBe(true)
        },
      ),
      { numRuns: 30 },
    )
  }, 60_000)

  it('has nothing in common with an earlier run over the same bytes', async () => {
    const plaintext = noise(70_000)
    const [a, b] = [await sealed(plaintext), await sealed(plaintext)]
    let equal = 0
    for (let at = HEADER; at < a.byteLength; at++) if (a[at] === b[at]) equal++
    expect(equal / (a.byteLength - HEADER)).toBeLessThan(0.01)
  })

  it('draws a file key and a nonce of its own for every file', async () => {
    const keys = new Set<string>()
    const nonces = new Set<string>()
    for (let round = 0; round < 10; round++) {
      const file = await sealed(noise(10))
      const key = await alice.identity.unwrapFileKey(parseHeader(file)?.stanzas ?? [])
      keys.add(Buffer.from(key ?? []).toString('hex'))
      nonces.add(Buffer.from(file.subarray(HEADER, HEADER + NONCE)).toString('hex'))
    }
    expect([keys.size, nonces.size]).toEqual([10, 10])
  })

  it('says at the end what became of the file', async () => {
    let told: Sealed | undefined
    const file = await sealed(noise(1_000_000), {
      onSealed: (facts) => {
        told = facts
      },
    })
    expect(told).toEqual({ contentLength: 1_000_000, byteLength: file.byteLength, headerLength: HEADER, leaves: 3 })
  })

  it('fails as the source fails, after the leaves before, and gives its buffers back', async () => {
    const pool = createPool({ byteLength: LEAF_PLAINTEXT_BYTES, count: 4 })
    const failing = async function* () {
      for (let n = 0; n < 3; n++) yield (await pool.take()).fill(n)
      throw new RangeError('the disk is gone')
    }
    const sizes: number[] = []
    await expect(async () => {
      for await (const leaf of sealFile(failing(), { recipients: [alice.recipient], random })) sizes.push(leaf.byteLength)
    }).rejects.toThrow('the disk is gone')
    expect(sizes).toEqual([HEADER + NONCE, LEAF_BYTES, LEAF_BYTES])
    expect(pool.idle, 'all three that it took').toBe(3)
  })

  it('ends with the signal’s reason', async () => {
    const controller = new AbortController()
    const endless = async function* () {
      for (;;) yield new Uint8Array(LEAF_PLAINTEXT_BYTES)
    }
    let leaves = 0
    await expect(async () => {
      for await (const _ of sealFile(endless(), { recipients: [alice.recipient], random, signal: controller.signal })) {
        if (++leaves === 3) controller.abort(new RangeError('enough'))
      }
    }).rejects.toThrow('enough')
  })
})

describe('memory while sealing', () => {
  it('stays the same however long the file: plaintext and leaves go round in their pools', async () => {
    const plain = createPool({ byteLength: LEAF_PLAINTEXT_BYTES, count: 5, shared: true })
    const leaves = sealPool(4)
    const memories = new Set<ArrayBufferLike>()
    const source = async function* () {
      for (let n = 0; n < 40; n++) {
        const chunk = await plain.take()
        memories.add(chunk.buffer)
        yield chunk.fill(n)
      }
    }
    for await (const leaf of sealFile(source(), { recipients: [alice.recipient], random, pool: leaves })) {
      if (leaf.byteLength === LEAF_BYTES) memories.add(leaf.buffer)
      recycle(leaf)
    }
    expect(memories.size).toBeLessThanOrEqual(9)
    expect(plain.idle + leaves.idle).toBe(memories.size)
  })

  it('is not given back before it was sealed: a reader that fills every free buffer at once changes nothing', async () => {
    const plain = createPool({ byteLength: LEAF_PLAINTEXT_BYTES, count: 3 })
    const plaintext = noise(3 * LEAF_PLAINTEXT_BYTES)
    const source = async function* () {
      for (let from = 0; from < plaintext.byteLength; from += LEAF_PLAINTEXT_BYTES) {
        const chunk = await plain.take()
        chunk.set(plaintext.subarray(from, from + LEAF_PLAINTEXT_BYTES))
        yield chunk
      }
    }
    const greedy: BufferPool = {
      byteLength: LEAF_BYTES,
      idle: 0,
      async take() {
        while (plain.idle > 0) (await plain.take()).fill(0xff)
        return new Uint8Array(LEAF_BYTES)
      },
    }
    const file = await bytesOf(sealFile(source(), { recipients: [alice.recipient], random, pool: greedy }))
    expect((await bytesOf(openSealed(whole(file), [alice.identity]))).equals(plaintext)).toBe(true)
  })

  it('is not written over while a leaf is still held', async () => {
    const leaves = sealPool(2)
    const held: Uint8Array[] = []
    const plaintext = noise(4 * LEAF_PLAINTEXT_BYTES)
    for await (const leaf of sealFile(whole(plaintext), { recipients: [alice.recipient], random, pool: leaves })) held.push(leaf)
    expect((await bytesOf(openSealed(whole(Buffer.concat(held)), [alice.identity]))).equals(plaintext)).toBe(true)
  })
})
