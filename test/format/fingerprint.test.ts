import { describe, expect, it } from 'vitest'
import { type FingerprintScope, fingerprints } from '../../src/format/fingerprint.ts'
import { noise } from '../flow/house.ts'

const scope: FingerprintScope = { visibility: 'sealed', profile: 'unixfs-v1-2025', padding: 'none', recipients: noise(10, 'recipients') }
const secret = noise(32, 'secret')
const local = noise(32, 'local')

function keyOf(chunks: readonly Uint8Array[], { own = secret, here = local, in: within = scope } = {}): string {
  const print = fingerprints(own, here, within).content()
  for (const chunk of chunks) print.add(chunk)
  return Buffer.from(print.key(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0))).toString('hex')
}

describe('the fingerprint of content', () => {
  const chunks = [noise(983_040, 'a'), noise(983_040, 'b'), noise(17, 'c')]

  it('is the same for the same chunks, and another for a flipped bit, another order, another cut or a chunk less', () => {
    const key = keyOf(chunks)
    expect(keyOf(chunks.map((chunk) => Uint8Array.from(chunk)))).toBe(key)
    const [a, b, c] = chunks as [Buffer, Buffer, Buffer]
    const others = [
      [a, b],
      [b, a, c],
      [a, b, c.subarray(0, 16)],
      [a, b, c, new Uint8Array(0)],
      [Buffer.concat([a, b]), c],
    ]
    for (const at of [0, 500_000, 983_039]) {
      const flipped = Uint8Array.from(b)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      others.push([a, Buffer.from(flipped), c])
    }
    expect(new Set([key, ...others.map((other) => keyOf(other))]).size).toBe(others.length + 1)
  })

  it('is another under another secret, another key of the machine, other recipients and another padding', () => {
    const keys = [
      keyOf(chunks),
      keyOf(chunks, { own: noise(32, 'other') }),
      keyOf(chunks, { here: noise(32, 'other') }),
      keyOf(chunks, { in: { ...scope, recipients: noise(10, 'others') } }),
      keyOf(chunks, { in: { ...scope, padding: 'padme' } }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('of a short file is bound to everything that of a long one is', () => {
    const short = [noise(100, 'short')]
    const flipped = Uint8Array.from(short[0] as Uint8Array)
    flipped[99] = (flipped[99] ?? 0) ^ 1
    const keys = [
      keyOf(short),
      keyOf([flipped]),
      keyOf([(short[0] as Uint8Array).subarray(0, 99)]),
      keyOf(short, { own: noise(32, 'other') }),
      keyOf(short, { here: noise(32, 'other') }),
      keyOf(short, { in: { ...scope, recipients: noise(10, 'others') } }),
      keyOf(short, { in: { ...scope, padding: 'padme' } }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(keyOf([Uint8Array.from(short[0] as Uint8Array)])).toBe(keys[0])
  })

  it('tells zeros of one length from zeros of another', () => {
    const lengths = [0, 1, 15, 16, 17, 32, 8_191, 8_192, 8_193, 983_040]
    expect(new Set(lengths.map((length) => keyOf([new Uint8Array(length)]))).size).toBe(lengths.length)
  })
})
