/** The age test vectors of C2SP/CCTV, as npm `cctv-age` ships them. */
import { inflateSync } from 'node:zlib'
import * as shipped from 'cctv-age'

export type Expectation = 'success' | 'no match' | 'HMAC failure' | 'header failure' | 'payload failure' | 'armor failure'

export interface Vector {
  readonly name: string
  readonly expect: Expectation
  /** SHA-256 of all plaintext that may be released, also when the end fails. */
  readonly payload: string | undefined
  readonly identities: readonly string[]
  readonly passphrases: readonly string[]
  readonly file: Uint8Array
}

const KNOWN = ['expect', 'payload', 'identity', 'passphrase', 'armored', 'file key', 'compressed', 'comment']

function vectorOf(name: string, bytes: Uint8Array): Vector {
  const end = Buffer.from(bytes).indexOf('\n\n')
  const fields = Buffer.from(bytes.subarray(0, end))
    .toString()
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
  const all = (key: string) => fields.filter(([field]) => field === key).map(([, value]) => value)
  const unknown = fields.find(([key]) => !KNOWN.includes(key))
  if (unknown) throw new RangeError(`the vector ${name} has a field ${unknown[0]} that this test does not know`)
  const body = bytes.slice(end + 2)
  return {
    name,
    expect: all('expect')[0] as Expectation,
    payload: all('payload')[0],
    identities: all('identity'),
    passphrases: all('passphrase'),
    file: all('compressed')[0] === 'zlib' ? new Uint8Array(inflateSync(body)) : body,
  }
}

const modules = new Map<string, unknown>(Object.entries('default' in shipped ? shipped.default : shipped))

export const vectors: readonly Vector[] = [...modules].flatMap(([name, bytes]) =>
  bytes instanceof Uint8Array ? [vectorOf(name, bytes)] : [],
)
