/** What the fake Arweave takes from the `arweave` package, and the encodings of the network. */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

// The package is CommonJS with a default export inside: what an import makes of that depends on who loads this file.
const require = createRequire(import.meta.url)

export const merkle = require('arweave/node/lib/merkle.js') as typeof import('arweave/node/lib/merkle.js')
export const { default: deepHash } = require('arweave/node/lib/deepHash.js') as typeof import('arweave/node/lib/deepHash.js')
export const { default: Transaction } = require('arweave/node/lib/transaction.js') as typeof import('arweave/node/lib/transaction.js')

export const CHUNK = 256 * 1024

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
export const b64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
/** Undefined unless it is base64url without padding. */
export const unb64url = (text: unknown): Buffer | undefined =>
  typeof text === 'string' && /^[\w-]*$/.test(text) ? Buffer.from(text, 'base64url') : undefined
export const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** The address of a wallet: the hash of its public modulus. */
export const addressOf = (owner: string): string => b64url(sha256(Buffer.from(owner, 'base64url')))
