/** The wallet that signs and pays: an RSA key of 4096 bits as a JWK. Nothing that is thrown or shown here has any part of a key in it. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { collect } from '../../bytes/collect.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { base64url, bytesOf } from './base64url.ts'
import { sha256 } from './merkle.ts'
import { signed, verifies } from './pss.ts'

export interface Wallet {
  /** The vault that it signs for, which its errors name. */
  readonly vault: string
  readonly address: string
  /** The modulus, which is the public key. */
  readonly owner: string
  /** RSA-PSS with SHA-256 over the bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

const MODULUS_BYTES = 512
/** A JWK of 4096 bits has 3.2 kB. */
const MOST_FILE_BYTES = 64 * 1024
const PARTS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const
const WANTED = 'pass the JWK of an Arweave wallet: an RSA key of 4096 bits, as the path of its JSON file or the parsed object'

/**
 * The wallet of a JWK, or of the file at a path. Throws VaultError `invalid` for a key that is no Arweave wallet's, `denied` for a file that may
 * not be read, `unreachable` for one that cannot be.
 */
export async function walletOf(key: string | object, vault: string): Promise<Wallet> {
  const path = typeof key === 'string' ? key : undefined
  if (path !== undefined && holdsKey(path))
    throw new VaultError('invalid', vault, `the key is a text and not the path of a file (it is not repeated here); ${WANTED}`)
  const where = path === undefined ? 'the key' : `the key file ${path}`
  const refuse = (why: string): never => {
    throw new VaultError('invalid', vault, `${where} ${why}; ${WANTED}`)
  }
  const jwk = path === undefined ? key : parsed(await textOf(path, vault, refuse), refuse)
  const modulus = modulusOf(jwk, refuse)
  const owner = base64url(modulus)
  const privateKey = privateKeyOf(jwk as Jwk) ?? refuse('has private parts that make no key')
  const sign = async (bytes: Uint8Array) => new Uint8Array(await signed(privateKey, bytes))
  // The parts of a JWK are not checked against each other when it is read.
  const fits = await sign(modulus).then(
    (signature) => verifies(owner, modulus, signature),
    () => false,
  )
  if (!fits) refuse('is damaged: its private and its public parts do not belong together')
  return { vault, address: base64url(sha256(modulus)), owner, sign }
}

type Refuse = (why: string) => never
type Jwk = Readonly<Record<(typeof PARTS)[number], string>>

/** Somebody who passes the key itself must not find it in a log: only what can be a path is repeated. */
function holdsKey(text: string): boolean {
  return text.length > 1024 || /[{\n]|-----BEGIN/.test(text) || /^[^./\\]{43,}$|=$/.test(text) || text.trim().split(/\s+/).length >= 12
}

async function textOf(path: string, vault: string, refuse: Refuse): Promise<string> {
  try {
    return Buffer.from(await collect(createReadStream(path), MOST_FILE_BYTES)).toString()
  } catch (cause) {
    if (cause instanceof FormatError) return refuse(`has more than ${MOST_FILE_BYTES} bytes, so it is no JWK`)
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('does not exist')
    if (code === 'EISDIR') return refuse('is a directory')
    if (code === 'EACCES' || code === 'EPERM')
      throw new VaultError('denied', vault, `the key file ${path} may not be read; give this user read access to it`, { cause })
    throw new VaultError('unreachable', vault, `the key file ${path} could not be read (${code ?? 'unknown reason'})`, { cause })
  }
}

function parsed(text: string, refuse: Refuse): unknown {
  if (text.trim() === '') return refuse('is empty')
  if (text.includes('-----BEGIN')) return refuse('is in PEM, which has to be exported as a JWK first')
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    // The parser's own message repeats a piece of the text.
    return refuse('is not JSON')
  }
}

/** The checked modulus of a JWK that has all its parts. */
function modulusOf(jwk: unknown, refuse: Refuse): Buffer {
  if (typeof jwk !== 'object' || jwk === null) return refuse('holds no object')
  if (Array.isArray(jwk)) return refuse('is a list, as keyfiles of Solana are')
  const fields = jwk as Readonly<Record<string, unknown>>
  if (fields.kty !== 'RSA') return refuse(strangerOf(fields))
  const n = bytesOf(fields.n, 2 * MODULUS_BYTES)
  if (!n) return refuse('has no modulus (n)')
  const bits = n.byteLength === 0 ? 0 : 8 * n.byteLength - Math.clz32(n[0] ?? 0) + 24
  if (bits !== 8 * MODULUS_BYTES || n.byteLength !== MODULUS_BYTES) return refuse(`has ${bits} bits`)
  if (fields.e !== 'AQAB') return refuse('has another public exponent than 65537')
  const missing = PARTS.filter((part) => typeof fields[part] !== 'string' || fields[part] === '')
  if (missing.includes('d')) return refuse('is a public key: the private parts are missing')
  if (missing.length > 0) return refuse(`lacks ${missing.join(', ')}`)
  return n
}

function strangerOf(fields: Readonly<Record<string, unknown>>): string {
  if (fields.kty === 'EC') return 'is an elliptic-curve key'
  if (fields.kty === 'OKP') return 'is an Ed25519 or X25519 key'
  if (fields.kty === 'oct') return 'is a symmetric key'
  if (fields.crypto !== undefined || fields.Crypto !== undefined) return 'is a keystore of Ethereum'
  if (Array.isArray(fields.keys)) return 'is a set of keys'
  return 'is no JWK of type RSA'
}

function privateKeyOf(jwk: Jwk): KeyObject | undefined {
  const { n, e, d, p, q, dp, dq, qi } = jwk
  try {
    return createPrivateKey({ key: { kty: 'RSA', n, e, d, p, q, dp, dq, qi }, format: 'jwk' })
  } catch {
    // Nothing of what failed is passed on: it has seen the key.
    return undefined
  }
}
