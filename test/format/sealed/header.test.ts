import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headerParser, MAX_LINE_BYTES, MAX_STANZAS, parseHeader, type Stanza, writeHeader } from '../../../src/format/age-header.ts'
import { MAX_HEADER_BYTES } from '../../../src/format/age-layout.ts'
import { vectors } from './cctv.ts'
import { pieces } from './pieces.ts'

const MAC = new Uint8Array(32).fill(5)
const text = (value: string) => new TextEncoder().encode(value)
const VERSION = 'age-encryption.org/v1\n'

const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 20,
})
const stanza = fc.record({ args: fc.array(printable, { minLength: 1, maxLength: 4 }), body: fc.uint8Array({ maxLength: 200 }) })

describe('a header', () => {
  it('reads back as it was written, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stanza, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 80 }), async (stanzas, size) => {
        const bytes = writeHeader(stanzas, () => MAC)
        const parser = headerParser()
        let header: ReturnType<typeof parseHeader>
        for await (const piece of pieces(Buffer.concat([bytes, text('payload follows')]), size)) header ??= parser.take(piece)
        expect(header?.stanzas.map(({ args, body }) => ({ args, body: Uint8Array.from(body) }))).toEqual(stanzas)
        expect(header?.byteLength).toBe(bytes.byteLength)
        expect(Buffer.from(header?.mac ?? []).equals(MAC)).toBe(true)
        expect(Buffer.from(header?.signed ?? []).toString()).toBe(Buffer.from(bytes).toString().slice(0, -45))
      }),
      { numRuns: 100 },
    )
  })

  it('is written exactly as other tools wrote it, for every vector that parses', () => {
    let compared = 0
    for (const { name, expect: expected, file } of vectors) {
      if (expected === 'header failure' || expected === 'armor failure' || name.startsWith('armor')) continue
      const header = parseHeader(file)
      if (!header) throw new RangeError(name)
      expect(Buffer.from(writeHeader(header.stanzas, () => header.mac)).equals(file.subarray(0, header.byteLength)), name).toBe(true)
      compared++
    }
    expect(compared).toBeGreaterThan(40)
  })

  it('says that more is needed for every shorter part of it', () => {
    const bytes = writeHeader([{ args: ['X25519', 'abc'], body: new Uint8Array(32) }], () => MAC)
    for (let length = 0; length < bytes.byteLength; length++) expect(parseHeader(bytes.subarray(0, length)), `${length}`).toBe(undefined)
    expect(parseHeader(bytes)?.byteLength).toBe(bytes.byteLength)
  })

  it.each([
    ['another format', 'PK\x03\x04'],
    ['another version', 'age-encryption.org/v2\n'],
    ['a version that goes on', 'age-encryption.org/v11\n'],
    ['no stanza', `${VERSION}--- ${'A'.repeat(43)}\n`],
    ['a carriage return', `age-encryption.org/v1\r\n`],
    ['two spaces', `${VERSION}-> a  b\n`],
    ['a stanza without arguments', `${VERSION}-> \n`],
    ['a body with padding', `${VERSION}-> a\nQUI=\n`],
    ['a body that is not canonical', `${VERSION}-> a\nQUJ\n`],
    ['a body in the alphabet of URLs', `${VERSION}-> a\n-_-_\n`],
    ['a body line that is too long', `${VERSION}-> a\n${'A'.repeat(68)}\n`],
    ['a MAC that is too short', `${VERSION}-> a\n\n--- ${'A'.repeat(42)}\n`],
    ['a MAC that is not canonical', `${VERSION}-> a\n\n--- ${'B'.repeat(43)}\n`],
    ['something else', `${VERSION}-> a\n\n+++\n`],
    ['an argument in another script', `${VERSION}-> ä\n`],
  ])('is refused with %s', (_, bytes) => {
    expect(() => parseHeader(text(bytes))).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('is refused by its first wrong byte, without waiting for a line', () => {
    expect(() => headerParser().take(text('agf'))).toThrow(expect.objectContaining({ code: 'malformed' }))
    expect(headerParser().take(text('age-enc'))).toBe(undefined)
  })
})

describe('a header bomb is refused in milliseconds', () => {
  const refused = (bombs: () => Iterable<Uint8Array>) => {
    const started = performance.now()
    const parser = headerParser()
    let taken = 0
    let error: unknown
    try {
      for (const piece of bombs()) {
        taken += piece.byteLength
        parser.take(piece)
      }
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ code: 'limit' })
    expect(performance.now() - started).toBeLessThan(500)
    return taken
  }

  it('of a million stanzas', () => {
    const bomb = text(`${VERSION}${'-> a\n\n'.repeat(1_000_000)}`)
    refused(() => [bomb])
  })

  it('of one stanza too many, also where they are short', () => {
    const head = (count: number) => text(`${VERSION}${'-> a\n\n'.repeat(count)}--- ${'A'.repeat(43)}\n`)
    expect(parseHeader(head(1024))?.stanzas).toHaveLength(1024)
    expect(refused(() => [head(1025)])).toBeLessThan(10_000)
  })

  it('of a line without an end, in any pieces', () => {
    expect(refused(() => [text(`${VERSION}-> `), ...Array.from({ length: 10_000 }, () => text('x'))])).toBeLessThan(2 * MAX_LINE_BYTES)
  })

  it('of one endless body', () => {
    const line = text(`${'A'.repeat(64)}\n`)
    const taken = refused(function* () {
      yield text(`${VERSION}-> a\n`)
      for (;;) yield line
    })
    expect(taken).toBeLessThan(MAX_HEADER_BYTES + 100)
  })

  it('also where it would be written', () => {
    const many: Stanza[] = Array.from({ length: MAX_STANZAS + 1 }, () => ({ args: ['a'], body: new Uint8Array(0) }))
    expect(() => writeHeader(many, () => MAC)).toThrow(expect.objectContaining({ code: 'limit' }))
    expect(() => writeHeader([{ args: ['a b'], body: new Uint8Array(0) }], () => MAC)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
    expect(() => writeHeader([], () => MAC)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })
})
