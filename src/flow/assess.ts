/** What is known of an object right now, judged by policy; no vault is asked. */
import type {
  ArchiveFact,
  EvidenceRow,
  Locator,
  ObjectId,
  ObjectReport,
  ObjectRow,
  PackId,
  PackRow,
  ReplicaReport,
  ReplicaRow,
  RetainReport,
  RetainRow,
  StateChange,
  Vault,
} from '../contracts.ts'
import { type AgendaReplica, NEVER, objectDueAt } from '../policy/agenda.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { missingLockers, missingRetention } from '../policy/retain.ts'
import { type JudgedReplica, judgeObject } from '../policy/state.ts'
import type { Context } from './context.ts'
import { unmet } from './events.ts'
import { countingProfiles } from './leaving.ts'

const PAGE = 200

export interface Assessment {
  readonly object: ObjectRow
  readonly packs: readonly PackRow[]
  readonly replicas: readonly ReplicaRow[]
  readonly evidence: readonly EvidenceRow[]
  readonly freshUntil: number
  /** Is the floor met in every pack by replicas that count? */
  readonly floorHeld: boolean
  /** What its replicas stand on, for whoever decides what to do about them. */
  readonly judged: readonly JudgedReplica<EvidenceRow>[]
  /** When it should be audited next. */
  readonly dueAt: number
  readonly report: ObjectReport
}

/** Judges an object from the catalog. Writes nothing. */
export async function assess(context: Context, object: ObjectRow): Promise<Assessment> {
  if (object.shreddedAt !== undefined) return shredded(context, object, object.shreddedAt)
  const { catalog, policy, clock } = context
  const packs = await catalog.packsOf(object.id)
  const replicas = await catalog.replicasOf(packs.map(({ id }) => id))
  const evidence = await catalog.evidenceOf(object.id)
  const replicasBy = Map.groupBy(replicas, ({ pack }) => pack)
  const evidenceBy = Map.groupBy(evidence, ({ pack, vault }) => `${pack} ${vault}`)
  const judged = judgeObject({
    policy,
    vaults: countingProfiles(context),
    now: clock(),
    packs: packs.map((pack) => ({
      name: pack.name.toString(),
      packBytes: pack.byteLength,
      spooled: pack.spooled,
      erasable: pack.erasable,
      replicas: (replicasBy.get(pack.id) ?? []).map(({ vault, state, locator }) => ({
        vault,
        state,
        locator,
        evidence: evidenceBy.get(`${pack.id} ${vault}`) ?? [],
      })),
    })),
  })
  const idOf = new Map(packs.map(({ id, name }) => [name.toString(), id]))
  const known = { vaults: countingProfiles(context), now: clock() }
  const loose = missingRetention(
    object.retain,
    replicas.filter(({ vault, state }) => state === 'placed' && known.vaults.some(({ id }) => id === vault)),
    known,
  )
  const unable = judged.missing.length > 0 && loose.length === 0 ? missingLockers(object.retain, known) : []
  const report: ObjectReport = {
    root: object.root.toString(),
    ...(object.name !== undefined && { name: object.name }),
    ...(object.visibility === 'sealed' && { sealed: true as const }),
    state: loose.length > 0 && judged.state === 'satisfied' ? 'degraded' : judged.state,
    byteLength: object.byteLength,
    packs: packs.map(({ name }) => name.toString()),
    replicas: judged.replicas.map((replica) => {
      const pack = idOf.get(replica.pack) ?? -1
      const locator = replicasBy.get(pack)?.find(({ vault }) => vault === replica.vault)?.locator
      return shown(replica, { vault: context.vaults.get(replica.vault), locator })
    }),
    missing: [...judged.missing, ...loose, ...unable],
    ...(object.retain && { retain: retainShown(object.retain) }),
  }
  const { freshUntil, floorHeld } = judged
  const dueAt = objectDueAt({ now: clock(), state: report.state, replicas: agendaOf(context, judged.replicas), pauses: context.pauses })
  return { object, packs, replicas, evidence, freshUntil, floorHeld, judged: judged.replicas, dueAt, report }
}

