/** Texts that should be age keys, checked with the reason in words. No message repeats what was given: it may be a secret in the wrong place. */
import type { Random } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { formOf, isIdentityForm, type KeyForm, keyLines } from '../format/key-form.ts'
import type { Identity, Recipient } from '../format/recipients.ts'

/** An identity that was read. What it opens with lives in its closure, so that an object that is printed does not show it. */
export interface AgeKey {
  readonly identity: Identity
  /** `age1…`, which may be shown. */
  readonly recipient: string
  readonly hybrid: boolean
}

/** A new key: its secret text, and its recipient; `hybrid` for one that a quantum computer does not open either, from the system's own randomness. */
export async function newKey({ hybrid, random }: { readonly hybrid: boolean; readonly random: Random }) {
  const { parseIdentity } = await import('../format/key-text.ts')
  const secret = hybrid
    ? await (await import('age-encryption')).generateHybridIdentity()
    : (await import('../format/recipient-x25519.ts')).generateIdentity(random)
  return { secret, recipient: await parseIdentity(secret).recipient() }
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

async function readIdentity(text: string, at: string): Promise<AgeKey> {
  const form = formOf(text)
  if (form !== 'identity' && form !== 'hybrid-identity') throw notAnIdentity(`${at} ${INSTEAD_OF_IDENTITY[form]}`)
  const { parseIdentity } = await import('../format/key-text.ts')
  try {
    const identity = parseIdentity(text)
    return { identity, recipient: await identity.recipient(), hybrid: form === 'hybrid-identity' }
  } catch (cause) {
    throw notAnIdentity(`${at} is a secret key that is mistyped or cut off; take another copy of it`, cause)
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

async function readRecipient(text: string, at: string): Promise<{ readonly recipient: Recipient; readonly hybrid: boolean }> {
  const form = formOf(text)
  if (isIdentityForm(form)) {
    throw notARecipient(
      `${at} is a secret key where a recipient belongs, and is not repeated here; give its public half, age1…: \`perdure key show FILE\` prints it`,
    )
  }
  if (form !== 'recipient' && form !== 'hybrid-recipient') throw notARecipient(`${at} ${insteadOfRecipient(form)}`)
  const { parseRecipient } = await import('../format/key-text.ts')
  try {
    return { recipient: parseRecipient(text), hybrid: form === 'hybrid-recipient' }
  } catch (cause) {
    throw notARecipient(
      `${at} begins like a recipient and is none: it is mistyped, cut off, or neither age1… nor age1pq1…; copy it again`,
      cause,
    )
  }
}

function insteadOfRecipient(form: KeyForm): string {
  if (form === 'plugin-recipient') return 'is a recipient of an age plugin; plugins are not run, use a native recipient'
  if (form === 'ssh-recipient') return 'is an SSH key; sealing takes age recipients, age1…: `perdure key new` makes one'
  return 'is not an age recipient; it should look like age1…, as `perdure key new` and age-keygen print it'
}

/**
 * Recipients that may seal one file together, each once. `nameOf` names one in an error. Throws ConfigError `not-a-recipient`, for a mixture as well:
 * a classic one would undo what the hybrid ones are for.
 */
export async function readRecipients(texts: readonly string[], nameOf: (index: number) => string): Promise<readonly Recipient[]> {
  if (texts.length === 0) throw notARecipient('the list of recipients is empty; leave it out for public content')
  const read = new Map<string, Recipient>()
  let kind: boolean | undefined
  for (const [index, given] of texts.entries()) {
    const text = given.trim()
    const { recipient, hybrid } = await readRecipient(text, nameOf(index))
    kind ??= hybrid
    if (hybrid !== kind) throw mixed(hybrid, nameOf(index), nameOf(0))
    read.set(text, recipient)
  }
  return [...read.values()]
}

function mixed(hybrid: boolean, at: string, first: string): ConfigError {
  const [one, other] = hybrid ? ['hybrid', 'classic'] : ['classic', 'hybrid']
  return notARecipient(
    `${at} is a ${one} recipient and ${first} a ${other} one; use one kind: whoever breaks the classic one opens the file`,
  )
}

function notAnIdentity(message: string, cause?: unknown): ConfigError {
  return new ConfigError('not-an-identity', message, { cause })
}

function notARecipient(message: string, cause?: unknown): ConfigError {
  return new ConfigError('not-a-recipient', message, { cause })
}
