/** Checkpoints of the log (C2SP tlog-checkpoint): origin, size and root of the tree, signed as a note under a name that follows from the archive's key. */
import { FormatError } from '../errors.ts'
import { EMPTY_ROOT, HASH_BYTES } from './merkle.ts'
import { decodeExactly, openNote, signNote, verifierKey } from './note.ts'
import { type SigningKey, toMultikey } from './sign.ts'

export interface Checkpoint {
  /** Number of entries. */
  readonly size: number
  readonly root: Uint8Array
}

/** Origin line and key name of an archive's log. */
export const originOf = (publicKey: Uint8Array): string => `perdure/${toMultikey(publicKey)}`

/** What other tools for checkpoints take as the archive's key. */
export const logVerifierKey = (publicKey: Uint8Array): string => verifierKey({ name: originOf(publicKey), publicKey })

/** Equal trees under one key have equal checkpoints, byte for byte. */
export function signCheckpoint({ size, root }: Checkpoint, key: SigningKey): Promise<string> {
  const origin = originOf(key.publicKey)
  return signNote(`${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`, key, origin)
}

/**
 * Reads a checkpoint that this archive signed; other signatures on it and further lines of text are passed over, as their specification demands.
 * Throws `malformed`, `limit` or `bad-signature`.
 */
export async function openCheckpoint(note: string, publicKey: Uint8Array): Promise<Checkpoint> {
  const name = originOf(publicKey)
  const text = await openNote(note, { name, publicKey })
  const [origin, decimal = '', encoded = '', ...rest] = text.split('\n')
  // The text ends in a line feed, so there is an empty last piece; any other line that is empty is wrong.
  if (origin !== name) throw malformed('its origin is another log')
  if (rest.pop() !== '' || rest.includes('')) throw malformed('one of its lines is empty')
  const size = Number(decimal)
  if (!/^(0|[1-9][0-9]*)$/.test(decimal) || !Number.isSafeInteger(size)) throw malformed('its size is no number of entries')
  const root = decodeExactly(encoded)
  if (root?.byteLength !== HASH_BYTES) throw malformed('its root is no hash')
  if (size === 0 && Buffer.compare(root, EMPTY_ROOT) !== 0) throw malformed('an empty log has another root')
  return { size, root }
}

const malformed = (why: string) => new FormatError('malformed', `this is not a checkpoint: ${why}`)
