/** The payer's key: which ones are taken, what is said of others, and that nothing of them is ever shown. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { recoverMessageAddress } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { accountOf } from '../../../src/vaults/filecoin/key.ts'

/** The first account of the test phrase that every Ethereum tool ships. */
const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-key-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const file = async (name: string, text: string) => {
  const path = join(folder, name)
  await writeFile(path, text, { mode: 0o600 })
  return path
}
const refusal = async (key: string): Promise<VaultError> => {
  const error = await accountOf(key, 'deals').then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}
const lotus = (type: string, secret = KEY) => JSON.stringify({ Type: type, PrivateKey: Buffer.from(secret, 'hex').toString('base64') })
const hexOf = (text: string) => Buffer.from(text).toString('hex')
const jwk = (kty: string) => JSON.stringify({ kty, n: 'AQAB', d: 'AQAB' })
const keystore = JSON.stringify({ version: 3, crypto: { cipher: 'aes-128-ctr', ciphertext: KEY } })
const words = 'test test test test test test test test test test test junk'

describe('a key is taken', () => {
  it.each([
    ['with 0x', `0x${KEY}`],
    ['without', KEY],
    ['in capitals', KEY.toUpperCase()],
    ['with space and a line end around it', ` ${KEY}\n`],
    ['as Lotus exports a key of secp256k1', hexOf(lotus('secp256k1'))],
    ['as Lotus exports one of its delegated addresses', hexOf(lotus('delegated'))],
    ['as the JSON in such an export', lotus('secp256k1')],
  ])('%s, given as text and in a file', async (name, text) => {
    const path = await file(`${name.replace(/\W/g, '-')}.key`, text)
    for (const key of [text, path, await file('ended.key', `\uFEFF${text}\r\n`)])
      expect((await accountOf(key, 'deals')).address).toBe(ADDRESS)
  })

  it('and signs for its address', async () => {
    const account = await accountOf(KEY, 'deals')
    const signature = await account.signMessage({ message: 'said' })
    expect(await recoverMessageAddress({ message: 'said', signature })).toBe(ADDRESS)
  })
})

