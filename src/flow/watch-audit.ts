/** Audits what is due, in batches: only the vaults whose evidence is due are asked, and those that are left alone are not. */
import type { EvidenceRow, ObjectRow, VerifyLevel } from '../contracts.ts'
import { horizonOf, levelFor, pickDue, vaultsDue } from '../policy/agenda.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { type Assessment, agendaOf, assess, reassess } from './assess.ts'
import { releaseSpool } from './release.ts'
import { verifyBatch } from './verify.ts'
import { type Cycle, pausedNow } from './watch-run.ts'
import { learn } from './watch-vaults.ts'

const BATCH = 16
/** The first tells whether a vault answers at all; nobody waits for long time-outs of many. */
const FIRST_BATCH = 4

/** The longest that any evidence is accepted, in days. */
export const longestAge = ({ policy }: Cycle['context']): number =>
  Math.max(policy.evidence.maxAgeDays, ...Object.values(policy.overrides).map(({ maxAgeDays }) => maxAgeDays))

/** Is anything left of what the cycle may audit? */
export const mayAudit = ({ caps, counts }: Cycle): boolean =>
  caps.audits >= 1 && counts.audited < caps.audits && counts.bytesRead < caps.auditBytes

/** Audits up to the caps of the cycle; what is left over is due in the next. */
export async function auditDue(cycle: Cycle): Promise<void> {
  const { context, caps, counts, signal } = cycle
  if (!mayAudit(cycle)) return
  const at = context.clock()
  const rows = await context.catalog.due({ at, horizon: horizonOf(at, longestAge(context)), limit: Math.floor(caps.audits) + 1 })
  const picked = pickDue(rows, caps.audits)
  counts.backlog = rows.length > picked.length
  for (let done = 0; done < picked.length; ) {
    signal.throwIfAborted()
    if (!mayAudit(cycle)) {
      counts.backlog = true
      return
    }
    const batch = picked.slice(done, done + (done === 0 ? FIRST_BATCH : BATCH))
    const found = await Promise.all(batch.map(({ id }) => context.catalog.objectById(id)))
    await auditObjects(
      cycle,
      found.filter((object) => object !== undefined),
    )
    done += batch.length
  }
}

/** Objects that ask the same of the same vaults. */
interface Group {
  readonly level: VerifyLevel
  readonly vaults: readonly string[]
  readonly objects: ObjectRow[]
}

/** Audits some objects and learns from their answers. */
export async function auditObjects(cycle: Cycle, objects: readonly ObjectRow[]): Promise<void> {
  const { context, counts } = cycle
  const groups = new Map<string, Group>()
  const silences: EvidenceRow[] = []
  const asked = new Map<number, ObjectRow>()
  const idle: ObjectRow[] = []
  for (const object of objects) {
    const known = await assess(context, object)
    const due = vaultsDue({ now: context.clock(), state: known.report.state, replicas: agendaOf(context, known.judged) })
    silences.push(...due.flatMap((vault) => silenceOf(cycle, known, vault)))
    const awake = due.filter((vault) => !pausedNow(cycle, vault))
    if (awake.length === 0) idle.push(object)
    else asked.set(object.id, { ...object, state: known.report.state })
    for (const [level, vaults] of Map.groupBy(awake, (vault) => levelFor(evidenceRulesFor(context.policy, vault)))) {
      const key = [level, ...vaults].join(' ')
      const group = groups.get(key) ?? { level, vaults, objects: [] }
      group.objects.push(object)
      groups.set(key, group)
    }
  }
  if (silences.length > 0) await context.catalog.recordEvidence(silences)
  for (const group of groups.values()) await auditGroup(cycle, group)
  await reassess(context, idle)
  const judged = await reassess(context, [...asked.values()])
  await releaseSpool(context, judged)
  for (const { object, report } of judged) {
    counts.audited++
    cycle.emit({ type: 'object-audited', root: report.root, before: object.state, state: report.state })
  }
}

async function auditGroup(cycle: Cycle, { level, vaults, objects }: Group): Promise<void> {
  const { context, counts, signal, account, memory } = cycle
  const since = context.clock()
  const judged = await verifyBatch(context, objects, {
    level,
    vaults,
    rotation: true,
    signal,
    onProgress: (event) => {
      if (event.type === 'budget-reached') memory.budgetReached = true
      if (event.type === 'bytes-checked') counts.bytesRead += event.byteLength
    },
  })
  for (const { report } of judged)
    for (const replica of report.replicas)
      if (replica.at !== undefined && Date.parse(replica.at) >= since) account.add({ root: report.root, replica })
  await learn(cycle, judged, vaults, since)
}

/** A silent vault is not asked again and again for each object; that it did not answer is what is known of its replicas that are due. */
function silenceOf(cycle: Cycle, { object, packs, judged }: Assessment, vault: string): readonly EvidenceRow[] {
  const pause = pausedNow(cycle, vault)
  if (!pause || pause.reason === 'limited') return []
  const ids = new Map(packs.map(({ id, name }) => [name.toString(), id]))
  const at = cycle.context.clock()
  const detail = `not asked: the vault has not answered since ${new Date(pause.since).toISOString()}${pause.detail ? ` (${pause.detail})` : ''}`
  return judged
    .filter((replica) => replica.vault === vault && replica.footing !== 'unplaced' && replica.footing !== 'lost')
    .flatMap(({ pack }): readonly EvidenceRow[] => {
      const id = ids.get(pack)
      if (id === undefined) return []
      const verdict = pause.reason === 'denied' ? 'denied' : 'unreachable'
      const nothing = { asked: 0, answered: 0, bytesRead: 0, possession: 'claimed', retrieval: 'none' } as const
      return [{ pack: id, vault, object: object.id, verdict, ...nothing, at, detail }]
    })
}
