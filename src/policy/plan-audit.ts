/** The planner: what the goals need per month, what the budget covers of it, and in sentences with numbers what follows. */
import type { AuditBudget, AuditPlan, AuditPurpose, AuditSettings, PlannedReads } from '../contracts/audit.ts'
import type { AuditCounts, SpendingRow, VaultVolume } from '../contracts/catalog-audit.ts'
import type { Policy } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { monthOf, readCost } from './audit.ts'
import { promisesOf } from './audit-promises.ts'
import { samplesFor } from './challenge.ts'
import { moneyOf, PURPOSES, sumOf, timesAMonth } from './planned-reads.ts'
import { evidenceRulesFor } from './policy.ts'

/** Most bytes of one request where neighbours are read together. */
const RUN_BYTES = 4 * 1024 * 1024
/** How much of a vault's content is structure, by blocks and by bytes; estimated from some packs unless `exact`. */
export interface StructureShare {
  readonly blocks: number
  readonly bytes: number
  readonly packs: number
  readonly exact: boolean
}

export interface PlanAuditInput {
  readonly audit: AuditSettings
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  readonly counts: AuditCounts
  readonly structure: StructureShare
  /** Of the month of `now`. */
  readonly spent: readonly SpendingRow[]
  readonly now: number
}

/** Plans a month of audits. Reads are counted per block, which is the most there can be: neighbours that are read together cost fewer requests. */
export function planAudit(input: PlanAuditInput): AuditPlan {
  const { audit, policy, vaults, spent, now } = input
  const { goal, budget } = audit
  const reads = vaults.flatMap((vault) => readsOf(vault, input))
  const total = sumOf(reads)
  const covered = coverage(reads, budget)
  const enough = PURPOSES.every((purpose) => covered[purpose] === 1)
  const plan = {
    goal,
    maxAgeDays: policy.evidence.maxAgeDays,
    budget,
    month: monthOf(now),
    spent: {
      bytes: spent.reduce((sum, { bytes }) => sum + bytes, 0),
      requests: spent.reduce((sum, { requests }) => sum + requests, 0),
      money: moneyOf(spent.filter(({ currency }) => currency !== '')),
    },
    reads,
    total,
    covered,
    enough,
  }
  return { ...plan, ...promisesOf(plan, input) }
}

function readsOf(vault: VaultProfile, input: PlanAuditInput): readonly PlannedReads[] {
  const volume = input.counts.vaults.find((one) => one.vault === vault.id)
  if (!volume || vault.cold) return []
  const { goal } = input.audit
  const rules = evidenceRulesFor(input.policy, vault.id)
  const average = volume.blocks > 0 ? volume.bytes / volume.blocks : 0
  const planned = (purpose: AuditPurpose, amount: { reads: number; bytes: number; requests?: number }): PlannedReads => {
    const reads = Math.ceil(amount.reads)
    const bytes = Math.ceil(amount.bytes)
    const requests = Math.ceil(amount.requests ?? amount.reads)
    const money = readCost(vault.prices, { bytes, requests })
    return { vault: vault.id, purpose, reads, requests, bytes, ...(money && { money }) }
  }
  const draws = Math.min(samplesFor(goal), volume.blocks) * timesAMonth(goal.withinDays)
  const rounds = timesAMonth(rules.maxAgeDays)
  const { structure } = input
  return [
    planned('survey', { reads: draws, bytes: draws * average }),
    planned('structure', {
      reads: rounds * (volume.blocks * structure.blocks + volume.indexBlocks),
      bytes: rounds * (volume.bytes * structure.bytes + volume.indexBytes),
      requests: rounds * (volume.blocks * structure.blocks + volume.indexPacks),
    }),
    planned('rotation', rotationOf(volume, { input, rounds, average, accept: rules.accept })),
  ]
}

function rotationOf(
  volume: VaultVolume,
  known: { readonly input: PlanAuditInput; readonly rounds: number; readonly average: number; readonly accept: readonly string[] },
): { reads: number; bytes: number; requests?: number } {
  const { input, rounds, average, accept } = known
  // The vault's word or proof is enough there: no bytes are needed.
  if (accept.includes('listed') || accept.includes('proven')) return { reads: 0, bytes: 0 }
  if (!accept.includes('sampled'))
    return { reads: rounds * volume.blocks, bytes: rounds * volume.bytes, requests: (rounds * volume.bytes) / RUN_BYTES + volume.packs }
  const share = input.counts.contentBlocks > 0 ? Math.min(1, volume.blocks / input.counts.contentBlocks) : 0
  const reads = rounds * share * input.counts.objectReads
  return { reads, bytes: reads * average }
}

/** Gives the budget out: surveys first, since they are few and catch a vault that lies, then structure, then rotation. */
function coverage(reads: readonly PlannedReads[], { bytes, money }: AuditBudget): AuditPlan['covered'] {
  const covered: Record<AuditPurpose, number> = { survey: 1, structure: 1, rotation: 1 }
  let [leftBytes, leftMoney] = [bytes ?? Number.POSITIVE_INFINITY, money?.amount ?? Number.POSITIVE_INFINITY]
  for (const purpose of PURPOSES) {
    const need = sumOf(reads.filter((one) => one.purpose === purpose))
    const cost = need.money.find(({ currency }) => currency === money?.currency)?.amount ?? 0
    const share = need.reads === 0 ? 1 : Math.min(1, ratio(leftBytes, need.bytes), ratio(leftMoney, cost))
    covered[purpose] = share
    leftBytes -= share * need.bytes
    leftMoney -= share * cost
  }
  return covered
}

const ratio = (left: number, need: number): number => (left === Number.POSITIVE_INFINITY ? 1 : left <= 0 ? 0 : need === 0 ? 1 : left / need)
