/** Other people's hard cases for every primitive that sealing and signing stand on: C2SP/wycheproof @ dac1dd4, Apache-2.0, read where they lie beside the checkout. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sodium from 'libsodium-wrappers'
import { describe, expect, it } from 'vitest'
import { nodeAead, sodiumAead } from '../../../src/format/aead.ts'
import { hkdf } from '../../../src/format/kdf.ts'
import { nodeCurve, sodiumCurve } from '../../../src/format/x25519.ts'

const folder = new URL('../../../../shared/vectors/wycheproof/', import.meta.url)
const absent = !existsSync(fileURLToPath(folder))
if (absent) console.warn(`SKIPPED: Wycheproof vectors are not at ${folder.pathname}; primitives were not checked against them`)

interface Case {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags: readonly string[]
  readonly [field: string]: unknown
}

interface Group {
  readonly tests: readonly Case[]
  readonly [field: string]: unknown
}

const groups = (name: string): readonly Group[] => JSON.parse(readFileSync(new URL(`${name}_test.json`, folder), 'utf8')).testGroups
const bytes = (hex: unknown) => new Uint8Array(Buffer.from(String(hex), 'hex'))
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

describe.skipIf(absent)('Wycheproof', () => {
  it('ChaCha20-Poly1305: both paths seal and open exactly what is valid', async () => {
    const sodiumPath = await sodiumAead()
    let checked = 0
    for (const group of groups('chacha20_poly1305')) {
      // Nonces of other sizes cannot be asked for, and additional data is never used.
      if (group.ivSize !== 96) continue
      for (const { aad, key, iv, msg, ct, tag, result, tcId } of group.tests) {
        if (aad !== '') continue
        const whole = new Uint8Array(Buffer.concat([bytes(ct), bytes(tag)]))
        for (const aead of [nodeAead, sodiumPath]) {
          const out = new Uint8Array(whole.byteLength)
          const opened = new Uint8Array(bytes(ct).byteLength)
          expect(aead.keyed(bytes(key)).open(bytes(iv), whole, opened), `${aead.name} ${tcId}`).toBe(result === 'valid')
          if (result !== 'valid') continue
          aead.keyed(bytes(key)).seal(bytes(iv), bytes(msg), out)
          expect(same(out, whole) && same(opened, bytes(msg)), `${aead.name} ${tcId}`).toBe(true)
          checked++
        }
      }
    }
    expect(checked).toBeGreaterThan(50)
  })

  it('X25519: both paths agree with every shared secret, and refuse those that are zero', async () => {
    const sodiumPath = await sodiumCurve()
    let refused = 0
    for (const { tests } of groups('x25519')) {
      for (const { public: point, private: scalar, shared, flags, tcId } of tests) {
        for (const curve of [nodeCurve, sodiumPath]) {
          const found = curve.scalar(bytes(scalar)).sharedWith(curve.point(bytes(point)))
          if (/^0+$/.test(String(shared))) {
            expect(found, `${curve.name} ${tcId} ${flags}`).toBe(undefined)
            refused++
          } else expect(found && same(found, bytes(shared)), `${curve.name} ${tcId} ${flags}`).toBe(true)
        }
      }
    }
    expect(refused).toBeGreaterThan(20)
  })

  it('Ed25519: libsodium, which signs records and receipts, verifies exactly what is valid', async () => {
    await sodium.ready
    let checked = 0
    for (const { tests, publicKey } of groups('ed25519')) {
      const { pk } = publicKey as { readonly pk: string }
      for (const { msg, sig, result, tcId } of tests) {
        // What sign.ts does: a length check, then libsodium.
        const signature = bytes(sig)
        const holds =
          signature.byteLength === sodium.crypto_sign_BYTES && sodium.crypto_sign_verify_detached(signature, bytes(msg), bytes(pk))
        expect(holds, `${tcId}`).toBe(result === 'valid')
        checked++
      }
    }
    expect(checked).toBe(151)
  })

  it('HKDF-SHA256: every output key', () => {
    let checked = 0
    for (const { tests } of groups('hkdf_sha256')) {
      for (const { ikm, salt, info, size, okm, result, tcId } of tests) {
        if (result !== 'valid') expect(() => hkdf(bytes(ikm), bytes(salt), bytes(info), Number(size)), `${tcId}`).toThrow()
        else expect(same(hkdf(bytes(ikm), bytes(salt), bytes(info), Number(size)), bytes(okm)), `${tcId}`).toBe(true)
        checked++
      }
    }
    expect(checked).toBe(86)
  })
})
