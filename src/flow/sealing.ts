/** Is this put sealed, for whom, and under which names? Decided once, before the source is read. */
import { base32 } from 'multiformats/bases/base32'
import type { Profile, PutOptions, Random, XattrFunctions } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { type Fingerprints, fingerprints, opaqueNames } from '../format/fingerprint.ts'
import type { Padding } from '../format/padding.ts'
import { type Recipient, recipientSet } from '../format/recipients.ts'
import { checkErasable } from '../policy/erasable.ts'
import { type Context, profilesOf } from './context.ts'
import { fingerprintSecret } from './fingerprint-secret.ts'

/** What sealing takes. */
export interface Sealing {
  readonly recipients: readonly Recipient[]
  readonly padding: Padding
  /** Every header is a leaf of its own, in a pack that can be deleted. */
  readonly erasable: boolean
  readonly random: Random
  /** What a file is called in a sealed directory. */
  readonly nameOf: (path: string) => string
  /** Undefined: everything is sealed anew. */
  readonly reuse: Reuse | undefined
  readonly keepOwner: boolean
  /** What reads extended attributes, where they are kept. */
  readonly xattrs?: XattrFunctions | undefined
}

/** How content that was sealed before is known again. */
export interface Reuse {
  readonly prints: Fingerprints
  readonly secret: Uint8Array
  /** Files are not read when size, mtime, ctime and inode are what they were. */
  readonly trustMtime: boolean
}

/** Sealed files have one layout: their leaves are raw blocks of this profile. */
export const sealedProfile: Profile = 'unixfs-v1-2025'

const NAME_BYTES = 16
const SEED_BYTES = 32

export type SealingOptions = Pick<
  PutOptions,
  'public' | 'padding' | 'profile' | 'reuse' | 'trustMtime' | 'keepOwner' | 'xattrs' | 'erasable' | 'retain'
>

/** Undefined for public content. Throws ConfigError `invalid` for options that sealed content cannot have. */
export async function sealingOf(context: Context, options: SealingOptions): Promise<Sealing | undefined> {
  const { recipients, random } = context
  const { padding = 'none', profile = context.profile, keepOwner = false, erasable = false } = options
  if (options.public === true || recipients.length === 0) {
    assertPublic(options)
    return undefined
  }
  if (profile !== sealedProfile) {
    throw new ConfigError(
      'invalid',
      `sealed content has the profile ${sealedProfile}, not ${profile}; leave the profile out, or put with public: true`,
    )
  }
  if (erasable && options.retain) {
    throw new ConfigError('invalid', 'what is retained cannot be erased while it is; leave out retain, or erasable')
  }
  if (erasable) checkErasable(context.policy, profilesOf(context), context.unopened)
  const xattrs = options.xattrs ? await context.loadXattrs() : undefined
  // What can be erased is never the same as anything else, or it would not be gone with its headers.
  const reuse = options.reuse === false || erasable ? undefined : await reuseOf(context, padding, options)
  const named = reuse && opaqueNames(reuse.secret)
  const nameOf = (path: string) => opaqueName(named ? named(path).subarray(0, NAME_BYTES) : random(NAME_BYTES))
  return { recipients, padding, erasable, random, nameOf, reuse, keepOwner, xattrs }
}

/** Public content has the CIDs that others give it: there is no place for these, and no reason to leave them out silently. */
function assertPublic({ padding = 'none', keepOwner = false, xattrs = false, erasable = false }: SealingOptions): void {
  if (erasable)
    throw new ConfigError(
      'invalid',
      'public content cannot be erasable, since everybody may keep it; configure recipients, or leave it out',
    )
  if (xattrs)
    throw new ConfigError(
      'invalid',
      'extended attributes are for sealed content: a public directory is UnixFS, which has no place for them; configure recipients, or leave out xattrs',
    )
  if (padding === 'none' && !keepOwner) return
  throw new ConfigError(
    'invalid',
    `${keepOwner ? 'owners are' : 'padding is'} for sealed content, and this put is public; configure recipients, or leave it out`,
  )
}

async function reuseOf(context: Context, padding: Padding, { trustMtime = false }: SealingOptions): Promise<Reuse | undefined> {
  const recipients = recipientSet(context.recipients)
  if (!recipients) return undefined
  const secret = await fingerprintSecret(context.path, context.random)
  // The seed of the signing key stays on this machine; what is derived from it cannot be turned back.
  const local = context.key.privateKey.subarray(0, SEED_BYTES)
  return { prints: fingerprints(secret, local, { visibility: 'sealed', profile: sealedProfile, padding, recipients }), secret, trustMtime }
}

const opaqueName = (bytes: Uint8Array): string => `${base32.baseEncode(bytes)}.age`
