import { expect, it } from 'vitest'
import { base64Length, writeBase64 } from '../../../src/vaults/arweave/base64-into.ts'
import { noise } from '../../flow/house.ts'

it.each([0, 1, 2, 3, 4, 5, 6, 7, 100, 262_143, 262_144])(
  'writes %s bytes as Buffer would say them, and nothing beside them',
  (byteLength) => {
    const bytes = noise(byteLength, 'base64')
    const memory = Buffer.alloc(base64Length(byteLength) + 8)
    writeBase64(bytes, memory.buffer, 4)
    expect(memory.toString('latin1', 4, 4 + base64Length(byteLength))).toBe(bytes.toString('base64url'))
    expect([...memory.subarray(0, 4), ...memory.subarray(-4)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  },
)

it('has every letter in both places of a pair', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 3 * 4096 }, (_, at) => [at >> 7, at & 255, at >> 3][at % 3] ?? 0))
  const memory = Buffer.alloc(base64Length(bytes.byteLength))
  writeBase64(bytes, memory.buffer, 0)
  expect(memory.toString('latin1')).toBe(bytes.toString('base64url'))
  expect(new Set(memory.toString('latin1')).size).toBe(64)
})

it('reads bytes that lie in the middle of other memory', () => {
  const bytes = noise(1000, 'middle').subarray(7, 507)
  const memory = Buffer.alloc(base64Length(500))
  writeBase64(bytes, memory.buffer, 0)
  expect(memory.toString('latin1')).toBe(bytes.toString('base64url'))
})