/** Replicas as the agenda sees them. */
export function agendaOf({ policy }: Context, judged: readonly JudgedReplica<EvidenceRow>[]): readonly AgendaReplica[] {
  return judged.map(({ vault, pack, footing, at, acceptedAt }) => ({
    vault,
    name: `${pack} ${vault}`,
    footing,
    at,
    acceptedAt,
    maxAgeDays: evidenceRulesFor(policy, vault).maxAgeDays,
  }))
}

/** Nobody can read it any more, and nothing is asked of its ciphertext. Until every vault has reported its headers absent, that is not known. */
async function shredded({ catalog }: Context, object: ObjectRow, since: number): Promise<Assessment> {
  const complete = (await catalog.shredOf(object.root))?.complete === true
  const packs = await catalog.packsOf(object.id)
  const report: ObjectReport = {
    root: object.root.toString(),
    state: complete ? 'satisfied' : 'unknown',
    byteLength: object.byteLength,
    packs: packs.map(({ name }) => name.toString()),
    replicas: [],
    missing: [],
    shredded: { since: new Date(since).toISOString(), complete },
  }
  // Other objects may wait for what of its packs is still in the spool.
  return { object, packs, replicas: [], evidence: [], freshUntil: NEVER, floorHeld: false, judged: [], dueAt: NEVER, report }
}

/** Judges objects anew and keeps the verdicts, so that listings and totals need not judge again; announces those that changed. */
export async function reassess(context: Context, objects: readonly ObjectRow[]): Promise<readonly Assessment[]> {
  const judged: Assessment[] = []
  for (const object of objects) judged.push(await assess(context, object))
  const { catalog, events } = context
  const rows = judged.map(({ object, report, freshUntil, dueAt }) => ({ object: object.id, state: report.state, freshUntil, dueAt }))
  events.tell(await catalog.setStates(rows, (changes) => events.announcements(changes.map((change) => factOf(change, judged)))))
  return judged
}

/** Judges every object anew that has blocks in a pack, a page at a time. */
export async function reassessPack(context: Context, pack: PackId): Promise<void> {
  for (let after: ObjectId = 0; ; ) {
    const ids = await context.catalog.objectsIn(pack, { after, limit: PAGE })
    const rows: ObjectRow[] = []
    for (const id of ids) {
      const row = await context.catalog.objectById(id)
      if (row) rows.push(row)
    }
    await reassess(context, rows)
    const last = ids.at(-1)
    if (last === undefined || ids.length < PAGE) return
    after = last
  }
}

function factOf({ object, root, from, to, first }: StateChange, judged: readonly Assessment[]): ArchiveFact {
  const missing = unmet(judged.find((one) => one.object.id === object)?.report.missing ?? [])
  if (first) return { type: 'object-put', root: root.toString(), state: to, missing }
  return { type: 'state-changed', root: root.toString(), from, to, missing }
}

const retainShown = ({ until, mode, legalHold }: RetainRow): RetainReport => ({
  until: new Date(until).toISOString(),
  ...(mode !== undefined && { mode }),
  ...(legalHold && { legalHold }),
})

type Judged = JudgedReplica<EvidenceRow>

function shown(replica: Judged, known: { readonly vault: Vault | undefined; readonly locator: Locator | undefined }): ReplicaReport {
  const { vault, locator } = known
  const profile = vault?.profile
  const row = replica.evidence
  const holds = replica.verdict === 'intact' && replica.counts
  const detail = holds ? vault?.readsFrom && row?.detail : (row?.detail ?? replica.why)
  return {
    vault: replica.vault,
    network: profile?.network ?? 'unknown',
    operator: profile?.operator ?? 'unknown',
    pack: replica.pack,
    verdict: replica.verdict,
    possession: replica.possession,
    retrieval: replica.retrieval,
    counts: replica.counts,
    ...(replica.at !== undefined && { at: new Date(replica.at).toISOString() }),
    ...(locator !== undefined && { locator }),
    ...(row && { asked: row.asked, answered: row.answered, bytesRead: row.bytesRead }),
    ...(detail !== undefined && { detail }),
  }
}
