/** Tags: what fits, in which bytes. */
import { describe, expect, it } from 'vitest'
import { encodedTags, tagBytes } from '../../../src/vaults/arweave/tags.ts'

const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64url').toString()

describe('tags', () => {
  it('are written in base64url without padding, in their order', () => {
    const tags = [
      { name: 'App-Name', value: 'perdure' },
      { name: 'ü?>', value: '~~~' },
      { name: '', value: '' },
    ]
    const encoded = encodedTags(tags, 'perma')
    expect(encoded[0]).toEqual({ name: 'QXBwLU5hbWU', value: 'cGVyZHVyZQ' })
    expect(encoded.map(({ name, value }) => ({ name: decode(name), value: decode(value) }))).toEqual(tags)
    expect(tagBytes(encoded)?.map(([name, value]) => ({ name: name.toString(), value: value.toString() }))).toEqual(tags)
  })

  it('may have 2048 bytes in all, counted in UTF-8', () => {
    const tags = [
      { name: 'é'.repeat(100), value: 'v'.repeat(800) },
      { name: 'n'.repeat(48), value: '€'.repeat(333) },
    ]
    expect(encodedTags([...tags, { name: 'x', value: '' }], 'perma')).toHaveLength(3)
    expect(() => encodedTags([...tags, { name: 'xy', value: '' }], 'perma')).toThrow(/2049 bytes/)
    expect(() => encodedTags([{ name: '', value: '€'.repeat(683) }], 'perma')).toThrow(
      expect.objectContaining({ code: 'invalid', vault: 'perma' }),
    )
  })

  it('are refused when they are no text, or too many', () => {
    expect(() => encodedTags([{ name: 'a', value: '\ud800' }], 'perma')).toThrow(expect.objectContaining({ code: 'invalid' }))
    const empty = Array.from({ length: 2049 }, () => ({ name: '', value: '' }))
    expect(() => encodedTags(empty, 'perma')).toThrow(expect.objectContaining({ code: 'invalid' }))
  })

  it('from outside have the same limits, and are undefined beyond', () => {
    const encoded = (bytes: number) => Buffer.alloc(bytes, 1).toString('base64url')
    expect(tagBytes([{ name: encoded(1024), value: encoded(1024) }])).toHaveLength(1)
    expect(tagBytes([{ name: encoded(1024), value: encoded(1025) }])).toBeUndefined()
    expect(
      tagBytes([
        { name: encoded(2048), value: '' },
        { name: '', value: encoded(1) },
      ]),
    ).toBeUndefined()
    expect(tagBytes(Array.from({ length: 2049 }, () => ({ name: '', value: '' })))).toBeUndefined()
    for (const wrong of [
      undefined,
      null,
      {},
      'x',
      [null],
      [[]],
      ['x'],
      [{ name: 'QQ' }],
      [{ name: 'QQ', value: 'Q' }],
      [{ name: 'Q=', value: '' }],
      [{ name: 1, value: 1 }],
    ])
      expect(tagBytes(wrong), JSON.stringify(wrong)).toBeUndefined()
  })
})
