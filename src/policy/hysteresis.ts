/**
 * Which missing copies are replaced now, and which wait. A copy that is damaged or gone is replaced at once; one that is only silent after the grace, and
 * never before: an outage that ends within it costs nothing. Refused credentials are not absence, however long they last. Below the floor nobody waits.
 *
 * | copy                                                     | at or above the floor       | urgent                       |
 * |----------------------------------------------------------|-----------------------------|------------------------------|
 * | damaged, missing                                         | replaced at once            | replaced at once             |
 * | silent, its vault silent for the grace, as far as seen   | another copy elsewhere      | another copy elsewhere       |
 * | silent, its vault not for as long                        | waits                       | another copy elsewhere       |
 * | denied                                                   | waits                       | another copy elsewhere       |
 * | evidence lapsed, or none, and nobody asked               | waits for the audit         | waits for the audit          |
 * | accepted by its vault, not settled yet                   | waits                       | waits                        |
 *
 * Urgent: what counts (sound or doubtful) does not hold the floor; or it holds it with none to spare while a copy is lost for good.
 * Nothing here deletes: a copy that is given up stays where it is, and counts again when it answers.
 */
import type { Verdict } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { DAY_MS } from './cadence.ts'
import { isTrusted } from './demands.ts'
import type { Footing } from './weigh.ts'

export interface StandingReplica {
  readonly vault: string
  readonly footing: Footing
  readonly verdict: Verdict
  /** Of the newest evidence; undefined: never asked. */
  readonly at?: number | undefined
}

export interface Silence {
  readonly reason: 'silent' | 'denied' | 'limited'
  /** How long it was seen to be silent. */
  readonly silentMs: number
}

export interface HysteresisInput {
  /** Replicas of one pack. */
  readonly replicas: readonly StandingReplica[]
  readonly vaults: ReadonlyMap<string, VaultProfile>
  readonly floor: number
  readonly graceDays: number
  readonly silences: ReadonlyMap<string, Silence>
  /** The pack lies in the spool, whole. */
  readonly spooled: boolean
}

export interface Relief {
  readonly urgent: boolean
  /**
   * Vaults whose copy no longer stands: another copy takes its place elsewhere. Those that are damaged or missing are replaced where they are, and are
   * in here only when the vault was silent for the grace.
   */
  readonly givenUp: ReadonlyMap<string, string>
  /** Copies that would be given up if the grace had passed, or credentials held. */
  readonly waiting: readonly string[]
  /** There may be bytes to copy from: a copy that is not gone, in a vault that answers. Without them nothing is repaired. */
  readonly source: boolean
}

const SILENT: ReadonlySet<Verdict> = new Set(['unreachable', 'incomplete'])

/** Nothing speaks against the copy; it was only not asked in time, perhaps because the budget is used up. That is no reason to buy another. */
const isUnasked = ({ footing, verdict, at }: StandingReplica): boolean => footing === 'open' && (verdict === 'intact' || at === undefined)

const hasBytes = ({ footing, verdict }: StandingReplica): boolean =>
  footing !== 'unplaced' && footing !== 'foreign' && verdict !== 'missing' && !SILENT.has(verdict)

/** What becomes of a pack's copies. */
export function relieve({ replicas, vaults, floor, graceDays, silences, spooled }: HysteresisInput): Relief {
  const standing = replicas.filter(({ footing }) => footing === 'sound' || footing === 'doubtful')
  const counted = operatorsOf(standing, vaults)
  const lost = replicas.some(({ footing }) => footing === 'lost')
  const urgent = counted < floor || (lost && counted <= floor)
  const givenUp = new Map<string, string>()
  const waiting: string[] = []
  for (const replica of replicas) {
    const { vault, footing, verdict } = replica
    const silence = silences.get(vault)
    const isLong = silence?.reason === 'silent' && silence.silentMs >= graceDays * DAY_MS
    const why = `${vault} has been silent for ${Math.floor((silence?.silentMs ?? 0) / DAY_MS)} days, longer than the grace of ${graceDays}`
    // What is lost is replaced where it was, but not for ever: a vault that stays silent is not waited for.
    if (footing === 'lost' && isLong) givenUp.set(vault, why)
    if (footing !== 'doubtful' && footing !== 'open') continue
    if (verdict === 'pending' || isUnasked(replica)) {
      waiting.push(vault)
      continue
    }
    if (isLong && SILENT.has(verdict)) givenUp.set(vault, why)
    else if (urgent) givenUp.set(vault, `the copy in ${vault} is not certain (${verdict}), and the floor cannot wait`)
    else waiting.push(vault)
  }
  // A damaged copy may have the very blocks that another lacks, and each block is hashed before it is used.
  const source = spooled || replicas.some((replica) => hasBytes(replica) && silences.get(replica.vault)?.reason !== 'silent')
  return { urgent, givenUp, waiting, source }
}

/** Distinct operators outside IPFS. */
function operatorsOf(replicas: readonly StandingReplica[], vaults: ReadonlyMap<string, VaultProfile>): number {
  const profiles = replicas.flatMap(({ vault }) => vaults.get(vault) ?? []).filter(isTrusted)
  return new Set(profiles.map(({ operator }) => operator)).size
}

export interface Wish {
  readonly urgent: boolean
  /** Of the new copies. */
  readonly byteLength: number
}

export interface RepairCaps {
  readonly repairs: number
  readonly repairBytes: number
  readonly urgentRepairs: number
  readonly urgentRepairBytes: number
}

/**
 * Counts what a cycle may repair: so many objects and bytes, apart for those that are urgent. The first of each kind is taken whatever its size,
 * or a large object would wait for ever; unless the cap is zero.
 */
export function repairBudget(caps: RepairCaps): { take(wish: Wish): boolean } {
  const left = {
    urgent: { objects: caps.urgentRepairs, bytes: caps.urgentRepairBytes, taken: 0 },
    patient: { objects: caps.repairs, bytes: caps.repairBytes, taken: 0 },
  }
  return {
    take({ urgent, byteLength }) {
      const kind = urgent ? left.urgent : left.patient
      if (kind.objects < 1 || kind.bytes <= 0 || (byteLength > kind.bytes && kind.taken > 0)) return false
      kind.objects--
      kind.bytes -= byteLength
      kind.taken++
      return true
    },
  }
}

/** What a look that found a vault silent adds to the silence that was seen: a gap in which nobody looked counts for half the grace at most. */
export function silenceSeen(
  before: { readonly at: number; readonly silentMs: number } | undefined,
  { now, graceDays }: { readonly now: number; readonly graceDays: number },
): number {
  if (!before) return 0
  return before.silentMs + Math.min(Math.max(0, now - before.at), (graceDays * DAY_MS) / 2)
}
