/**
 * Texts that should be age keys, checked with the reason in words. age's own errors quote what they could not read, which may be a secret key:
 * none of them is kept as a cause, and no message here repeats what was given.
 */
import { ConfigError } from '../errors.ts'
import { formOf, isIdentityForm, type KeyForm, keyLines } from '../format/key-form.ts'

export interface AgeKey {
  /** `AGE-SECRET-KEY-…`. */
  readonly identity: string
  /** `age1…`, which may be shown. */
  readonly recipient: string
  readonly hybrid: boolean
}

export interface AgeRecipient {
  readonly recipient: string
  readonly hybrid: boolean
}

/** A new key pair; `hybrid` for one that a quantum computer does not open either. */
export async function newKey({ hybrid = false }: { readonly hybrid?: boolean } = {}): Promise<AgeKey> {
  const age = await import('age-encryption')
  const identity = await (hybrid ? age.generateHybridIdentity() : age.generateX25519Identity())
  return { identity, recipient: await age.identityToRecipient(identity), hybrid }
}

/** The keys of an identity text, one a line, as `age-keygen` writes it. `at` names it in an error. Throws ConfigError `not-an-identity`. */
export async function readIdentities(text: string, at: string): Promise<readonly AgeKey[]> {
  if (text.includes('\0')) throw notAnIdentity(`${at} is not UTF-8 text; PowerShell writes UTF-16 with >, save the file as UTF-8`)
  const lines = keyLines(text)
  if (lines.length === 0)
    throw notAnIdentity(`${at} holds no identity, a line that begins with AGE-SECRET-KEY-1; was the right file named?`)
  const keys: AgeKey[] = []
  for (const { line, key } of lines) keys.push(await readIdentity(key, lines.length === 1 ? at : `line ${line} of ${at}`))
  return keys
}

async function readIdentity(identity: string, at: string): Promise<AgeKey> {
  const form = formOf(identity)
  if (form !== 'identity' && form !== 'hybrid-identity') throw notAnIdentity(`${at} ${INSTEAD_OF_IDENTITY[form]}`)
  const { identityToRecipient } = await import('age-encryption')
  try {
    return { identity, recipient: await identityToRecipient(identity), hybrid: form === 'hybrid-identity' }
  } catch {
    throw notAnIdentity(`${at} is a secret key that is mistyped or cut off; take another copy of it`)
  }
}

const INSTEAD_OF_IDENTITY: Readonly<Record<Exclude<KeyForm, 'identity' | 'hybrid-identity'>, string>> = {
  recipient: 'is a recipient, the public half of a key; name the file with the line AGE-SECRET-KEY-1…',
  'hybrid-recipient': 'is a recipient, the public half of a key; name the file with the line AGE-SECRET-KEY-PQ-1…',
  'plugin-recipient': 'is a recipient, the public half of a key, and of an age plugin; plugins are not run, use a native key',
  'plugin-identity': 'is an identity of an age plugin; plugins are not run, use a native key (in code, an identity object of your own)',
  'ssh-identity': 'is an SSH key; use an age identity, `perdure key new` makes one',
  'ssh-recipient': 'is a public SSH key; use an age identity, `perdure key new` makes one',
  other: 'is not an age identity; it should begin with AGE-SECRET-KEY-1, and `perdure key new` makes one',
}

/** One recipient, checked. `at` names it in an error. Throws ConfigError `not-a-recipient`. */
export async function readRecipient(text: string, at: string): Promise<AgeRecipient> {
  const recipient = text.trim()
  const form = formOf(recipient)
  if (isIdentityForm(form)) {
    throw notARecipient(
      `${at} is a secret key where a recipient belongs, and is not repeated here; give its public half, age1…: \`perdure key show FILE\` prints it`,
    )
  }
  if (form !== 'recipient' && form !== 'hybrid-recipient') throw notARecipient(`${at} ${insteadOfRecipient(form)}`)
  const { Encrypter } = await import('age-encryption')
  try {
    new Encrypter().addRecipient(recipient)
  } catch {
    throw notARecipient(`${at} is not an age recipient: it begins like one and is mistyped or cut off; copy it again`)
  }
  return { recipient, hybrid: form === 'hybrid-recipient' }
}

function insteadOfRecipient(form: KeyForm): string {
  if (form === 'plugin-recipient') return 'is a recipient of an age plugin; plugins are not run, use a native recipient'
  if (form === 'ssh-recipient') return 'is an SSH key; sealing takes age recipients, age1…: `perdure key new` makes one'
  return 'is not an age recipient; it should look like age1…, as `perdure key new` and age-keygen print it'
}

/** Recipients that may seal one file together. Throws `not-a-recipient` for a mixture: the classic ones would undo what the hybrid ones are for. */
export async function readRecipients(texts: readonly string[], nameOf: (index: number) => string): Promise<readonly string[]> {
  if (texts.length === 0) throw notARecipient('the list of recipients is empty; leave it out for public content')
  const read: AgeRecipient[] = []
  for (const [index, text] of texts.entries()) read.push(await readRecipient(text, nameOf(index)))
  const odd = read.findIndex(({ hybrid }) => hybrid !== read[0]?.hybrid)
  if (odd > 0) {
    const words = read[odd]?.hybrid ? ['hybrid', 'classic'] : ['classic', 'hybrid']
    throw notARecipient(
      `${nameOf(odd)} is a ${words[0]} recipient and ${nameOf(0)} a ${words[1]} one; use one kind: whoever breaks the classic one opens the file`,
    )
  }
  return [...new Set(read.map(({ recipient }) => recipient))]
}

function notAnIdentity(message: string): ConfigError {
  return new ConfigError('not-an-identity', message)
}

function notARecipient(message: string): ConfigError {
  return new ConfigError('not-a-recipient', message)
}
