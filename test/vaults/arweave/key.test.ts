/** The wallet's key: which ones are taken, and that nothing of them is ever shown. */
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Arweave from 'arweave'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { walletOf } from '../../../src/vaults/arweave/key.ts'
import { leaked, type RsaJwk, rsaJwk } from './keys.ts'

const arweave = Arweave.init({})
let jwk: RsaJwk
let other: RsaJwk
let short: RsaJwk
let oddExponent: RsaJwk
let folder: string

beforeAll(async () => {
  ;[jwk, other, short, oddExponent] = await Promise.all([rsaJwk(4096), rsaJwk(4096), rsaJwk(2048), rsaJwk(4096, 3)])
  folder = await mkdtemp(join(tmpdir(), 'perdure-key-'))
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const file = async (name: string, text: string | Uint8Array) => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
const refusal = async (key: string | object): Promise<VaultError> => {
  const error = await walletOf(key, 'perma').then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(VaultError)
  expect(leaked(error, jwk)).toEqual([])
  return error as VaultError
}
const ec = (curve: string) => generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({ format: 'jwk' }) as JsonWebKey

describe('a wallet', () => {
  it('has the address and the owner that arweave-js gives it, from the object and from a file', async () => {
    const path = await file('wallet.json', `\uFEFF${JSON.stringify({ ...jwk, ext: true, key_ops: ['sign'] }, undefined, 2)}\n`)
    for (const key of [jwk, path]) {
      const wallet = await walletOf(key, 'perma')
      expect(wallet).toMatchObject({ vault: 'perma', address: await arweave.wallets.jwkToAddress(jwk), owner: jwk.n })
    }
  })

  it('signs what arweave-js verifies', async () => {
    const wallet = await walletOf(jwk, 'perma')
    const signature = await wallet.sign(Buffer.from('said'))
    expect(signature.byteLength).toBe(512)
    expect(await Arweave.crypto.verify(jwk.n, Buffer.from('said'), signature)).toBe(true)
  })

  it('shows nothing of its key, and keeps no hold on the object', async () => {
    const copy = { ...jwk }
    const wallet = await walletOf(copy, 'perma')
    expect(leaked(wallet, jwk)).toEqual([])
    expect(leaked(jwk, jwk)).toHaveLength(6)
    for (const part of Object.keys(copy) as (keyof RsaJwk)[]) copy[part] = ''
    expect((await wallet.sign(Buffer.from('later'))).byteLength).toBe(512)
    expect(wallet.owner).toBe(jwk.n)
  })
})

describe('a key that is no wallet is refused', () => {
  it.each<[string, () => object, RegExp]>([
    ['RSA of 2048 bits', () => short, /the key has 2048 bits; pass the JWK of an Arweave wallet: an RSA key of 4096 bits/],
    ['another exponent', () => oddExponent, /exponent/],
    ['a public key', () => ({ kty: 'RSA', n: jwk.n, e: jwk.e }), /public key/],
    ['a part that is missing', () => ({ ...jwk, qi: undefined }), /lacks qi/],
    ['a part that is empty', () => ({ ...jwk, p: '' }), /lacks p/],
    ['no modulus', () => ({ ...jwk, n: undefined }), /no modulus/],
    ['an empty modulus', () => ({ ...jwk, n: '' }), /0 bits/],
    ['a modulus that is not base64url', () => ({ ...jwk, n: `${jwk.n}!` }), /no modulus/],
    [
      'a modulus with a zero before it',
      () => ({ ...jwk, n: Buffer.concat([Buffer.alloc(1), Buffer.from(jwk.n, 'base64url')]).toString('base64url') }),
      /bits/,
    ],
    ['a modulus without end', () => ({ ...jwk, n: 'A'.repeat(1_000_000) }), /no modulus/],
    ['private parts that are no numbers', () => ({ ...jwk, d: '!', p: '!', q: '!' }), /make no key|damaged/],
    ['private parts of another key', () => ({ ...other, n: jwk.n }), /do not belong together|make no key/],
    ['an elliptic curve', () => ec('P-256'), /elliptic-curve/],
    ['the curve of Ethereum', () => ec('secp256k1'), /elliptic-curve/],
    ['Ed25519', () => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), /Ed25519/],
    ['a symmetric key', () => ({ kty: 'oct', k: 'c2VjcmV0' }), /symmetric/],
    ['a keystore of Ethereum', () => ({ version: 3, address: '00', crypto: { cipher: 'aes-128-ctr' } }), /Ethereum/],
    ['a keyfile of Solana', () => Array.from({ length: 64 }, (_, index) => index), /Solana/],
    ['a set of keys', () => ({ keys: [jwk] }), /set of keys/],
    ['an empty object', () => ({}), /no JWK/],
    ['a key object', () => generateKeyPairSync('ed25519').privateKey, /no JWK/],
    ['null', () => null as unknown as object, /no object/],
  ])('%s', async (_, key, message) => {
    const error = await refusal(key())
    expect(error).toMatchObject({ code: 'invalid', vault: 'perma', message: expect.stringMatching(message) })
    expect(error.message).toContain('RSA key of 4096 bits')
    const path = await file('wrong.json', JSON.stringify(key()) ?? '')
    expect(await refusal(path)).toMatchObject({ code: 'invalid', message: expect.stringContaining(path) })
  })

  it.each<[string, () => string | Uint8Array, RegExp]>([
    ['empty', () => '', /is empty/],
    ['blank', () => ' \n', /is empty/],
    ['in PEM', () => `-----BEGIN PRIVATE KEY-----\n${jwk.d}\n-----END PRIVATE KEY-----\n`, /PEM/],
    ['not JSON any more', () => JSON.stringify(jwk).slice(0, -1), /not JSON/],
    ['a bare part of a key', () => jwk.d, /not JSON/],
    ['a JSON text', () => JSON.stringify(jwk.d), /no object/],
    ['not text', () => Buffer.from(jwk.d, 'base64url'), /not JSON/],
    ['far too long', () => JSON.stringify({ ...jwk, x: 'x'.repeat(100_000) }), /65536 bytes/],
  ])('a file that is %s', async (_, text, message) => {
    const path = await file('bad.json', text())
    const error = await refusal(path)
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) })
    expect(error.message).toContain(path)
    expect(error.cause).toBeUndefined()
  })

  it.each([
    ['does not exist', 'nowhere/wallet.json', 'invalid'],
    ['is a directory', '.', 'invalid'],
  ])('a path that %s', async (message, name, code) => {
    const path = join(folder, name)
    expect(await refusal(path)).toMatchObject({ code, message: expect.stringContaining(`${path} ${message}`) })
  })

  it('a file that this user may not read is denied', async ({ skip }) => {
    const path = await file('closed.json', JSON.stringify(jwk))
    await chmod(path, 0)
    const root = process.getuid?.() === 0
    if (process.platform === 'win32' || (root && !process.seteuid)) {
      console.warn('SKIPPED: this user reads every file, so an unreadable key was not tested')
      return skip()
    }
    if (root) process.seteuid?.(65_534)
    try {
      expect(await refusal(path)).toMatchObject({ code: 'denied', message: expect.stringContaining(path), cause: { code: 'EACCES' } })
    } finally {
      if (root) process.seteuid?.(0)
    }
  })
})

describe('a key in the place of its path', () => {
  it.each<[string, () => string]>([
    ['the JSON', () => JSON.stringify(jwk)],
    ['a PEM', () => `-----BEGIN PRIVATE KEY-----\n${jwk.d}\n-----END PRIVATE KEY-----`],
    ['a private part', () => jwk.d],
    ['the key of an Ethereum wallet', () => `0x${'4f'.repeat(32)}`],
    ['base64', () => Buffer.alloc(32, 7).toString('base64')],
    ['words', () => Array.from({ length: 12 }, () => 'correct').join(' ')],
  ])('is refused and not repeated: %s', async (_, key) => {
    const text = key()
    const error = await refusal(text)
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('not repeated here') })
    expect(`${error.stack}`).not.toContain(text.slice(0, 30))
  })
})
