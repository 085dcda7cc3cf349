/**
 * Signed notes (C2SP signed-note): text, an empty line, signature lines `— NAME BASE64`, where the bytes are a key id and an Ed25519 signature over the
 * text. Read strictly: there is one spelling of every note.
 */
import { createHash } from 'node:crypto'
import { FormatError } from '../errors.ts'
import { type SigningKey, signBytes, verifiesBytes } from './sign.ts'

/** Largest note that is read, in bytes, and most signatures in one. */
const MAX_NOTE_BYTES = 64 * 1024
const MAX_SIGNATURES = 64
const ED25519 = 0x01
const KEY_ID_BYTES = 4

/** Whose signature is asked for: a name without spaces and pluses, and an Ed25519 public key. */
export interface NoteKey {
  readonly name: string
  readonly publicKey: Uint8Array
}

/** The first four bytes of SHA-256 over name, line feed, 01, public key. */
export const keyIdOf = ({ name, publicKey }: NoteKey): Uint8Array =>
  createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519)).update(publicKey).digest().subarray(0, KEY_ID_BYTES)

/** The key as other tools for notes take it: `NAME+hex id+base64(01 ‖ public key)`. */
export const verifierKey = (key: NoteKey): string =>
  `${key.name}+${Buffer.from(keyIdOf(key)).toString('hex')}+${Buffer.concat([Uint8Array.of(ED25519), key.publicKey]).toString('base64')}`

/** Signs text, which must end in a line feed. Deterministic. */
export async function signNote(text: string, key: SigningKey, name: string): Promise<string> {
  const signature = await signBytes(Buffer.from(text), key)
  const id = keyIdOf({ name, publicKey: key.publicKey })
  return `${text}\n— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`
}

/**
 * The text of a note that this key has signed. Signatures of other keys are passed over. Throws `malformed`, `limit`, and `bad-signature` when the key's
 * signature is not there or does not hold.
 */
export async function openNote(note: string, key: NoteKey): Promise<string> {
  const { text, signatures } = parseNote(note)
  const id = keyIdOf(key)
  const own = signatures.filter((one) => one.name === key.name && Buffer.compare(one.bytes.subarray(0, KEY_ID_BYTES), id) === 0)
  if (own.length === 0) throw new FormatError('bad-signature', `this note is not signed by ${key.name}`)
  const message = Buffer.from(text)
  for (const { bytes } of own) {
    if (!(await verifiesBytes(message, bytes.subarray(KEY_ID_BYTES), key.publicKey)))
      throw new FormatError('bad-signature', `the signature of ${key.name} on this note does not hold`)
  }
  return text
}

interface Signature {
  readonly name: string
  readonly bytes: Uint8Array
}

function parseNote(note: string): { readonly text: string; readonly signatures: readonly Signature[] } {
  if (typeof note !== 'string') throw malformed('it is not text')
  if (Buffer.byteLength(note) > MAX_NOTE_BYTES) throw new FormatError('limit', `a note of more than ${MAX_NOTE_BYTES} bytes is not read`)
  if (FORBIDDEN.test(note)) throw malformed('it holds control characters or broken text')
  const at = note.lastIndexOf('\n\n')
  if (at < 0 || !note.endsWith('\n')) throw malformed('text, an empty line and signature lines are expected')
  const lines = note.slice(at + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw new FormatError('limit', `a note of more than ${MAX_SIGNATURES} signatures is not read`)
  return { text: note.slice(0, at + 1), signatures: lines.map(parseSignature) }
}

/** Control characters other than the line feed, and surrogates that stand alone, which UTF-8 does not know. */
const FORBIDDEN = /[\u0000-\u0009\u000b-\u001f]|\p{Surrogate}/u

function parseSignature(line: string): Signature {
  const [, name = '', text = ''] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? []
  const bytes = decodeExactly(text)
  if (name === '' || bytes === undefined || bytes.byteLength <= KEY_ID_BYTES) throw malformed('a signature line is not “— NAME BASE64”')
  return { name, bytes }
}

/** Standard base64 with padding; undefined for anything but the one spelling. */
export function decodeExactly(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}

const malformed = (why: string) => new FormatError('malformed', `this is not a signed note: ${why}`)
