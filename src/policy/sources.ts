/** In which order replicas are read: the one place that decides. */
import type { VaultProfile } from '../contracts/vault.ts'

export interface SourceStanding {
  readonly profile: VaultProfile
  /** Said to be gone, by the newest evidence of the whole pack. */
  readonly missing: boolean
  /** Of equal price, another is read rather. */
  readonly last?: boolean | undefined
  /** How long it is likely to take to give a block, in milliseconds. */
  readonly paceMs: number
  /** It gave wrong bytes, and has not been cleared since. */
  readonly quarantined: boolean
}

/** `quick`: somebody waits for the bytes. `cheap`: nobody does, and what reading costs decides. */
export type SourcePreference = 'quick' | 'cheap'

/**
 * Negative when the first is read first. Quarantined last, warm before cold, not known to be gone before the rest; then for `cheap`
 * by the price of reading; then local ones, and the quickest. Prices in unlike currencies do not compare: a price is dearer than none.
 */
export function compareSources(a: SourceStanding, b: SourceStanding, prefer: SourcePreference): number {
  const rank = ({ profile, missing, quarantined }: SourceStanding) => (quarantined ? 4 : 0) + (profile.cold ? 2 : 0) + (missing ? 1 : 0)
  const place = ({ profile }: SourceStanding) => (profile.network === 'local' ? 0 : 1)
  const price = prefer === 'cheap' ? comparePrices(a.profile, b.profile) : 0
  const favour = Number(a.last ?? false) - Number(b.last ?? false)
  return rank(a) - rank(b) || price || favour || place(a) - place(b) || a.paceMs - b.paceMs
}

function comparePrices(a: VaultProfile, b: VaultProfile): number {
  const [one, other] = [a.prices?.egressPerGiB ?? 0, b.prices?.egressPerGiB ?? 0]
  if (one === 0 || other === 0 || a.prices?.currency === b.prices?.currency) return one - other
  return 0
}
