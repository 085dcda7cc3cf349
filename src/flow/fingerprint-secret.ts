/** The secret of an archive's fingerprints and opaque names: made at the first sealed put, kept beside the catalog with mode 0600, never in it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base58btc } from 'multiformats/bases/base58'
import type { Random } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { FINGERPRINT_SECRET_BYTES } from '../format/fingerprint.ts'
import { keepOnce } from './kept-secret.ts'

export const FINGERPRINT_FILE = 'fingerprint.key'

/** Reads it, or makes it. Two processes that make it at once end with the same one. */
export async function fingerprintSecret(folder: string, random: Random): Promise<Uint8Array> {
  const path = join(folder, FINGERPRINT_FILE)
  const known = await readSecret(path)
  if (known) return known
  const secret = random(FINGERPRINT_SECRET_BYTES)
  const made = await keepOnce(path, `${base58btc.encode(secret)}\n`)
  return made ? secret : ((await readSecret(path)) ?? secret)
}

/** The one that is there; undefined: none. */
export const keptSecret = (folder: string): Promise<Uint8Array | undefined> => readSecret(join(folder, FINGERPRINT_FILE))

async function readSecret(path: string): Promise<Uint8Array | undefined> {
  const advice = 'put the right file back, or move it away: then everything is sealed and stored once more'
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError('invalid', `the fingerprint secret ${path} cannot be read; ${advice}`, { cause })
  }
  try {
    const secret = base58btc.decode(text.trim())
    if (secret.byteLength === FINGERPRINT_SECRET_BYTES) return secret
  } catch {
    // The decoder quotes what it was given.
  }
  throw new ConfigError('invalid', `${path} is not a fingerprint secret; ${advice}`)
}
