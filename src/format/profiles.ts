/** The two UnixFS CID profiles of IPIP-499, as numbers. */
import type { Profile } from '../contracts/vault.ts'

export interface ProfileParameters {
  readonly chunkSize: number
  /** Links of one file node. */
  readonly maxLinks: number
  readonly cidVersion: 0 | 1
  readonly rawLeaves: boolean
  /** What a directory is measured by before it becomes a HAMT, strictly above 256 KiB. */
  readonly shardSplitStrategy: 'block-bytes' | 'links-bytes'
}

const PROFILES: Readonly<Record<Profile, ProfileParameters>> = {
  'unixfs-v1-2025': { chunkSize: 1_048_576, maxLinks: 1024, cidVersion: 1, rawLeaves: true, shardSplitStrategy: 'block-bytes' },
  'unixfs-v0-2015': { chunkSize: 262_144, maxLinks: 174, cidVersion: 0, rawLeaves: false, shardSplitStrategy: 'links-bytes' },
}

export function parametersOf(profile: Profile): ProfileParameters {
  return PROFILES[profile]
}

/** How many bytes of a file one leaf holds. */
export function chunkSizeOf(profile: Profile): number {
  return PROFILES[profile].chunkSize
}
