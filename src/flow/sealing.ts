/** Is this put sealed, for whom, and under which names? Decided once, before the source is read. */
import { base32 } from 'multiformats/bases/base32'
import type { Profile, PutOptions, Random } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import type { Padding } from '../format/padding.ts'
import type { Recipient } from '../format/recipients.ts'
import { checkErasable } from '../policy/erasable.ts'
import { type Context, profilesOf } from './context.ts'

/** What sealing takes. */
export interface Sealing {
  readonly recipients: readonly Recipient[]
  readonly padding: Padding
  /** Every header is a leaf of its own, in a pack that can be deleted. */
  readonly erasable: boolean
  readonly random: Random
  /** What a file is called in a sealed directory. */
  readonly nameOf: (path: string) => string
}

/** Sealed files have one layout: their leaves are raw blocks of this profile. */
export const sealedProfile: Profile = 'unixfs-v1-2025'

const NAME_BYTES = 16

export type SealingOptions = Pick<PutOptions, 'public' | 'padding' | 'profile' | 'erasable'>

/** Undefined for public content. Throws ConfigError `invalid` for options that sealed content cannot have. */
export async function sealingOf(context: Context, options: SealingOptions): Promise<Sealing | undefined> {
  const { recipients, random } = context
  const { padding = 'none', profile = context.profile, erasable = false } = options
  if (options.public === true || recipients.length === 0) {
    if (erasable)
      throw new ConfigError(
        'invalid',
        'public content cannot be erasable, since everybody may keep it; seal it: give recipients, and no public',
      )
    return undefined
  }
  if (profile !== sealedProfile) {
    throw new ConfigError(
      'invalid',
      `sealed content has the profile ${sealedProfile}, not ${profile}; leave the profile out, or put with public: true`,
    )
  }
  if (erasable) checkErasable(context.policy, profilesOf(context), context.unseen)
  return { recipients, padding, erasable, random, nameOf: () => opaqueName(random(NAME_BYTES)) }
}

const opaqueName = (bytes: Uint8Array): string => `${base32.baseEncode(bytes)}.age`
