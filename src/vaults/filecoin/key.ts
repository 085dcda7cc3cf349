/** The payer's key: a number of secp256k1, as Ethereum has them. Nothing that is thrown or returned here shows any part of one. */
import { createReadStream } from 'node:fs'
import type { PrivateKeyAccount } from 'viem/accounts'
import { collect } from '../../bytes/collect.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { packages } from './packages.ts'
import type { Hex } from './port.ts'

const MOST_FILE_BYTES = 64 * 1024
const WANTED = 'pass the private key of the payer, 64 hexadecimal digits with or without 0x, or the path of a file that holds them'
/** Of secp256k1: keys are smaller. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

type Refuse = (why: string) => never

/**
 * Signs and pays for the key, or for the one in the file at a path: its digits, or what `lotus wallet export` writes. Throws VaultError `invalid` for
 * what is no such key, `denied` for a file that may not be read, `unreachable` for one that cannot be.
 */
export async function accountOf(key: string, id: string): Promise<PrivateKeyAccount> {
  const text = typeof key === 'string' ? key.trim() : ''
  const path = text === '' || holdsKey(text) ? undefined : text
  const where = path === undefined ? 'the key' : `the key file ${path}`
  const refuse: Refuse = (why) => {
    throw new VaultError('invalid', id, `${where} ${why}; ${WANTED}`)
  }
  if (text === '') return refuse('is empty')
  const digits = digitsOf(path === undefined ? text : await textOf(path, id, refuse), refuse)
  const number = BigInt(`0x${digits}`)
  if (number === 0n || number >= ORDER) return refuse('is a number that is no key: zero, or beyond the order of secp256k1')
  const { accounts } = await packages(id)
  return accounts.privateKeyToAccount(`0x${digits}` satisfies Hex)
}

/** Somebody who passes a key of whatever kind must not find it in a log: only what can be a path is repeated. */
function holdsKey(text: string): boolean {
  return (
    text.length > 1024 ||
    /[{[\n]|-----BEGIN/.test(text) ||
    /^0x/i.test(text) ||
    /^[0-9a-f]{32,}$/i.test(text) ||
    /^[^./\\]{40,}$|=$/.test(text) ||
    text.split(/\s+/).length >= 12
  )
}

async function textOf(path: string, id: string, refuse: Refuse): Promise<string> {
  try {
    return Buffer.from(await collect(createReadStream(path), MOST_FILE_BYTES)).toString()
  } catch (cause) {
    if (cause instanceof FormatError) return refuse(`has more than ${MOST_FILE_BYTES} bytes, so it holds no key`)
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('does not exist')
    if (code === 'EISDIR') return refuse('is a directory')
    if (code === 'EACCES' || code === 'EPERM')
      throw new VaultError('denied', id, `the key file ${path} may not be read; give this user read access to it`, { cause })
    throw new VaultError('unreachable', id, `the key file ${path} could not be read (${code ?? 'unknown reason'})`, { cause })
  }
}

function digitsOf(content: string, refuse: Refuse): string {
  const text = content.replace(/^\uFEFF/, '').trim()
  if (text === '') return refuse('is empty')
  const [, digits] = /^(?:0x)?([0-9a-f]*)$/i.exec(text) ?? []
  if (digits === undefined) return strangeText(text, refuse)
  if (digits.length === 64) return digits.toLowerCase()
  // `lotus wallet export` writes its JSON in hexadecimal digits.
  if (/^7b/i.test(digits)) return digitsIn(Buffer.from(digits, 'hex').toString(), refuse)
  if (digits.length === 40) return refuse('is a public address; the key is what signs for it, which the wallet exports')
  if (digits.length === 128 || digits.length === 130 || (digits.length === 66 && /^0[23]/.test(digits)))
    return refuse('is a public key; the private one is needed')
  return refuse(`has ${digits.length} hexadecimal digits`)
}

function strangeText(text: string, refuse: Refuse): string {
  if (/^[{[]/.test(text)) return digitsIn(text, refuse)
  if (text.includes('-----BEGIN')) return refuse('is in PEM; export its 32 bytes in hexadecimal digits')
  if (/^[ft](0\d+|[1-3][a-z2-7]{20,}|4\d+f[a-z2-7]+)$/.test(text))
    return refuse('is a public address; the key is what signs for it, which the wallet exports')
  const words = text.split(/\s+/)
  if (words.length >= 12 && words.every((word) => /^\p{L}+$/u.test(word)))
    return refuse('is a recovery phrase of many keys; open it in a wallet and export the private key of one account')
  return refuse('is no number in hexadecimal digits')
}

/** Of an export that is JSON: one of Lotus is taken, others are named. */
function digitsIn(json: string, refuse: Refuse): string {
  const fields = recordIn(json, refuse)
  const { Type: type, PrivateKey: secret } = fields
  if (typeof type !== 'string' || typeof secret !== 'string') return refuse(strangerOf(fields))
  if (type !== 'secp256k1' && type !== 'delegated')
    return refuse(
      `is a key of Lotus of ${type === 'bls' ? 'type bls' : 'another type'}, which cannot sign here; make one with \`lotus wallet new delegated\``,
    )
  const bytes = Buffer.from(secret, 'base64')
  return bytes.byteLength === 32 ? bytes.toString('hex') : refuse('is an export of Lotus whose PrivateKey has not 32 bytes')
}

function recordIn(json: string, refuse: Refuse): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    // The parser's own message repeats a piece of the text.
    return refuse('is neither a number in hexadecimal digits nor JSON')
  }
  if (Array.isArray(value)) return refuse('is a list, as keyfiles of Solana are')
  return typeof value === 'object' && value !== null ? { ...value } : refuse('is JSON of another kind')
}

function strangerOf(fields: Readonly<Record<string, unknown>>): string {
  if (fields.crypto !== undefined || fields.Crypto !== undefined)
    return 'is a keystore of Ethereum, locked with a password; export the private key inside, e.g. with `cast wallet decrypt-keystore`'
  if (fields.kty === 'RSA') return 'is a JWK with an RSA key, as wallets of Arweave are: another kind of key'
  if (fields.kty !== undefined) return 'is a JWK; export its 32 bytes in hexadecimal digits'
  return 'is JSON of another kind'
}