describe('a key is refused in words', () => {
  it.each([
    ['a keystore', keystore, /keystore of Ethereum, locked with a password; export the private key/],
    ['the JWK of an Arweave wallet', jwk('RSA'), /RSA key, as wallets of Arweave are/],
    ['another JWK', jwk('EC'), /is a JWK; export its 32 bytes/],
    ['JSON of another kind', '{"seed":"x"}', /JSON of another kind/],
    ['JSON that is cut', '{"crypto":', /neither a number in hexadecimal digits nor JSON/],
    ['a key of Solana', '[1,2,3,4]', /a list, as keyfiles of Solana are/],
    ['a BLS key of Lotus', hexOf(lotus('bls')), /type bls, which cannot sign here; make one with `lotus wallet new delegated`/],
    ['another type of Lotus', lotus('ledger'), /another type/],
    ['a short key of Lotus', lotus('secp256k1', 'abcd'), /has not 32 bytes/],
    ['a recovery phrase', words, /recovery phrase of many keys; open it in a wallet and export/],
    ['PEM', '-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----', /PEM/],
    ['an address', ADDRESS, /public address; the key is what signs for it/],
    ['an address of Filecoin', 'f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za', /public address/],
    ['a public key', `0x04${'ab'.repeat(64)}`, /a public key; the private one is needed/],
    ['a compressed public key', `02${'ab'.repeat(32)}`, /a public key/],
    ['63 digits', KEY.slice(1), /has 63 hexadecimal digits; pass the private key of the payer, 64 hexadecimal digits/],
    ['zero', '0'.repeat(64), /zero, or beyond the order/],
    ['the order itself', ORDER, /zero, or beyond the order/],
    ['more than the order', 'f'.repeat(64), /zero, or beyond the order/],
    ['0x alone', '0x', /has 0 hexadecimal digits/],
  ])('%s, as text and in a file', async (name, text, why) => {
    const path = await file(`${name.replace(/\W/g, '-')}.txt`, text)
    for (const [key, where] of [
      [text, 'the key '],
      [path, `the key file ${path} `],
    ] as const) {
      const error = await refusal(key)
      expect(error.code).toBe('invalid')
      expect(error.message).toMatch(why)
      expect(error.message).toContain(`vault deals: ${where}`)
    }
  })

  it.each([
    ['nothing', async () => '', /the key is empty/],
    ['an empty file', () => file('empty', ' \n'), /is empty/],
    ['a file that is not there', async () => join(folder, 'nowhere'), /nowhere does not exist/],
    ['a directory', async () => folder, /is a directory/],
    ['a file below a file', async () => join(await file('flat', KEY), 'x'), /does not exist/],
    ['a file that is too long', () => file('long', 'a'.repeat(65 * 1024)), /more than 65536 bytes/],
    ['a file of other text', () => file('other', 'hello there'), /is no number in hexadecimal digits/],
  ])('%s', async (_, key, why) => {
    const error = await refusal(await key())
    expect(error.code).toBe('invalid')
    expect(error.message).toMatch(why)
  })

  it('as denied where the file may not be read, the cause kept', async ({ skip }) => {
    const path = await file('locked', KEY)
    await chmod(path, 0)
    const root = process.getuid?.() === 0
    if (process.platform === 'win32' || (root && !process.seteuid)) {
      console.warn('SKIPPED: this user reads every file, so an unreadable key was not tested')
      return skip()
    }
    if (root) process.seteuid?.(65_534)
    try {
      const error = await refusal(path)
      expect(error).toMatchObject({
        code: 'denied',
        message: expect.stringContaining('give this user read access'),
        cause: { code: 'EACCES' },
      })
    } finally {
      if (root) process.seteuid?.(0)
    }
  })
})

describe('nothing of a key is shown', () => {
  const canary = randomBytes(32).toString('hex')
  const forms = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex')
    return [hex, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('latin1'), `${BigInt(`0x${hex}`)}`].map((form) =>
      form.slice(2, 22),
    )
  }
  const shown = (value: unknown) =>
    [
      inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null }),
      JSON.stringify(value) ?? '',
      String(value),
      value instanceof Error ? String(value.stack) : '',
    ].join('\n')

  it('by the account that signs', async () => {
    const text = shown(await accountOf(canary, 'deals'))
    for (const form of forms(canary)) expect(text).not.toContain(form)
    expect(text).toContain('0x')
  })

  it.each([
    ['one digit less', canary.slice(1)],
    ['one digit more', `${canary}0`],
    ['twice', `${canary} ${canary}`],
    ['something that is no digit', `${canary.slice(0, -1)}z`],
    ['base64', Buffer.from(canary, 'hex').toString('base64')],
    ['base64url', Buffer.from(canary, 'hex').toString('base64url')],
    ['a BLS key of Lotus', hexOf(lotus('bls', canary))],
    ['a longer key of Lotus', lotus('secp256k1', `${canary}ab`)],
    ['an export that is cut', hexOf(lotus('secp256k1', canary)).slice(0, -2)],
    ['JSON that is cut', `{"PrivateKey":"${canary}`],
    ['a quoted key', `"${canary}"`],
    ['an assignment', `PRIVATE_KEY=${canary}`],
    ['beyond the order', `ffffffffffffffffffffffffffffffff${canary.slice(32)}`],
  ])('by the error for a key with a mistake: %s', async (name, text) => {
    const path = await file(`mistake-${name.replace(/\W/g, '-')}`, text)
    for (const key of [text, path]) {
      const said = shown(await refusal(key))
      for (const form of [...forms(canary), canary.slice(40, 60), text.slice(2, 22)]) expect(said).not.toContain(form)
    }
  })
})
