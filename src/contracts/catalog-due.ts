/** What the catalog keeps for the watch: what is due when, which vaults are left alone, and marks of what was done last. */
import type { ObjectId } from './catalog-rows.ts'
import type { ObjectState, Verdict } from './policy.ts'

export interface DueRow {
  readonly id: ObjectId
  readonly state: ObjectState
  readonly dueAt: number
}

/** A vault that did not answer, or asked to be left alone. Kept until it answers again. */
export interface VaultPause {
  readonly vault: string
  /** `silent`: nothing was answered; `denied`: credentials refused; `limited`: it answers, and wants less. */
  readonly reason: 'silent' | 'denied' | 'limited'
  /** Times in a row. */
  readonly failures: number
  /** Of the first of them. */
  readonly since: number
  /** Of the last of them. */
  readonly at: number
  /** It is left alone until then. */
  readonly until: number
  /** How long it was seen to be silent: gaps between two looks count only as far as a watch may be expected to look. */
  readonly silentMs: number
  readonly detail?: string | undefined
}

/** Replicas of one vault under one verdict; `undefined`: never asked. */
export interface VaultEvidence {
  readonly vault: string
  readonly verdict: Verdict | undefined
  readonly replicas: number
  /** When the first and the last of them got it. */
  readonly oldestAt: number | undefined
  readonly newestAt: number | undefined
}

export interface CatalogDue {
  /**
   * Objects to audit at that moment, per state the longest overdue first, at most `limit` of each state. Dates beyond `horizon` are not believed: those
   * objects are due, too. What is never due (`Number.MAX_SAFE_INTEGER`) stays out.
   */
  due(options: { readonly at: number; readonly horizon: number; readonly limit: number }): Promise<readonly DueRow[]>
  /** The earliest date after `at` and up to `horizon`; undefined: nothing. */
  nextDue(options: { readonly at: number; readonly horizon: number }): Promise<number | undefined>
  /** Makes objects of a state due at that moment that would be later, at most `limit` of them; resolves to their number. */
  hasten(options: { readonly state: ObjectState; readonly at: number; readonly limit: number }): Promise<number>
  vaultPauses(): Promise<readonly VaultPause[]>
  /** Replaces what is known of the vault. */
  pauseVault(pause: VaultPause): Promise<void>
  /** It answered. */
  resumeVault(vault: string): Promise<void>
  /** What replicas of each vault stand under, in few rows however many replicas there are. */
  vaultEvidence(): Promise<readonly VaultEvidence[]>
  /** A note of the watch by name, with the time it was made; undefined before the first. */
  mark(name: string): Promise<{ readonly at: number; readonly detail: string } | undefined>
  setMark(name: string, mark: { readonly at: number; readonly detail: string }): Promise<void>
}
