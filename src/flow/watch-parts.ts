/** What the watch takes from other parts of the house, in one small place. */
import type { AbortOptions, CycleReport, ReplicaReport, WatchEvent } from '../contracts.ts'
import type { Context } from './context.ts'
import { auditStructure, structureDue } from './structure.ts'
import { surveysDue, surveyVault } from './survey.ts'

/** One replica that was asked in this cycle, and what it showed of that object. */
export interface CycleCheck {
  readonly root: string
  readonly replica: ReplicaReport
}

/** The checks of a cycle as they are made, without keeping them. */
export interface CheckAccount {
  add(check: CycleCheck): void
}

export interface WatchParts {
  /** Does the catalog continue what was said before? A sentence when it does not: it was rolled back, or another history stands beside it. */
  history(context: Context, options: AbortOptions): Promise<string | undefined>
  /** One for each cycle. */
  account(): CheckAccount
  surveysDue(context: Context, now: number): Promise<readonly string[]>
  /** What is due of one vault: its survey, and the structure that lies in it; resolves to the bytes it read. */
  survey(context: Context, vault: string, options: AbortOptions): Promise<number>
  /** Says in the log what the cycle did, and brings the checkpoint to the vaults. Not called while the history is in doubt. */
  log(context: Context, cycle: { readonly report: CycleReport; readonly account: CheckAccount }, options: AbortOptions): Promise<void>
  /** For listeners and hooks. */
  emit(context: Context, event: WatchEvent): void
}

export const watchParts: WatchParts = {
  history: async () => undefined,
  account: () => ({ add: () => undefined }),
  surveysDue: async (context, now) => [...new Set([...(await surveysDue(context, now)), ...(await structureDue(context))])],
  survey: async (context, vault, { signal }) => {
    const isDue = (await surveysDue(context, context.clock())).includes(vault)
    const drawn = isDue ? (await surveyVault(context, vault, { signal })).bytesRead : 0
    const isWanted = (await structureDue(context)).includes(vault)
    return drawn + (isWanted ? (await auditStructure(context, vault, { signal })).bytesRead : 0)
  },
  log: async () => undefined,
  emit: () => undefined,
}
