/** Headers of erasable objects: which vaults may hold them, and what is asked of those. */
import type { Policy } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { PolicyError } from '../errors.ts'
import { isTrusted } from './demands.ts'
import { place } from './placement.ts'

/** Why a vault gets no headers that could not be asked what it does with them. */
export const UNSEEN = 'it did not answer when it was opened, so whether it can forget is not known'

/** The policy of packs that only vaults that can forget may hold: copies and floor of its own, and no `distinct`. */
export function headerPolicy(policy: Policy): Policy {
  const { copies, floor } = policy.erasable ?? policy
  return { ...policy, copies, floor, distinct: {} }
}

/** Why a vault could not be made to forget a pack, or undefined when it could. */
export function whyKeeps(vault: VaultProfile): string | undefined {
  if (!isTrusted(vault)) return 'IPFS: whoever fetched a block may keep it'
  if (vault.term === 'perpetual') return 'it keeps what it has for ever'
  return vault.canForget ? undefined : 'it cannot forget: a lock, kept versions, or no way to delete'
}

/** The vaults that keep what they get, with the reason, as placement takes them: never chosen for headers, not even when they hold some. */
export function keepers(vaults: readonly VaultProfile[]): ReadonlyMap<string, string> {
  return new Map(
    vaults.flatMap((vault) => {
      const why = whyKeeps(vault)
      return why === undefined ? [] : [[vault.id, why] as const]
    }),
  )
}

/**
 * Can headers have their floor where they could be deleted again? `unopened` are vaults that did not answer when they were opened: whether they keep versions
 * or locks is not known. Throws PolicyError `unreachable-floor`, which says which vaults can forget and which cannot.
 */
export function checkErasable(policy: Policy, vaults: readonly VaultProfile[], unopened: ReadonlyMap<string, unknown>): void {
  const excluded = new Map(keepers(vaults))
  for (const id of unopened.keys()) if (!excluded.has(id)) excluded.set(id, UNSEEN)
  const wanted = headerPolicy(policy)
  const { unmet } = place({ policy: { ...wanted, copies: Math.max(1, wanted.floor) }, vaults, packBytes: 0, held: new Set(), excluded })
  if (unmet.length === 0) return
  const able = vaults.filter(({ id }) => !excluded.has(id)).map(({ id, operator }) => `${id} (${operator})`)
  const others = [...excluded].map(([id, why]) => `${id}: ${why}`)
  throw new PolicyError(
    'unreachable-floor',
    `the header of an erasable object may lie only in vaults that can forget, and its floor is ${wanted.floor}. ` +
      `They are ${able.length === 0 ? 'none' : able.join(', ')}${others.length === 0 ? '' : `; not ${others.join('; ')}`}. ` +
      'Add a vault that deletes what it is told to (a directory, a bucket without versions and locks), lower policy.erasable.floor, or put without erasable.',
  )
}
