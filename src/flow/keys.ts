/** The archive's signing key: made at first use, kept beside the catalog with mode 0600, never in it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base58btc } from 'multiformats/bases/base58'
import type { Random } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { keyFromSeed, type SigningKey } from '../format/sign.ts'
import { keepOnce } from './kept-secret.ts'

/** Multicodec ed25519-priv; the file holds one line, a multikey `z3u2…`. */
const ED25519_PRIV = Uint8Array.of(0x80, 0x26)

/** Reads the archive's key, or makes it. Two processes that make it at once end with the same one. */
export async function archiveKey(folder: string, random: Random): Promise<SigningKey> {
  const path = join(folder, 'archive.key')
  const seed = (await readSeed(path)) ?? (await makeSeed(path, random))
  return keyFromSeed(seed)
}

/** The archive's key, where there is one. Makes none. */
export async function existingKey(folder: string): Promise<SigningKey | undefined> {
  const seed = await readSeed(join(folder, 'archive.key'))
  return seed && keyFromSeed(seed)
}

async function readSeed(path: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError('invalid', `the archive's signing key ${path} cannot be read`, { cause })
  }
  try {
    const bytes = base58btc.decode(text.trim())
    if (bytes.byteLength === 34 && bytes[0] === ED25519_PRIV[0] && bytes[1] === ED25519_PRIV[1]) return bytes.subarray(2)
  } catch (cause) {
    throw new ConfigError('invalid', `${path} is not a signing key; put the right file back, or move it away to start a new identity`, {
      cause,
    })
  }
  throw new ConfigError(
    'invalid',
    `${path} is not an Ed25519 signing key; put the right file back, or move it away to start a new identity`,
  )
}

async function makeSeed(path: string, random: Random): Promise<Uint8Array> {
  const seed = random(32)
  const made = await keepOnce(path, `${base58btc.encode(Uint8Array.of(...ED25519_PRIV, ...seed))}\n`)
  return made ? seed : ((await readSeed(path)) ?? seed)
}
