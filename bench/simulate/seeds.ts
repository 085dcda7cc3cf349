/** Many seeds, one after the other, and what came of them. */
import { type Outcome, type RunOptions, run } from './run.ts'
import { withoutStacks } from './stacks.ts'

export interface Tally {
  seeds: number
  years: number
  events: number
  audits: number
  repairs: number
  faults: number
  dips: number
  readonly violating: Outcome[]
}

export const emptyTally = (): Tally => ({ seeds: 0, years: 0, events: 0, audits: 0, repairs: 0, faults: 0, dips: 0, violating: [] })

/** How a seed that violates something is lived again, with all that happens written down. */
export const replayOf = ({ seed }: Pick<Outcome, 'seed'>, years: number): string =>
  `npm run simulate -- --seed ${seed} --years ${years} --trace`

export const explain = (outcome: Outcome, years: number): string =>
  [
    ...outcome.violations.map(({ invariant, detail }) => `seed ${outcome.seed}: ${invariant}: ${detail}`),
    `  replay: ${replayOf(outcome, years)}`,
  ].join('\n')

/** Lives the seeds of [from, to). `enough` ends it early. */
export function runSeeds(from: number, to: number, options: RunOptions & { readonly enough?: (tally: Tally) => boolean }): Tally {
  const tally = emptyTally()
  withoutStacks(() => {
    for (let seed = from; seed < to; seed++) {
      add(tally, run(seed, options))
      if (options.enough?.(tally)) break
    }
  })
  return tally
}

function add(tally: Tally, outcome: Outcome): void {
  const { counts, years, dips, violations } = outcome
  tally.seeds++
  tally.years += years
  tally.events += counts.events
  tally.audits += counts.audits
  tally.repairs += counts.repairs
  tally.faults += counts.faults
  tally.dips += dips
  if (violations.length > 0) tally.violating.push(outcome)
}

/** Adds one tally to another. */
export function merge(into: Tally, other: Tally): void {
  for (const key of ['seeds', 'years', 'events', 'audits', 'repairs', 'faults', 'dips'] as const) into[key] += other[key]
  into.violating.push(...other.violating)
}
