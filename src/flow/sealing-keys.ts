/** From what a configuration says of keys to keys that can be used, and the errors of reading sealed content without the right one. */
import type { ArchiveConfig } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import type { Identity, Recipient } from '../format/recipients.ts'
import { readIdentities, readRecipients } from './age-keys.ts'

export interface SealingKeys {
  /** Checked, each once; empty: new content is public. */
  readonly recipients: readonly Recipient[]
  /** In the order in which they are tried. */
  readonly identities: readonly Identity[]
}

/** Throws ConfigError `not-a-recipient` or `not-an-identity`; no message and no cause holds what was given. */
export async function sealingKeys(config: Pick<ArchiveConfig, 'recipients' | 'identities'>): Promise<SealingKeys> {
  const { recipients, identities = [] } = config
  return {
    recipients: recipients === undefined ? [] : await readRecipients(recipients, (index) => `recipients[${index}]`),
    identities: (await Promise.all(identities.map((given, index) => identitiesOf(given, `identities[${index}]`)))).flat(),
  }
}

/** A caller without types may hand over anything at all. */
async function identitiesOf(given: unknown, at: string): Promise<readonly Identity[]> {
  if (typeof given === 'string') return (await readIdentities(given, at)).map(({ identity }) => identity)
  if (isIdentity(given)) return [given]
  throw new ConfigError('not-an-identity', `${at} is neither a text nor an object with unwrapFileKey; give the line AGE-SECRET-KEY-1…`)
}

function isIdentity(given: unknown): given is Identity {
  return typeof (given as Partial<Identity> | null)?.unwrapFileKey === 'function'
}

/** Sealed content was asked for, and there is nothing to open it with. */
export function noIdentity(root: string): ArchiveError {
  return new ArchiveError(
    'no-identity',
    `${root} is sealed and no identity was given to open it; name the file of its secret key with --identity FILE, PERDURE_IDENTITY, or ` +
      '"identities" in perdure.json (in code: the option identities)',
  )
}

/** Sealed content was asked for, and none of the identities opens it. `cause` is what the last one failed with, where one failed. */
export function wrongIdentity(root: string, tried: number, options: { readonly cause?: unknown } = {}): ArchiveError {
  const which = tried === 1 ? 'the identity that was given does not open it' : `none of the ${tried} identities that were given opens it`
  return new ArchiveError(
    'wrong-identity',
    `${root} is sealed for others: ${which}; give the identity of one of its recipients, or the one that was kept for recovery`,
    options,
  )
}
