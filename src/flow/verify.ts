/** Verify: what is due → probes from a fresh seed → ask, hash, judge → evidence → the object judged by policy. Needs no key and changes no vault. */
import type { EvidenceRow, ObjectReport, ObjectRow, PackId, PackRow, ReplicaRow, Vault, VerifyOptions } from '../contracts.ts'
import { OBJECT_SAMPLE } from '../policy/audit.ts'
import { samplesFor } from '../policy/challenge.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { addAnswers } from './answers.ts'
import { type Assessment, assess, reassess } from './assess.ts'
import { askStanding, challengeReplica, type Judged, type ReplicaChallenge } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { recordEvidence } from './events.ts'
import { mayRead } from './may-read.ts'
import { drawProbes, type ProbeSet, SEED_BYTES } from './probes.ts'
import { prove } from './prove.ts'
import { openPurse, type Purse } from './purse.ts'
import { releaseSpool } from './release.ts'
import { rotateProbes } from './rotate-probes.ts'
import { recordAnswers } from './scores.ts'
import { spending, spendingEach } from './spending.ts'

/** Objects that are challenged together, so that their evidence becomes durable together. */
const BATCH = 16
const OBJECTS_AT_ONCE = 4
const PACKS_AT_ONCE = 2

/** Challenges every replica of one object. */
export function verify(context: Context, object: ObjectRow, options: VerifyOptions = {}): Promise<ObjectReport> {
  return spending(context, 'verify', async (own) => {
    const [judged] = await verifyBatch(own, [object], options)
    if (!judged) return (await assess(own, object)).report
    await releaseSpool(own, [judged])
    return judged.report
  })
}

/** Challenges everything, object by object, oldest first. */
export const verifyAll = (context: Context, options: VerifyOptions = {}): AsyncGenerator<ObjectReport> =>
  spendingEach(context, 'verify', (own) => verifyEach(own, options))

async function* verifyEach(context: Context, options: VerifyOptions): AsyncGenerator<ObjectReport> {
  const since = context.clock()
  for (let after = 0; ; ) {
    options.signal?.throwIfAborted()
    const page = await context.catalog.objects({ after, limit: BATCH })
    const judged = await verifyBatch(context, page, options, since)
    await releaseSpool(context, judged)
    for (const { report } of judged) yield report
    const last = page.at(-1)
    if (!last || page.length < BATCH) return
    after = last.id
  }
}

/** Challenges objects side by side and judges them. Packs read whole after `since`, for whichever object, are not read again. */
export function verifyBatch(
  context: Context,
  objects: readonly ObjectRow[],
  options: VerifyOptions,
  since = context.clock(),
): Promise<readonly Assessment[]> {
  return spending(context, 'verify', () => challengeBatch(context, objects, options, since))
}

async function challengeBatch(
  context: Context,
  objects: readonly ObjectRow[],
  options: VerifyOptions,
  since: number,
): Promise<readonly Assessment[]> {
  const wholes = new Map<string, Promise<EvidenceRow>>()
  const purse = options.rotation ? await openPurse(context) : undefined
  const rows = await eachOf(objects, OBJECTS_AT_ONCE, async (object) => {
    const known = await assess(context, object)
    // What lies in a vault that was left counts for nothing: reading it costs, and tells nothing that is asked.
    const vaults = [...context.vaults.values()].filter(
      ({ profile: { id } }) => options.vaults?.includes(id) ?? context.leaving.get(id) !== 'left',
    )
    return Promise.all(
      vaults.map((vault) => {
        const replicas = known.replicas.filter((replica) => replica.vault === vault.profile.id && replica.state === 'placed')
        return challengeVault(context, known, { vault, replicas, options, since, wholes, purse })
      }),
    )
  })
  await purse?.flush()
  await record(context, [...new Set(rows.flat(2))])
  const judged = await reassess(context, objects)
  for (const { report } of judged) {
    for (const replica of report.replicas) tell(options.onProgress, { type: 'replica-judged', root: report.root, replica })
    tell(options.onProgress, { type: 'object-judged', report })
  }
  return judged
}

/** Evidence first, then what it says of the vaults. */
async function record(context: Context, rows: readonly (EvidenceRow | Judged)[]): Promise<void> {
  await recordEvidence(context, rows)
  const judged = rows.flatMap((row) => ('answers' in row ? [row] : []))
  for (const [vault, own] of Map.groupBy(judged, (row) => row.vault))
    await recordAnswers(
      context,
      vault,
      addAnswers(own.map(({ answers }) => answers)),
      own.find(({ verdict }) => verdict === 'damaged')?.detail,
    )
}

interface VaultRun {
  readonly vault: Vault
  readonly replicas: readonly ReplicaRow[]
  readonly options: VerifyOptions
  readonly since: number
  /** Whole reads of this batch, by pack and vault: objects that share a pack share them. */
  readonly wholes: Map<string, Promise<EvidenceRow>>
  /** Of audits by rotation, which stop at the budget. */
  readonly purse: Purse | undefined
}

