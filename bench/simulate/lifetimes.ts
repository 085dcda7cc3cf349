/**
 * Mean time to data loss by experiment, on the policy alone: copies fail and are repaired at exponential times, and what is lost, what is to be replaced
 * and when the next audit is due are decided by the library's own functions. Nothing else is modelled, so that the closed form has an answer, too.
 */
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { dueAt } from '../../src/policy/cadence.ts'
import { place } from '../../src/policy/placement.ts'
import { resolvePolicy } from '../../src/policy/policy.ts'
import { judgeObject } from '../../src/policy/state.ts'
import type { Row } from './life.ts'
import { queue } from './queue.ts'
import { type Chance, chanceOf } from './random.ts'
import { DAY, YEAR } from './scenario.ts'

export interface LifetimeModel {
  readonly copies: number
  readonly failuresPerYear: number
  readonly repairDays: number
  /** Age limit of evidence, which sets the cadence of audits; undefined: a loss is noticed at once. */
  readonly maxAgeDays?: number | undefined
  readonly commonCausePerYear?: number | undefined
}

export interface Lifetimes {
  readonly trials: number
  readonly meanYears: number
  /** Standard error of the mean. */
  readonly errorYears: number
  /** Archive-years lived in all. */
  readonly years: number
}

const PACK_BYTES = 1_000_000
const ENDLESS_DAYS = 1e9

/** Lives until the last copy is lost, as often as told, and takes the mean. */
export function lifetimes(model: LifetimeModel, { trials, seed }: { readonly trials: number; readonly seed: number }): Lifetimes {
  let [sum, squares] = [0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const years = lifetime(model, chanceOf(seed, trial))
    sum += years
    squares += years * years
  }
  const mean = sum / trials
  return { trials, meanYears: mean, errorYears: Math.sqrt(Math.max(0, squares / trials - mean * mean) / trials), years: sum }
}

interface Replica {
  readonly vault: string
  readonly name: string
  whole: boolean
  repairing: boolean
  /** Of the newest audit that was planned. */
  plan: number
  row: Row
}

const shown = (verdict: 'intact' | 'missing', at: number): Row => ({
  verdict,
  possession: verdict === 'intact' ? 'listed' : 'claimed',
  retrieval: 'whole',
  at,
  object: 0,
})

function lifetime(model: LifetimeModel, chance: Chance): number {
  const { copies, failuresPerYear, repairDays, maxAgeDays, commonCausePerYear = 0 } = model
  const policy = resolvePolicy({ copies, floor: 1, evidence: { maxAgeDays: maxAgeDays ?? ENDLESS_DAYS } })
  const vaults = Array.from({ length: copies }, (_, index) => vaultOf(index))
  const replicas = vaults.map(
    ({ id }): Replica => ({ vault: id, name: `object ${id}`, whole: true, repairing: false, plan: 0, row: shown('intact', 0) }),
  )
  const events = queue<() => void>()
  let now = 0
  const fails = (replica: Replica) =>
    events.add(now + chance.exponential(1 / failuresPerYear) * YEAR, () => {
      replica.whole = false
      if (maxAgeDays === undefined) audit(replica)
    })
  const plan = (replica: Replica, when: number) => {
    const number = ++replica.plan
    events.add(when, () => {
      if (replica.plan === number && !replica.repairing) audit(replica)
    })
  }
  const audit = (replica: Replica) => {
    replica.row = shown(replica.whole ? 'intact' : 'missing', now)
    if (maxAgeDays !== undefined) plan(replica, dueAt({ name: `${replica.name} ${chance.below(1e6)}`, lastAt: now, maxAgeDays }))
    if (!replica.whole) decide()
  }
  /** What the policy says is lost is replaced where it was, as long as anything is left to copy from. */
  const decide = () => {
    const judged = judgeObject<Row>({
      policy,
      vaults,
      now,
      packs: [
        {
          name: 'pack',
          packBytes: PACK_BYTES,
          replicas: replicas.map(({ vault, row }) => ({ vault, state: 'placed', locator: vault, evidence: [row] })),
        },
      ],
    })
    const lost = new Set(judged.replicas.filter(({ footing }) => footing === 'lost').map(({ vault }) => vault))
    const { chosen } = place({
      policy,
      vaults,
      packBytes: PACK_BYTES,
      held: new Set(vaults.map(({ id }) => id).filter((id) => !lost.has(id))),
    })
    for (const replica of replicas) {
      if (!lost.has(replica.vault) || replica.repairing || !chosen.includes(replica.vault)) continue
      replica.repairing = true
      events.add(now + chance.exponential(repairDays) * DAY, () => {
        replica.repairing = false
        replica.whole = true
        fails(replica)
        audit(replica)
      })
    }
  }
  for (const replica of replicas) {
    fails(replica)
    // The first audits fall anywhere within an interval, as those of an archive that has been running for long do.
    if (maxAgeDays !== undefined) plan(replica, chance.unit() * dueAt({ name: replica.name, lastAt: 0, maxAgeDays }))
  }
  const end = commonCausePerYear > 0 ? chance.exponential(1 / commonCausePerYear) * YEAR : Number.POSITIVE_INFINITY
  for (;;) {
    const next = events.next(end)
    if (!next) return end / YEAR
    now = next.at
    next.event()
    if (!replicas.some(({ whole }) => whole)) return now / YEAR
  }
}

const vaultOf = (index: number): VaultProfile => ({
  id: `v${index}`,
  network: 's3',
  operator: `o${index}`,
  term: 'standing',
  canForget: true,
  paid: false,
  cold: false,
  addressing: 'offset',
})
