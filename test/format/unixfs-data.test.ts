import fc from 'fast-check'
import { UnixFS } from 'ipfs-unixfs'
import { expect, it } from 'vitest'
import { fileData, hasType } from '../../src/format/unixfs-data.ts'

const GIB = 2 ** 30
const library = (sizes: readonly number[]) => new UnixFS({ type: 'file', blockSizes: sizes.map(BigInt) })

it('writes what ipfs-unixfs writes, for every size that it can write', () => {
  const size = fc.oneof(fc.nat(GIB / 8), fc.integer({ min: 4 * GIB, max: 2 ** 45 }))
  fc.assert(
    fc.property(fc.array(size, { maxLength: 8 }), (sizes) => {
      const total = sizes.reduce((sum, each) => sum + each, 0)
      fc.pre(total < 2 * GIB || total >= 4 * GIB)
      expect(Buffer.from(fileData(sizes))).toEqual(Buffer.from(library(sizes).marshal()))
    }),
  )
})

it.each([2 * GIB - 1, 2 * GIB, 3 * GIB, 4 * GIB - 1, 4 * GIB, 6 * GIB])('is read back for a size of %d', (size) => {
  const { type, blockSizes } = UnixFS.unmarshal(fileData([size, size]))
  expect({ type, blockSizes }).toEqual({ type: 'file', blockSizes: [BigInt(size), BigInt(size)] })
})

it('is pinned for a file of 3 GiB, where the library fails', () => {
  expect(Buffer.from(fileData([2 * GIB, GIB])).toString('hex')).toBe('0802188080808' + '00c20808080800820' + '8080808004')
})

it.each([
  ['nothing', '', false],
  ['bytes alone', '12026869', false],
  ['a size alone', '18ffffffffffffffffff01', false],
  ['what stands for a type within its bytes', '12020802', false],
  ['fields of every wire, and no type', '2d01020304310102030405060708', false],
  ['a type that comes last', '1202686918020802', true],
  ['a type that comes first', '0801', true],
])('a message of %s has a type or has none', (_, hex, expected) => {
  expect(hasType(Buffer.from(hex, 'hex'))).toBe(expected)
})