async function challengeVault(context: Context, known: Assessment, run: VaultRun): Promise<readonly EvidenceRow[]> {
  const { vault, replicas, options, since, wholes, purse } = run
  if (replicas.length === 0) return []
  const { signal, onProgress, level = 'sampled' } = options
  const packs = new Map(known.packs.map((pack) => [pack.id, pack]))
  const probes = level === 'sampled' ? await drawFor(context, known, replicas, options) : undefined
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-checked', byteLength })
  const rows = await eachOf(replicas, PACKS_AT_ONCE, async ({ pack: id, locator }) => {
    const pack = packs.get(id)
    if (!pack || locator === undefined) return undefined
    const target = { vault, pack, at: locator, signal }
    if (level === 'listed' || !(await mayRead(target, options))) return askStanding(context, { ...target, object: known.object.id })
    const probe = probes?.get(id)
    if (probe && purse) return challengeWithin(context, { ...target, ...probe, onBytes }, { purse, onProgress })
    if (probe) return challengeReplica(context, { ...target, ...probe, onBytes })
    if (level !== 'whole' || readSince(known, pack, vault, since)) return undefined
    const key = `${id} ${vault.profile.id}`
    const whole = wholes.get(key) ?? challengeReplica(context, { ...target, ...WHOLE, onBytes })
    wholes.set(key, whole)
    return whole
  })
  const asked = rows.filter((row) => row !== undefined)
  return [...asked, ...(await proofsOf(context, known, run, asked))]
}

/** Where the policy accepts proven possession, vaults are asked for the proof, unless what was just read is lost. */
async function proofsOf(
  context: Context,
  known: Assessment,
  { vault, replicas, options: { signal } }: VaultRun,
  asked: readonly EvidenceRow[],
): Promise<readonly EvidenceRow[]> {
  if (!vault.attest || !evidenceRulesFor(context.policy, vault.profile.id).accept.includes('proven')) return []
  const lost = new Set(asked.flatMap(({ verdict, pack }) => (verdict === 'damaged' || verdict === 'missing' ? [pack] : [])))
  const packs = new Map(known.packs.map((pack) => [pack.id, pack]))
  const proofs = await eachOf(replicas, PACKS_AT_ONCE, async ({ pack: id, locator }) => {
    const pack = packs.get(id)
    if (!pack || locator === undefined || lost.has(id)) return undefined
    return prove(context, vault, { pack, at: locator, seed: context.random(SEED_BYTES), signal })
  })
  return proofs.flatMap((proof) => proof?.row ?? [])
}

/** Reads what the budget still allows; the rest of the object goes unread, and its evidence may lapse. */
async function challengeWithin(
  context: Context,
  challenge: ReplicaChallenge & ProbeSet,
  { purse, onProgress }: { readonly purse: Purse; readonly onProgress: VerifyOptions['onProgress'] },
): Promise<Judged | undefined> {
  const { vault, pack } = challenge
  const requests = challenge.ordinals === 'all' ? pack.blockCount : challenge.ordinals.length
  const bytes = Math.ceil((pack.byteLength / pack.blockCount) * requests)
  const refusal = purse.take(vault.profile.id, 'rotation', { bytes, requests })
  if (refusal !== undefined) {
    tell(onProgress, { type: 'budget-reached', vault: vault.profile.id, reason: refusal })
    return undefined
  }
  const judged = await challengeReplica(context, challenge)
  purse.settle(vault.profile.id, 'rotation', { bytes: judged.bytesRead - bytes, requests: judged.asked - requests })
  const { verdict } = judged
  // Where nothing was answered, the same blocks are next again.
  return verdict === 'unreachable' || verdict === 'denied'
    ? { ...judged, rotation: undefined }
    : { ...judged, rotation: challenge.rotation }
}

const WHOLE: ProbeSet = { object: 0, ordinals: 'all' }

function readSince(known: Assessment, pack: PackRow, vault: Vault, since: number): boolean {
  return known.evidence.some((row) => row.pack === pack.id && row.vault === vault.profile.id && row.retrieval === 'whole' && row.at > since)
}

async function drawFor(
  context: Context,
  known: Assessment,
  replicas: readonly ReplicaRow[],
  { sample = OBJECT_SAMPLE, rotation = false }: VerifyOptions,
): Promise<ReadonlyMap<PackId, ProbeSet>> {
  const newest = new Map<PackId, number>()
  for (const { pack, vault, at } of known.evidence) {
    if (vault === replicas[0]?.vault) newest.set(pack, Math.max(at, newest.get(pack) ?? 0))
  }
  const count = typeof sample === 'number' ? sample : samplesFor(sample)
  const packs = replicas.map(({ pack }) => ({ id: pack, lastAt: newest.get(pack) ?? 0 }))
  const vault = replicas[0]?.vault
  return rotation && vault !== undefined
    ? rotateProbes(context, known.object, { packs, count, vault })
    : drawProbes(context, known.object, packs, count)
}
