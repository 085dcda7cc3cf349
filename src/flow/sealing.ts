/** Is this put sealed, for whom, and under which names? Decided once, before the source is read. */
import { base32 } from 'multiformats/bases/base32'
import type { Profile, PutOptions, Random } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import type { Padding } from '../format/padding.ts'
import type { Recipient } from '../format/recipients.ts'
import type { Context } from './context.ts'

/** What sealing takes. */
export interface Sealing {
  readonly recipients: readonly Recipient[]
  readonly padding: Padding
  readonly random: Random
  /** What a file is called in a sealed directory. */
  readonly nameOf: (path: string) => string
}

/** Sealed files have one layout: their leaves are raw blocks of this profile. */
export const sealedProfile: Profile = 'unixfs-v1-2025'

const NAME_BYTES = 16

export type SealingOptions = Pick<PutOptions, 'public' | 'padding' | 'profile'>

/** Undefined for public content. Throws ConfigError `invalid` for options that sealed content cannot have. */
export async function sealingOf(context: Context, options: SealingOptions): Promise<Sealing | undefined> {
  const { recipients, random } = context
  const { padding = 'none', profile = context.profile } = options
  if (options.public === true || recipients.length === 0) return undefined
  if (profile !== sealedProfile) {
    throw new ConfigError(
      'invalid',
      `sealed content has the profile ${sealedProfile}, not ${profile}; leave the profile out, or put with public: true`,
    )
  }
  return { recipients, padding, random, nameOf: () => opaqueName(random(NAME_BYTES)) }
}

const opaqueName = (bytes: Uint8Array): string => `${base32.baseEncode(bytes)}.age`
