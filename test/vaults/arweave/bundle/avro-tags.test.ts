import { deserializeTags, serializeTags } from 'arbundles'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTags, type Tag } from '../../../../src/vaults/arweave/bundle/avro-tags.ts'

const text = fc.string({ minLength: 1, maxLength: 90, unit: 'binary' })
const tags = fc
  .array(fc.record({ name: text, value: text }), { maxLength: 128 })
  .filter((list) => list.reduce((sum, { name, value }) => sum + Buffer.byteLength(name + value), 0) < 3500)

/** Avro as its specification allows it: blocks of any size, with their length in bytes or without. */
function inBlocks(list: readonly Tag[], sizes: readonly number[], withLength: boolean): Buffer {
  const parts: Buffer[] = []
  for (let at = 0, turn = 0; at < list.length; turn++) {
    const block = list.slice(at, at + (sizes[turn % sizes.length] ?? 1))
    const bytes = Buffer.concat(block.flatMap(({ name, value }) => [string(name), string(value)]))
    parts.push(...(withLength ? [long(-block.length), long(bytes.byteLength)] : [long(block.length)]), bytes)
    at += block.length
  }
  return Buffer.concat([...parts, long(0)])
}

function string(value: string): Buffer {
  return Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)])
}

function long(number: number): Buffer {
  const bytes: number[] = []
  let rest = number < 0 ? -2 * number - 1 : 2 * number
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

describe('the tags of a data item', () => {
  it('come back as arbundles wrote them', () => {
    fc.assert(
      fc.property(tags, (list) => {
        expect(decodeTags(serializeTags(list))).toEqual(list)
      }),
    )
  })

  it('come back from blocks of every size, as arbundles reads them too', () => {
    fc.assert(
      fc.property(
        tags,
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (list, sizes, withLength) => {
          const bytes = inBlocks(list, sizes, withLength)
          fc.pre(bytes.byteLength <= 4096)
          expect(decodeTags(bytes)).toEqual(list)
          expect(deserializeTags(bytes)).toEqual(list)
        },
      ),
    )
  })

  it('are none in no bytes at all, and in an array without blocks', () => {
    expect(decodeTags(new Uint8Array())).toEqual([])
    expect(decodeTags(Uint8Array.of(0))).toEqual([])
  })

  it('keep a byte order mark', () => {
    expect(decodeTags(inBlocks([{ name: '\ufeffname', value: '\ufeff' }], [1], false))).toEqual([{ name: '\ufeffname', value: '\ufeff' }])
  })

  it('are undefined for bytes cut off or added, wherever that is', () => {
    const bytes = inBlocks(
      [
        { name: 'Content-Type', value: 'application/vnd.ipld.car; version=1' },
        { name: 'n', value: 'v'.repeat(200) },
      ],
      [1],
      true,
    )
    expect(decodeTags(bytes)).toHaveLength(2)
    for (let length = 1; length < bytes.byteLength; length++) expect(decodeTags(bytes.subarray(0, length))).toBeUndefined()
    expect(decodeTags(Buffer.concat([bytes, Uint8Array.of(0)]))).toBeUndefined()
  })

  const one: Tag = { name: 'n', value: 'v' }
  it.each<[string, Uint8Array]>([
    ['more than 128 tags', inBlocks(Array<Tag>(129).fill(one), [129], false)],
    ['more than 128 tags over several blocks', inBlocks(Array<Tag>(129).fill(one), [64], false)],
    ['a count of thousands of millions', Buffer.concat([long(4e9), string('n'), string('v'), long(0)])],
    ['more than 4096 bytes', inBlocks([{ name: 'n', value: 'v'.repeat(4096) }], [1], false)],
    ['an empty name', inBlocks([{ name: '', value: 'v' }], [1], false)],
    ['an empty value', inBlocks([{ name: 'n', value: '' }], [1], false)],
    ['a text that is no UTF-8', Buffer.concat([long(1), long(1), Uint8Array.of(0xff), string('v'), long(0)])],
    ['a text of negative length', Buffer.concat([long(1), long(-1), string('v'), long(0)])],
    ['a text longer than the bytes', Buffer.concat([long(1), long(9), Buffer.from('n'), string('v'), long(0)])],
    ['a wrong length of a block', Buffer.concat([long(-1), long(5), string('n'), string('v'), long(0)])],
    ['a number without an end', Buffer.alloc(12, 0x80)],
  ])('are undefined for %s', (_, bytes) => {
    expect(decodeTags(bytes)).toBeUndefined()
  })

  it('are undefined or the same for any bytes, and never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const list = decodeTags(bytes)
        if (list !== undefined && bytes.byteLength > 0) expect(deserializeTags(Buffer.from(bytes))).toEqual(list)
      }),
    )
  })
})
