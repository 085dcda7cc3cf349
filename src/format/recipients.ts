/** Whom a file is sealed for and who opens it: the interfaces of age-encryption, with randomness passed in. */
import type { Stanza } from 'age-encryption'
import type { Random } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'

/** Wraps a file key for somebody. Any `Recipient` of age-encryption is one, too; it draws its own randomness. */
export interface Recipient {
  /** The public text, `age1…`; a passphrase has none. */
  readonly text?: string | undefined
  /** The first argument of its stanzas, where it is known beforehand. */
  readonly type?: string | undefined
  wrapFileKey(fileKey: Uint8Array, random: Random): Stanza[] | Promise<Stanza[]>
}

/** Unwraps file keys; exactly the `Identity` of age-encryption. Null when no stanza is for it, an error only for a stanza that is for it and broken. */
export interface Identity {
  unwrapFileKey(stanzas: Stanza[]): Uint8Array | null | Promise<Uint8Array | null>
}

export const X25519 = 'X25519'
export const HYBRID = 'mlkem768x25519'
export const SCRYPT = 'scrypt'

/** Stanza types that a quantum computer does not open. */
const POST_QUANTUM: ReadonlySet<string> = new Set([HYBRID, 'mlkem768p256tag'])

/**
 * May these stand in one header? A passphrase stands alone, and post-quantum recipients are not mixed with others, which would undo what they are
 * for. Throws `unsupported`.
 */
export function assertTogether(types: readonly string[]): void {
  if (types.length > 1 && types.includes(SCRYPT)) {
    throw new FormatError('unsupported', 'a passphrase cannot be combined with anything else; seal for recipients or for one passphrase')
  }
  const postQuantum = types.filter((type) => POST_QUANTUM.has(type)).length
  if (postQuantum > 0 && postQuantum < types.length) {
    throw new FormatError(
      'unsupported',
      'post-quantum recipients (age1pq…) and others cannot be mixed in one file; give every reader a post-quantum recipient, or none',
    )
  }
}

/** What can be known of a list of recipients before anything is sealed: there is one, and they go together. Throws `unsupported`. */
export function assertRecipients(recipients: readonly Recipient[]): void {
  if (recipients.length === 0) throw new FormatError('unsupported', 'there is nobody to seal for; give at least one recipient')
  assertTogether(recipients.flatMap(({ type }) => type ?? []))
}

/**
 * Canonical bytes that stand for a set of recipients, in whatever order and however often each is named: their texts, sorted, one a line. Undefined
 * when one has no public text; nothing that is derived from a passphrase may be kept beside what it opens.
 */
export function recipientSet(recipients: readonly Recipient[]): Uint8Array | undefined {
  const texts = new Set<string>()
  for (const { text } of recipients) {
    if (text === undefined) return undefined
    texts.add(text)
  }
  return new TextEncoder().encode(
    [...texts]
      .sort()
      .map((text) => `${text}\n`)
      .join(''),
  )
}
