/** Recipients and identities as text: one, or a file of them. No error repeats what it read, which may be a secret in the wrong place. */
import { FormatError } from '../errors.ts'
import { hybridIdentity, hybridRecipient } from './recipient-hybrid.ts'
import { x25519Identity, x25519Recipient } from './recipient-x25519.ts'
import type { Identity, Recipient } from './recipients.ts'

/** An identity that was read from text, and the recipient that belongs to it. */
export interface KeyIdentity extends Identity {
  recipient(): Promise<string>
}

/** Text of recipients or identities that is read; more is no key file. */
const MAX_KEY_FILE_CHARACTERS = 16 * 1024 * 1024

/** Reads `age1…` or `age1pq…`. Throws `invalid-key`. */
export function parseRecipient(text: string): Recipient {
  return recipientOf(text.trim(), 'the recipient')
}

/** Reads `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`. Throws `invalid-key`. */
export function parseIdentity(text: string): KeyIdentity {
  return identityOf(text.trim(), 'the identity')
}

/** Reads one recipient a line; blank lines and lines from `#` on are skipped. Throws `invalid-key`, naming the line. */
export function parseRecipientsFile(text: string): readonly Recipient[] {
  return linesOf(text, 'recipients', recipientOf)
}

/** Reads what `age-keygen` writes: one identity a line; blank lines and lines from `#` on are skipped. Throws `invalid-key`, naming the line. */
export function parseIdentityFile(text: string): readonly KeyIdentity[] {
  return linesOf(text, 'identities', identityOf)
}

function recipientOf(text: string, where: string): Recipient {
  const recipient = hybridRecipient(text) ?? x25519Recipient(text)
  if (recipient) return recipient
  const lower = text.toLowerCase()
  if (lower.startsWith('age-secret-key-')) throw invalid(`${where} is a secret key; give the public one, which begins with age1`)
  if (lower.startsWith('ssh-')) throw invalid(`${where} is an SSH key, which is not supported; make a key with age-keygen`)
  if (!lower.startsWith('age1')) throw invalid(`${where} is none; recipients begin with age1`)
  throw invalid(`${where} is mistyped, or of a kind that is not supported (X25519 age1… and post-quantum age1pq… are)`)
}

function identityOf(text: string, where: string): KeyIdentity {
  const identity = hybridIdentity(text) ?? x25519Identity(text)
  if (identity) return identity
  const lower = text.toLowerCase()
  if (lower.startsWith('age1')) throw invalid(`${where} is a public recipient; give the secret key, which begins with AGE-SECRET-KEY-`)
  if (lower.startsWith('age-encryption.org/') || lower.startsWith('-----begin age')) {
    throw invalid(`${where} is itself encrypted; open it with its passphrase first`)
  }
  if (lower.startsWith('-----begin')) throw invalid(`${where} is an SSH or PEM key, which is not supported; make a key with age-keygen`)
  if (lower.startsWith('age-plugin-')) throw invalid(`${where} is the identity of a plugin; plugins are not supported`)
  throw invalid(`${where} is no identity or mistyped; identities begin with AGE-SECRET-KEY-1 or AGE-SECRET-KEY-PQ-1, all in capitals`)
}

function linesOf<T>(text: string, what: string, read: (line: string, where: string) => T): readonly T[] {
  if (text.length > MAX_KEY_FILE_CHARACTERS) throw new FormatError('limit', `this is too long for a file of ${what}; check the path`)
  const found: T[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed !== '' && !trimmed.startsWith('#')) found.push(read(trimmed, `line ${index + 1}`))
  }
  if (found.length === 0) throw invalid(`the file holds no ${what}; check the path`)
  return found
}

const invalid = (message: string) => new FormatError('invalid-key', message)
