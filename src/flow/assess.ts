/** What is known of an object right now, judged by policy; no vault is asked. */
import type {
  EvidenceRow,
  Locator,
  ObjectReport,
  ObjectRow,
  PackRow,
  ReplicaReport,
  ReplicaRow,
  RetainReport,
  RetainRow,
  VaultProfile,
} from '../contracts.ts'
import { missingLockers, missingRetention } from '../policy/retain.ts'
import { type JudgedReplica, judgeObject } from '../policy/state.ts'
import type { Context } from './context.ts'
import { countingProfiles } from './leaving.ts'

export interface Assessment {
  readonly object: ObjectRow
  readonly packs: readonly PackRow[]
  readonly replicas: readonly ReplicaRow[]
  readonly evidence: readonly EvidenceRow[]
  readonly freshUntil: number
  /** Is the floor met in every pack by replicas that count? */
  readonly floorHeld: boolean
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
      return shown(replica, { profile: context.vaults.get(replica.vault)?.profile, locator })
    }),
    missing: [...judged.missing, ...loose, ...unable],
    ...(object.retain && { retain: retainShown(object.retain) }),
  }
  return { object, packs, replicas, evidence, freshUntil: judged.freshUntil, floorHeld: judged.floorHeld, report }
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
  return { object, packs, replicas: [], evidence: [], freshUntil: Number.MAX_SAFE_INTEGER, floorHeld: false, report }
}

/** Judges objects anew and keeps the verdicts, so that listings and totals need not judge again. */
export async function reassess(context: Context, objects: readonly ObjectRow[]): Promise<readonly Assessment[]> {
  const judged: Assessment[] = []
  for (const object of objects) judged.push(await assess(context, object))
  await context.catalog.setStates(judged.map(({ object, report, freshUntil }) => ({ object: object.id, state: report.state, freshUntil })))
  return judged
}

const retainShown = ({ until, mode, legalHold }: RetainRow): RetainReport => ({
  until: new Date(until).toISOString(),
  ...(mode !== undefined && { mode }),
  ...(legalHold && { legalHold }),
})

type Judged = JudgedReplica<EvidenceRow>

function shown(
  replica: Judged,
  known: { readonly profile: VaultProfile | undefined; readonly locator: Locator | undefined },
): ReplicaReport {
  const { profile, locator } = known
  const row = replica.evidence
  const detail = replica.verdict === 'intact' && replica.counts ? undefined : (row?.detail ?? replica.why)
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
