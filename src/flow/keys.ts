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
const KEY_FILE = 'archive.key'

/** The key that is there; undefined: none. */
export async function keptKey(folder: string): Promise<SigningKey | undefined> {
  const seed = await readSeed(join(folder, KEY_FILE))
  return seed && keyFromSeed(seed)
}

/** Reads the line of an archive.key that was kept elsewhere. Throws ConfigError `invalid`. */
export const keyFromText = (text: string): Promise<SigningKey> => keyFromSeed(seedOf(text, 'the signing key that was given'))

/** Puts a key that was kept elsewhere where the archive looks for it. `text` is the line of an archive.key. Throws ConfigError `invalid`, or `exists` for another one. */
export async function placeKey(folder: string, text: string): Promise<SigningKey> {
  const seed = seedOf(text, 'the signing key that was given')
  const made = await keepOnce(join(folder, KEY_FILE), `${text.trim()}\n`)
  const there = made ? seed : await readSeed(join(folder, KEY_FILE))
  if (there && Buffer.compare(there, seed) === 0) return keyFromSeed(seed)
  throw new ConfigError(
    'exists',
    `${join(folder, KEY_FILE)} is another key than the one that was given; move it away, or leave the other one out`,
  )
}

/** Reads the archive's key, or makes it. Two processes that make it at once end with the same one. */
export async function archiveKey(folder: string, random: Random): Promise<SigningKey> {
  const path = join(folder, KEY_FILE)
  const seed = (await readSeed(path)) ?? (await makeSeed(path, random))
  return keyFromSeed(seed)
}

async function readSeed(path: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError('invalid', `the archive's signing key ${path} cannot be read`, { cause })
  }
  return seedOf(text, path)
}

/** `of` names it in errors; the text itself is never repeated. */
function seedOf(text: string, of: string): Uint8Array {
  try {
    const bytes = base58btc.decode(text.trim())
    if (bytes.byteLength === 34 && bytes[0] === ED25519_PRIV[0] && bytes[1] === ED25519_PRIV[1]) return bytes.subarray(2)
  } catch {
    // The decoder quotes what it was given.
  }
  throw new ConfigError(
    'invalid',
    `${of} is not a signing key of an archive (Ed25519, z3u2…); put the right file back, or move it away to start a new identity`,
  )
}

async function makeSeed(path: string, random: Random): Promise<Uint8Array> {
  const seed = random(32)
  const made = await keepOnce(path, `${base58btc.encode(Uint8Array.of(...ED25519_PRIV, ...seed))}\n`)
  return made ? seed : ((await readSeed(path)) ?? seed)
}
