/** What makes two reports of a fact the same fact, and how much it matters. Pure. */
import { createHash } from 'node:crypto'
import type { ArchiveEvent, ArchiveFact, ObjectState, Severity } from '../contracts.ts'

/** The fact as an event: with an id that is the same whoever finds it, and however often. */
export function eventOf(fact: ArchiveFact, at: number): ArchiveEvent {
  const when = new Date(at).toISOString()
  const identity = JSON.stringify([fact.type, ...identityOf(fact, when)])
  const id = createHash('sha256').update(identity).digest('hex').slice(0, 32)
  return { ...fact, id, at: when, severity: severityOf(fact) }
}

/** Of what goes on, a day's first report is told, and the others are the same: one reminder a day. */
const dayOf = (when: string): string => when.slice(0, 'YYYY-MM-DD'.length)

function identityOf(fact: ArchiveFact, when: string): readonly (string | number | boolean)[] {
  switch (fact.type) {
    // Found in the same transaction that changes what it tells of, so never twice.
    case 'object-put':
      return [fact.root, fact.state, when]
    case 'state-changed':
      return [fact.root, fact.from, fact.to, when]
    case 'replica-damaged':
    case 'replica-missing':
    case 'replica-recovered':
      return [fact.vault, fact.pack, when]
    case 'object-removed':
      return [fact.root, when]
    case 'object-shredded':
      return [fact.root, fact.complete, fact.complete ? '' : dayOf(when)]
    case 'repair-done':
      return [fact.root, fact.vault, fact.pack, fact.action, when]
    case 'repair-failed':
      return [fact.vault, fact.pack, fact.action, dayOf(when)]
    case 'renewal-done':
      return [fact.vault, fact.pack, fact.until]
    case 'renewal-missed':
      return [fact.vault, fact.pack, dayOf(when)]
    case 'survey-finished':
      return [fact.vault, fact.survey]
    case 'vault-quarantined':
    case 'vault-released':
    case 'vault-unreachable':
    case 'vault-back':
      return [fact.vault, fact.since]
    case 'history-rolled-back':
    case 'history-forked':
      return [fact.source, fact.known, fact.found]
    case 'cycle-finished':
      return [fact.cycle]
    case 'budget-reached':
      return [fact.budget, fact.period]
    case 'cost-cap-reached':
      return [fact.vault ?? '', fact.currency, fact.period]
    case 'hook-gave-up':
      return [fact.hook, fact.since]
    case 'hook-tested':
      return [fact.hook, when]
  }
}

function severityOf(fact: ArchiveFact): Severity {
  switch (fact.type) {
    case 'object-put':
      return fact.state === 'satisfied' ? 'info' : ofState(fact.state)
    case 'state-changed':
      return ofState(fact.to)
    case 'object-shredded':
      return fact.complete ? 'notice' : 'warning'
    case 'survey-finished':
      return fact.outcome === 'losses' ? 'warning' : 'info'
    case 'object-removed':
    case 'renewal-done':
    case 'cycle-finished':
      return 'info'
    case 'replica-recovered':
    case 'repair-done':
    case 'vault-released':
    case 'vault-back':
    case 'hook-tested':
      return 'notice'
    case 'history-rolled-back':
    case 'history-forked':
      return 'critical'
    case 'replica-damaged':
    case 'replica-missing':
    case 'repair-failed':
    case 'renewal-missed':
    case 'vault-quarantined':
    case 'vault-unreachable':
    case 'budget-reached':
    case 'cost-cap-reached':
    case 'hook-gave-up':
      return 'warning'
  }
}

const BY_STATE: Readonly<Record<ObjectState, Severity>> = {
  lost: 'critical',
  'at-risk': 'critical',
  damaged: 'warning',
  unknown: 'warning',
  degraded: 'warning',
  satisfied: 'notice',
}

const ofState = (state: ObjectState): Severity => BY_STATE[state]

const RANKS: readonly Severity[] = ['info', 'notice', 'warning', 'critical']

/** Is it at least as severe as that? */
export const isAtLeast = (severity: Severity, least: Severity): boolean => RANKS.indexOf(severity) >= RANKS.indexOf(least)
