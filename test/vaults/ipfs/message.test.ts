import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../../src/errors.ts'
import { decodeMessage, encodeMessage, MAX_ENTRIES, numbers } from '../../../src/vaults/ipfs/embedded/message.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const message = fc.record({
  wants: fc.array(fc.record({ cid: bytes, cancel: fc.boolean(), haveOnly: fc.boolean(), sendDontHave: fc.boolean() }), { maxLength: 5 }),
  full: fc.boolean(),
  blocks: fc.array(fc.record({ prefix: bytes, bytes }), { maxLength: 5 }),
  presences: fc.array(fc.record({ cid: bytes, has: fc.boolean() }), { maxLength: 5 }),
})

/** Bytes of whichever class as a list of numbers. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}

describe('a bitswap message', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(message, (one) => {
        expect(plain(decodeMessage(encodeMessage(one)))).toEqual(plain(one))
      }),
    )
  })

  it('of any bytes is read or refused, with an error of ours', () => {
    const refuses = (given: Uint8Array) => {
      try {
        decodeMessage(given)
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), refuses))
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (one, at, value) => {
        const bytes = Buffer.from(encodeMessage(one))
        if (bytes.byteLength > 0) bytes.writeUInt8(value, at % bytes.byteLength)
        refuses(bytes)
      }),
    )
  })

  it('of too many wants is not read, and of absurd lengths neither', () => {
    const want = { cid: new Uint8Array(1), cancel: false, haveOnly: false, sendDontHave: false }
    const wants = Array.from({ length: MAX_ENTRIES + 1 }, () => want)
    expect(() => decodeMessage(encodeMessage({ wants }))).toThrow(expect.objectContaining({ code: 'limit' }))
    expect(() => decodeMessage(numbers((3 << 3) | 2, 2 ** 50))).toThrow(expect.objectContaining({ code: 'malformed' }))
  })
})
