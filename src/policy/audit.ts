/** What audits are to notice and may cost, from what a user wrote. */
import type { AuditBudget, AuditGoal, AuditInput, AuditSettings } from '../contracts/audit.ts'
import type { Money, VaultPrices } from '../contracts/prices.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { PolicyError } from '../errors.ts'

const SETTINGS = ['goal', 'budget']
const GOAL_SETTINGS = ['confidence', 'loss', 'withinDays']
const BUDGET_SETTINGS = ['bytes', 'money']
const MONEY_SETTINGS = ['amount', 'currency']

export const DEFAULT_GOAL: AuditGoal = { confidence: 0.99, loss: 0.01, withinDays: 30 }

/** 29 draws for one object in one vault: 95 % confident to catch a loss of 10 % of its blocks. */
export const OBJECT_SAMPLE = { confidence: 0.95, loss: 0.1 } as const

const GIB = 1024 ** 3

/**
 * Fills in defaults and checks every value. Throws PolicyError `invalid`, naming field and value; settings it does not know are refused, and so is a budget
 * of money that the stated prices of a vault could not be held against.
 */
export function resolveAudit(input: AuditInput | undefined, vaults: readonly VaultProfile[]): AuditSettings {
  const given = record('audit', input ?? {}, SETTINGS)
  const goal = goalOf(record('audit.goal', given.goal ?? {}, GOAL_SETTINGS))
  const budget = budgetOf(record('audit.budget', given.budget ?? {}, BUDGET_SETTINGS))
  const { money } = budget
  const stranger = money && vaults.find(({ prices }) => prices !== undefined && asksForReads(prices) && prices.currency !== money.currency)
  if (money && stranger)
    throw new PolicyError(
      'invalid',
      `audit.budget.money is in ${money.currency}, and the prices of vault ${stranger.id} are in ${stranger.prices?.currency}; ` +
        `state them in ${money.currency}, or limit audits by audit.budget.bytes`,
    )
  return { goal, budget }
}

/** What reads of that many bytes in so many requests cost at a vault, by the prices it states; undefined where it states none. */
export function readCost(prices: VaultPrices | undefined, { bytes, requests }: { readonly bytes: number; readonly requests: number }) {
  if (!prices) return undefined
  const { currency, egressPerGiB = 0, readsPerThousand = 0 } = prices
  return { amount: (egressPerGiB * bytes) / GIB + (readsPerThousand * requests) / 1_000, currency } satisfies Money
}

/** Is anything allowed to be read at all? */
export const isBarren = ({ bytes, money }: AuditBudget): boolean => bytes === 0 || money?.amount === 0

/** Calendar month (UTC) of a moment: `2026-11`. */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7)

const asksForReads = ({ egressPerGiB = 0, readsPerThousand = 0 }: VaultPrices): boolean => egressPerGiB > 0 || readsPerThousand > 0

function goalOf(given: Readonly<Record<string, unknown>>): AuditGoal {
  const { confidence = DEFAULT_GOAL.confidence, loss = DEFAULT_GOAL.loss, withinDays = DEFAULT_GOAL.withinDays } = given
  if (typeof withinDays !== 'number' || !Number.isFinite(withinDays) || withinDays <= 0)
    throw invalid('audit.goal.withinDays', withinDays, 'must be a number of days above 0')
  return { confidence: share('audit.goal.confidence', confidence), loss: share('audit.goal.loss', loss), withinDays }
}

function budgetOf(given: Readonly<Record<string, unknown>>): AuditBudget {
  const { bytes, money } = given
  if (bytes !== undefined && (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0))
    throw invalid('audit.budget.bytes', bytes, 'must be a whole number of bytes a month, 0 for none')
  return { ...(bytes !== undefined && { bytes }), ...(money !== undefined && { money: moneyOf(money) }) }
}

function moneyOf(value: unknown): Money {
  const { amount, currency } = record('audit.budget.money', value, MONEY_SETTINGS)
  if (typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0)
    throw invalid('audit.budget.money.amount', amount, 'must be a number, not negative')
  if (typeof currency !== 'string' || currency === '')
    throw invalid('audit.budget.money.currency', currency, 'must name a currency, such as USD')
  return { amount, currency }
}

function share(field: string, value: unknown): number {
  if (typeof value !== 'number' || !(value > 0 && value < 1)) throw invalid(field, value, 'must lie between 0 and 1, both excluded')
  return value
}

function record(field: string, value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, value, 'must be an object')
  const stranger = Object.keys(value).find((key) => !known.includes(key))
  if (stranger !== undefined) throw new PolicyError('invalid', `${field}.${stranger} is not a setting; there are ${known.join(', ')}`)
  return { ...value }
}

function invalid(field: string, value: unknown, demand: string): PolicyError {
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return new PolicyError('invalid', `${field} is ${shown.slice(0, 100)} and ${demand}`)
}
