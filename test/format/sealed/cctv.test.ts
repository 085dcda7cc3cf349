import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../../src/errors.ts'
import { type Aead, nodeAead, sodiumAead } from '../../../src/format/aead.ts'
import { parseIdentity } from '../../../src/format/key-text.ts'
import { openSealed } from '../../../src/format/open.ts'
import { passphraseIdentity } from '../../../src/format/recipient-scrypt.ts'
import { type Expectation, type Vector, vectors } from './cctv.ts'
import { bytewise, drained, pieces, whole } from './pieces.ts'

/** What our codes are for each kind of failure. */
const CODES: Readonly<Record<Expectation, readonly (string | undefined)[]>> = {
  success: [undefined],
  'no match': ['no-identity'],
  'HMAC failure': ['damaged'],
  // A file that ends within its header was cut; too much work is a limit.
  'header failure': ['malformed', 'damaged', 'limit'],
  'payload failure': ['damaged'],
  'armor failure': ['malformed'],
}

const CUTS: Readonly<Record<string, (bytes: Uint8Array) => AsyncIterable<Uint8Array>>> = {
  whole,
  'in odd pieces': (bytes) => pieces(bytes, 1, 167, 4_099, 65_551, 16),
  'byte by byte': bytewise,
}

async function check({ expect: expected, payload, identities, passphrases, file }: Vector, cut: keyof typeof CUTS, aead: Aead) {
  const keys = [...identities.map(parseIdentity), ...passphrases.map((passphrase) => passphraseIdentity(passphrase))]
  const { bytes, error } = await drained(openSealed(CUTS[cut]?.(file) ?? whole(file), keys, { aead }))
  expect(error === undefined || error instanceof FormatError, String(error)).toBe(true)
  expect(CODES[expected]).toContain(error instanceof FormatError ? error.code : undefined)
  if (payload !== undefined) expect(createHash('sha256').update(bytes).digest('hex')).toBe(payload)
  else expect(bytes.byteLength).toBe(0)
}

describe('the age test vectors of C2SP/CCTV', () => {
  it('are all there', () => {
    expect(vectors).toHaveLength(143)
  })

  describe.each(Object.keys(CUTS))('%s', (cut) => {
    it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_, vector) => {
      await check(vector, cut, nodeAead)
      await check(vector, cut, await sodiumAead())
    })
  })
})
