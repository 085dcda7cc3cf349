import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openRanges, type SealedSource } from '../../../src/format/open-range.ts'
import { alice, bob, sealed } from './keys.ts'
import { bytesOf, drained, noise, pieces } from './pieces.ts'

/** A source in memory that notes which bytes were taken from it, in pieces of 4 KiB. */
function sourceOf(file: Uint8Array): SealedSource & { readonly taken: [from: number, to: number][] } {
  const taken: [number, number][] = []
  return {
    byteLength: file.byteLength,
    taken,
    async *read({ offset, length }) {
      let from = offset
      for await (const piece of pieces(file.subarray(offset, offset + length), 4_096)) {
        taken.push([from, from + piece.byteLength])
        from += piece.byteLength
        yield piece
      }
    },
  }
}

const plaintext = noise(2 * 983_040 + 100_000, 'ranges')
const file = await sealed(plaintext)
const header = 168 + 16
const CHUNK = 65_552

describe('a range of a sealed file', () => {
  it('has the bytes of the content there, for any range', async () => {
    const ranges = await openRanges(sourceOf(file), [alice.identity])
    const edge = fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 983_039, 983_040, 983_041, plaintext.byteLength - 1, plaintext.byteLength)
    const offset = fc.oneof(edge, fc.integer({ min: 0, max: plaintext.byteLength }))
    const length = fc.oneof(fc.constantFrom(0, 1, 65_536, 983_040), fc.integer({ min: 0, max: 1_500_000 }), fc.constant(undefined))
    await fc.assert(
      fc.asyncProperty(offset, length, async (from, count) => {
        const range = { offset: from, ...(count === undefined ? {} : { length: count }) }
        const expected = plaintext.subarray(from, count === undefined ? undefined : from + count)
        expect((await bytesOf(ranges.read(range))).equals(expected)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('takes only the header and the chunks it touches from the source', async () => {
    const source = sourceOf(file)
    const ranges = await openRanges(source, [alice.identity])
    expect(source.taken).toEqual([[0, 4_096]])
    source.taken.length = 0
    await bytesOf(ranges.read({ offset: 20 * 65_536 + 5, length: 65_536 }))
    expect(source.taken.at(0)?.[0]).toBe(header + 20 * CHUNK)
    expect(source.taken.at(-1)?.[1]).toBe(header + 22 * CHUNK)
  })

  it.each([0, 1, 65_536, 65_537])('works for a file of %i bytes', async (size) => {
    const small = noise(size)
    const ranges = await openRanges(sourceOf(await sealed(small)), [alice.identity])
    expect((await bytesOf(ranges.read({ offset: 0 }))).equals(small)).toBe(true)
    expect((await bytesOf(ranges.read({ offset: size }))).byteLength).toBe(0)
    expect(await ranges.length()).toBe(size)
    await expect(bytesOf(ranges.read({ offset: size + 1 }))).rejects.toMatchObject({ code: 'bad-range' })
    for (const range of [{ offset: -1 }, { offset: 0.5 }, { offset: 0, length: -1 }]) {
      await expect(bytesOf(ranges.read(range))).rejects.toMatchObject({ code: 'bad-range' })
    }
  })

  it('says what the end is only after the last chunk has shown it', async () => {
    for (const length of [header + 3 * CHUNK, header + 15 * CHUNK, header + 2 * CHUNK + 500, file.byteLength - 1]) {
      const ranges = await openRanges(sourceOf(file.subarray(0, length)), [alice.identity])
      expect((await bytesOf(ranges.read({ offset: 10, length: 100 }))).equals(plaintext.subarray(10, 110))).toBe(true)
      await expect(ranges.length()).rejects.toMatchObject({ code: 'damaged' })
      await expect(bytesOf(ranges.read({ offset: plaintext.byteLength }))).rejects.toMatchObject({ code: 'damaged' })
      await expect(bytesOf(ranges.read({ offset: 0, length: 0 }))).rejects.toMatchObject({ code: 'damaged' })
      const { bytes, error } = await drained(ranges.read({ offset: 0 }))
      expect(error).toMatchObject({ code: 'damaged' })
      expect(bytes.equals(plaintext.subarray(0, bytes.byteLength))).toBe(true)
    }
    for (const length of [header, header + 1, header + 15, header + CHUNK + 16, header + CHUNK + 1]) {
      await expect(openRanges(sourceOf(file.subarray(0, length)), [alice.identity])).rejects.toMatchObject({ code: 'damaged' })
    }
  })

  it('is refused when the source gives less or more than it was asked for', async () => {
    for (const extra of [-CHUNK, -1, 1, CHUNK]) {
      const honest = sourceOf(file)
      const ranges = await openRanges(
        {
          byteLength: file.byteLength,
          read: ({ offset, length }, options) => honest.read({ offset, length: offset === 0 ? length : length + extra }, options),
        },
        [alice.identity],
      )
      const { bytes, error } = await drained(ranges.read({ offset: 65_536, length: 3 * 65_536 }))
      expect(error, `${extra}`).toMatchObject({ code: 'damaged' })
      expect(bytes.equals(plaintext.subarray(65_536, 65_536 + bytes.byteLength))).toBe(true)
    }
  })

  it('is refused when a chunk stands in another’s place', async () => {
    const swapped = file.slice()
    swapped.set(file.subarray(header + 3 * CHUNK, header + 4 * CHUNK), header + 2 * CHUNK)
    const ranges = await openRanges(sourceOf(swapped), [alice.identity])
    const { bytes, error } = await drained(ranges.read({ offset: 65_536, length: 4 * 65_536 }))
    expect(error).toMatchObject({ code: 'damaged' })
    expect(bytes.equals(plaintext.subarray(65_536, 2 * 65_536))).toBe(true)
  })

  it('needs the right identity', async () => {
    await expect(openRanges(sourceOf(file), [bob.identity])).rejects.toMatchObject({ code: 'no-identity' })
  })
})
