/** One real 4096-bit wallet for each test process; making it takes seconds. */
import { generateKeyPairSync } from 'node:crypto'
import { addressOf } from './library.ts'

/** The JSON Web Key of a wallet, as Arweave's key files hold it. */
export interface WalletKey {
  readonly kty: 'RSA'
  readonly n: string
  readonly e: string
  readonly d: string
  readonly p: string
  readonly q: string
  readonly dp: string
  readonly dq: string
  readonly qi: string
}

export interface TestKey {
  readonly jwk: WalletKey
  readonly address: string
}

let made: TestKey | undefined

/** The same key on every call. */
export function testKey(): TestKey {
  made ??= newKey()
  return made
}

/** Another wallet, at the price of more seconds; nodes accept a short modulus too. */
export function newKey(modulusLength = 4096): TestKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
  const jwk = privateKey.export({ format: 'jwk' }) as unknown as WalletKey
  return { jwk, address: addressOf(jwk.n) }
}
