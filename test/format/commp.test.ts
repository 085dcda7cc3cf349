import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hashInto } from '@chainsafe/hashtree'
import * as asPieceCid from '@filoz/synapse-core/piece'
import { Piece as DataSegment } from '@web3-storage/data-segment'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashWithNode, paddedFor, pieceHasher } from '../../src/format/commp.ts'
import { createPieceHasher, pieceOf } from '../../src/format/commp-native.ts'
import { padFr32 } from '../../src/format/fr32.ts'
import { noise } from '../flow/house.ts'

const MIB = 1024 ** 2
/** Of one batch: boundaries lie there. */
const BATCH = 512 * 508
const vectors = new URL('../../../shared/vectors/commp/', import.meta.url)
const absent = !existsSync(fileURLToPath(vectors))
if (absent)
  console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; the piece commitments of go-fil-commp-hashhash were not compared`)

function* repeated(byte: number, byteLength: number, pieceBytes = 1_000_003) {
  const piece = Buffer.alloc(Math.min(pieceBytes, byteLength), byte)
  for (let left = byteLength; left > 0; left -= piece.byteLength) yield piece.subarray(0, left)
}

describe.skipIf(absent)('the vectors of go-fil-commp-hashhash', () => {
  const lines = (name: string) => (absent ? '' : readFileSync(new URL(name, vectors), 'utf8')).trim().split('\n')
  it.each([
    ['zero.txt', 0],
    ['0xCC.txt', 0xcc],
  ] as const)('%s', { timeout: 60_000 }, async (name, byte) => {
    expect(lines(name).length).toBeGreaterThan(10)
    for (const line of lines(name)) {
      const [byteLength, pieceByteLength, cid] = line.split(',')
      const piece = await pieceOf(repeated(byte, Number(byteLength)))
      expect([piece.v1.toString(), piece.pieceByteLength, piece.byteLength]).toEqual([cid, Number(pieceByteLength), Number(byteLength)])
    }
  })

  it('have pieces as large as ours for payloads of that length', () => {
    const [, ...rows] = lines('vector.csv')
    expect(rows.length).toBeGreaterThan(50)
    for (const row of rows) {
      const [byteLength, , , pieceSize] = row.split(',')
      expect(paddedFor(Number(byteLength))).toBe(Number(pieceSize))
    }
  })
})

it.each([
  [0, 'bafkzcibcp4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy'],
  [127, 'bafkzcibcaabdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy'],
  [128, 'bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy'],
])('has the piece CID v2 that FRC-0069 gives for %s zero bytes', async (byteLength, cid) => {
  expect((await pieceOf(repeated(0, byteLength))).v2.toString()).toBe(cid)
})

describe('beside other implementations', () => {
  const lengths = [
    65,
    126,
    127,
    128,
    253,
    254,
    255,
    508,
    509,
    1016,
    65_024,
    65_025,
    300_000,
    BATCH - 1,
    BATCH,
    BATCH + 1,
    2 * BATCH,
    2 * BATCH + 1,
    3 * BATCH + 77,
  ]

  it.each(lengths)('data-segment and synapse-core say the same of %s bytes', { timeout: 60_000 }, async (byteLength) => {
    const bytes = noise(byteLength, 'piece')
    const { root, height, pieceByteLength, v2 } = await pieceOf([bytes])
    const theirs = DataSegment.fromPayload(bytes)
    expect(theirs.root).toEqual(root)
    expect([theirs.height, 32 * 2 ** theirs.height]).toEqual([height, pieceByteLength])
    expect(theirs.link.toString()).toBe(v2.toString())
    if (byteLength >= 127) expect(asPieceCid.calculate(bytes).toString()).toBe(v2.toString())
  })
})

describe('the hasher', () => {
  it('says the same however the bytes are cut, natively and with node alone', async () => {
    const bytes = noise(2 * BATCH + 1000, 'cut')
    const whole = (await pieceOf([bytes])).v2.toString()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.byteLength }), { maxLength: 20 }), async (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), bytes.byteLength]
        const parts = cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end))
        expect((await pieceOf(parts)).v2.toString()).toBe(whole)
      }),
      { numRuns: 30 },
    )
    expect(pieceHasher(hashWithNode).update(bytes).digest().v2.toString()).toBe(whole)
    expect(pieceHasher(hashInto).update(bytes).digest().v2.toString()).toBe(whole)
  })

  it('lets the bytes be used again as soon as it has taken them', async () => {
    const memory = Buffer.alloc(1000)
    const hasher = await createPieceHasher()
    const seen: Buffer[] = []
    for (let n = 0; n < 1000; n++) {
      memory.fill(n)
      seen.push(Buffer.from(memory))
      hasher.update(memory)
    }
    expect(hasher.digest().v2.toString()).toBe((await pieceOf(seen)).v2.toString())
  })

  it('tells apart payloads that zeros alone tell apart, by their lengths', async () => {
    const [short, long] = [await pieceOf([Buffer.from('x')]), await pieceOf([Buffer.from('x\0')])]
    expect(short.root).toEqual(long.root)
    expect(short.v1.toString()).toBe(long.v1.toString())
    expect(short.v2.toString()).not.toBe(long.v2.toString())
  })

  it('stops when it is aborted', async () => {
    const stop = new AbortController()
    const source = async function* () {
      yield Buffer.alloc(1000)
      stop.abort(new Error('enough'))
      yield Buffer.alloc(1000)
    }
    await expect(pieceOf(source(), { signal: stop.signal })).rejects.toThrow('enough')
  })

  it('changes with every bit', async () => {
    const bytes = noise(3000, 'bits')
    const before = (await pieceOf([bytes])).v1.toString()
    for (const bit of [0, 7, 8 * 31 + 6, 8 * 31 + 7, 8 * 127 - 1, 8 * 127, 8 * 2999 + 7]) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect((await pieceOf([changed])).v1.toString(), `bit ${bit}`).not.toBe(before)
    }
  })
})

it('puts two zero bits after every 254', () => {
  const from = noise(508 * 3, 'fr32')
  const to = Buffer.alloc(512 * 3)
  padFr32(new Int32Array(Uint8Array.from(from).buffer), new Int32Array(to.buffer))
  const bit = (bytes: Buffer, at: number) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1
  for (let at = 0, source = 0; at < to.byteLength * 8; at++) {
    const expected = at % 256 < 254 ? bit(from, source++) : 0
    if (bit(to, at) !== expected) expect.fail(`bit ${at} is not ${expected}`)
  }
})

it('takes no memory for more bytes', { timeout: 60_000 }, async () => {
  const before = process.memoryUsage().arrayBuffers
  await pieceOf(repeated(1, 64 * MIB, MIB))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB)
})
