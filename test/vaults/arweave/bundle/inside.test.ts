import { randomBytes } from 'node:crypto'
import { ArweaveSigner, Bundle, bundleAndSignData, createData, DataItem } from 'arbundles'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findInBundle } from '../../../../src/vaults/arweave/bundle/inside.ts'
import { bundleOf } from '../../../fakes/bundler.ts'
import { codeOf } from '../../code-of.ts'
import { newWallet } from './wallet.ts'

const { jwk } = newWallet()
const PIECE = 256 * 1024

/** Reads, and remembers what was read. */
function shelf(bytes: Uint8Array) {
  const reads: [offset: number, length: number][] = []
  const read = async (offset: number, length: number) => {
    reads.push([offset, length])
    return bytes.subarray(offset, offset + length)
  }
  return { read, reads, find: (id: string, byteLength = bytes.byteLength) => findInBundle(read, byteLength, id) }
}

const idOf = (number: number) => Buffer.alloc(32, `id ${number} `).toString('base64url')
const ABSENT = Buffer.alloc(32, 0xff).toString('base64url')

/** A header that says what is asked for, before 1000 bytes. */
function claiming(count: bigint, ...sizes: readonly bigint[]): Uint8Array {
  const header = Buffer.alloc(32 + 64 * sizes.length)
  header.writeBigUInt64LE(count)
  for (const [index, size] of sizes.entries()) {
    header.writeBigUInt64LE(size, 32 + 64 * index)
    Buffer.from(idOf(index), 'base64url').copy(header, 64 + 64 * index)
  }
  return Buffer.concat([header, Buffer.alloc(1000)])
}

describe('finding an item in a bundle', () => {
  it('finds each item of a bundle made by arbundles', async () => {
    const signer = new ArweaveSigner(jwk)
    const sizes = [0, 1, 5000, 77]
    const { items, binary } = await bundled(sizes.map((size) => createData(randomBytes(size), signer)))
    const { find } = shelf(binary)
    for (const item of items) {
      const place = await find(item.id)
      expect(place).toBeDefined()
      const found = binary.subarray(place?.offset, (place?.offset ?? 0) + (place?.length ?? 0))
      expect(found).toEqual(item.getRaw())
      expect(await DataItem.verify(found)).toBe(true)
    }
    expect(await find(ABSENT)).toBeUndefined()

    async function bundled(unsigned: DataItem[]) {
      const binary = (await bundleAndSignData(unsigned, signer)).getRaw()
      return { items: unsigned, binary }
    }
  })

  it('finds what lies in the bundles of the stand-in, which arbundles reads as well', () => {
    const items = [0, 1, 2].map((number) => [idOf(number), randomBytes(100 * number)] as const)
    expect(new Bundle(Buffer.from(bundleOf(items))).getIds()).toEqual(items.map(([id]) => id))
  })

  it('finds every item of any bundle, and never one that is not there', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(sizes, async (list) => {
        const items = list.map((size, number) => [idOf(number), Buffer.alloc(size, number)] as const)
        const bytes = bundleOf(items)
        const { find } = shelf(bytes)
        for (const [number, [id, raw]] of items.entries()) {
          const offset = 32 + 64 * items.length + list.slice(0, number).reduce((sum, size) => sum + size, 0)
          expect(await find(id)).toEqual({ offset, length: raw.byteLength })
        }
        expect(await find(ABSENT)).toBeUndefined()
      }),
      { numRuns: 40 },
    )
  })

  it('reads the number of items and the header, and no item', async () => {
    const { reads, find } = shelf(bundleOf([0, 1, 2].map((number) => [idOf(number), randomBytes(1000)])))
    await find(idOf(1))
    expect(reads).toEqual([
      [0, 32],
      [32, 3 * 64],
    ])
  })

  it('reads a long header in pieces of 256 KiB, and none after that with the item', async () => {
    const items = Array.from({ length: 10_000 }, (_, number) => [idOf(number), Uint8Array.of(1)] as const)
    const { reads, find } = shelf(bundleOf(items))
    expect(await find(idOf(4096))).toEqual({ offset: 32 + 64 * 10_000 + 4096, length: 1 })
    expect(reads).toEqual([
      [0, 32],
      [32, PIECE],
      [32 + PIECE, PIECE],
    ])
    reads.length = 0
    expect(await find(ABSENT)).toBeUndefined()
    expect(reads.at(-1)).toEqual([32 + 2 * PIECE, 64 * 10_000 - 2 * PIECE])
  })

  it('finds nothing in a bundle of nothing', async () => {
    expect(await shelf(new Uint8Array(32)).find(ABSENT)).toBeUndefined()
  })

  it.each<[string, Uint8Array]>([
    ['no bytes', new Uint8Array()],
    ['31 bytes', new Uint8Array(31)],
    ['more items than there is room for their header', claiming(17n, 1n)],
    ['a number of items beyond all numbers', new Uint8Array(2000).fill(0xff)],
    ['an item longer than the bundle', claiming(1n, 1001n)],
    ['an item of 2^63 bytes', claiming(1n, 2n ** 63n)],
    ['items that are longer than the bundle together', claiming(2n, 600n, 401n)],
  ])('refuses as malformed: %s', async (_, bytes) => {
    expect(await codeOf(shelf(bytes).find(ABSENT))).toBe('malformed')
  })

  it('refuses an item that ends behind the bundle, when that is the one which was sought', async () => {
    expect(await shelf(claiming(2n, 600n, 400n)).find(idOf(1))).toEqual({ offset: 32 + 128 + 600, length: 400 })
    expect(await codeOf(shelf(claiming(2n, 600n, 401n)).find(idOf(1)))).toBe('malformed')
  })

  it('refuses more items than it searches, before it reads them', async () => {
    const { reads, find } = shelf(claiming(2n ** 18n + 1n))
    expect(await codeOf(find(ABSENT, 2 ** 40))).toBe('limit')
    expect(reads).toEqual([[0, 32]])
  })

  it('refuses a read that gives fewer bytes or more', async () => {
    const bytes = bundleOf([[idOf(0), randomBytes(10)]])
    expect(await codeOf(findInBundle(async (offset) => bytes.subarray(offset, offset + 5), bytes.byteLength, idOf(0)))).toBe('malformed')
    expect(await codeOf(findInBundle(async () => bytes, bytes.byteLength, idOf(0)))).toBe('malformed')
  })

  it('hands on what the read throws', async () => {
    const gone = new Error('gone')
    await expect(findInBundle(() => Promise.reject(gone), 1000, ABSENT)).rejects.toBe(gone)
  })

  it('refuses an id that is none', async () => {
    expect(await codeOf(shelf(claiming(1n, 1n)).find('AAAA'))).toBe('malformed')
  })
})
