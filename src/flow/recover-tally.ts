/** What a recovery counts and lists on its way. */
import type { IncompleteObject, OrphanPack, Policy, RecoverReport, RefusedStatement, UnreadIndexPack } from '../contracts.ts'
import { excerpt, type Growing } from './excerpt.ts'

export interface Tally {
  readonly counts: Record<'restored' | 'updated' | 'kept' | 'removed' | 'shredded' | 'packs', number>
  readonly replicas: Record<string, number>
  readonly unconfigured: Record<string, number>
  readonly incomplete: Growing<IncompleteObject>
  readonly unread: Growing<UnreadIndexPack>
  readonly refused: Growing<RefusedStatement>
  readonly forked: Growing<string>
  readonly orphans: Growing<OrphanPack>
  /** Records of the catalog that the vaults know nothing of, although they are newer. */
  readonly ahead: Growing<string>
  /** Objects whose newest record a vault does not have, by vault. */
  readonly behind: Record<string, number>
  readonly headers: { deleted: number; readonly remaining: { readonly vault: string; readonly pack: string; readonly reason: string }[] }
  policy: { readonly at: number; readonly policy: Policy } | undefined
}

export const newTally = (): Tally => ({
  counts: { restored: 0, updated: 0, kept: 0, removed: 0, shredded: 0, packs: 0 },
  replicas: {},
  unconfigured: {},
  incomplete: excerpt(),
  unread: excerpt(),
  refused: excerpt(),
  forked: excerpt(),
  orphans: excerpt(),
  ahead: excerpt(),
  behind: {},
  headers: { deleted: 0, remaining: [] },
  policy: undefined,
})

/** The part of the report that was counted. */
export function tallied(
  tally: Tally,
): Pick<
  RecoverReport,
  | 'restored'
  | 'updated'
  | 'kept'
  | 'removed'
  | 'shredded'
  | 'packs'
  | 'replicas'
  | 'unconfigured'
  | 'incomplete'
  | 'unread'
  | 'refused'
  | 'forked'
  | 'orphans'
  | 'headers'
  | 'policy'
> {
  const { counts, replicas, unconfigured, incomplete, unread, refused, forked, orphans, headers, policy } = tally
  return {
    ...counts,
    replicas,
    unconfigured,
    incomplete: incomplete.done(),
    unread: unread.done(),
    refused: refused.done(),
    forked: forked.done(),
    orphans: orphans.done(),
    headers,
    ...(policy && { policy: policy.policy }),
  }
}
