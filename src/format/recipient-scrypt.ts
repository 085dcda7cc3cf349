/** The scrypt recipient of age: a passphrase. */
import { scrypt } from 'node:crypto'
import { FormatError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { openFileKey, sealFileKey, WRAPPED_BYTES } from './file-key-box.ts'
import { type Identity, type Recipient, SCRYPT } from './recipients.ts'

/** Base-two logarithm of the work that one guess costs: about a second and 256 MiB. */
export const DEFAULT_WORK_FACTOR = 18
/** What is read at most: about four seconds and 1 GiB. */
export const MAX_WORK_FACTOR = 20

const SALT_BYTES = 16
const BLOCK_SIZE = 8
const LABEL = new TextEncoder().encode('age-encryption.org/v1/scrypt')

/**
 * Seals for whoever knows the passphrase, and for nobody else beside. Every file costs the work anew, since each has a salt of its own. Throws
 * `invalid-key` for an empty passphrase and `limit` for a work factor that would not be read back.
 */
export function passphraseRecipient(passphrase: string, options: { readonly workFactor?: number | undefined } = {}): Recipient {
  const { workFactor = DEFAULT_WORK_FACTOR } = options
  assertPassphrase(passphrase)
  if (!Number.isInteger(workFactor) || workFactor < 1 || workFactor > MAX_WORK_FACTOR) {
    throw new FormatError('limit', `a work factor of ${workFactor} is not possible; choose one from 1 to ${MAX_WORK_FACTOR}`)
  }
  return {
    type: SCRYPT,
    async wrapFileKey(fileKey, random) {
      const salt = random(SALT_BYTES)
      const body = await sealFileKey(fileKey, await wrapKey(passphrase, salt, workFactor))
      return [{ args: [SCRYPT, encodeBase64(salt), String(workFactor)], body }]
    },
  }
}

/** Opens what was sealed with a passphrase. A header that asks for more work than `maxWorkFactor` (default 20) is refused with `limit`, unworked. */
export function passphraseIdentity(passphrase: string, options: { readonly maxWorkFactor?: number | undefined } = {}): Identity {
  const { maxWorkFactor = MAX_WORK_FACTOR } = options
  assertPassphrase(passphrase)
  return {
    async unwrapFileKey(stanzas) {
      const stanza = stanzas.find(({ args }) => args[0] === SCRYPT)
      if (!stanza) return null
      const { args, body } = stanza
      const salt = args.length === 3 ? decodeBase64(args[1] ?? '') : undefined
      if (stanzas.length > 1) throw broken('is not alone')
      if (salt?.byteLength !== SALT_BYTES || body.byteLength !== WRAPPED_BYTES) throw broken('has not the size it must have')
      const [, , factor = ''] = args
      if (!/^[1-9][0-9]*$/.test(factor)) throw broken('has no readable work factor')
      if (Number(factor) > maxWorkFactor) {
        throw new FormatError(
          'limit',
          `the passphrase would cost 2^${factor.slice(0, 8)} steps, 2^${maxWorkFactor} are allowed; only raise that for a file you trust`,
        )
      }
      return (await openFileKey(body, await wrapKey(passphrase, salt, Number(factor)))) ?? null
    },
  }
}

function wrapKey(passphrase: string, salt: Uint8Array, workFactor: number): Promise<Uint8Array> {
  const cost = 2 ** workFactor
  const parameters = { cost, blockSize: BLOCK_SIZE, parallelization: 1, maxmem: 128 * BLOCK_SIZE * (cost + 8) }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.concat([LABEL, salt]), 32, parameters, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function assertPassphrase(passphrase: string): void {
  if (passphrase === '') throw new FormatError('invalid-key', 'the passphrase is empty')
}

const broken = (how: string) => new FormatError('malformed', `the scrypt stanza of the header ${how}; the file was not made by age`)
