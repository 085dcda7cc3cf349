/** What the loop may spend, by windows of thirty days. It keeps its own account; the vaults keep theirs, and the checker compares. */
import type { Life } from './life.ts'
import { WINDOW } from './scenario.ts'

export type Purpose = 'audits' | 'repairs'

export const windowOf = (now: number): number => Math.floor(now / WINDOW)

/** When the next window opens, with a little of chance so that not everything waits for the same moment. */
export const nextWindow = (life: Life): number => (windowOf(life.now) + 1) * WINDOW + life.chance.keeper.unit() * WINDOW * 0.05

/** Takes the money from the account, or says no. */
export function spend(life: Life, purpose: Purpose, cost: number): boolean {
  const { ledger } = life.keeper
  const { rules, scenario } = life
  const window = windowOf(life.now)
  if (ledger.window !== window) Object.assign(ledger, { window, audits: 0, repairs: 0 })
  if (cost > 0 && !rules.mayPay(ledger[purpose], cost, scenario.budget[purpose])) return false
  ledger[purpose] += cost
  return true
}

/** Gives back what was set aside and not used. Of another window: nothing. */
export function giveBack(life: Life, purpose: Purpose, { amount, window }: { amount: number; window: number }): void {
  if (life.keeper.ledger.window === window) life.keeper.ledger[purpose] = Math.max(0, life.keeper.ledger[purpose] - amount)
}
