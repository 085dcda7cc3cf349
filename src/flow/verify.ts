/** Verify: what is due → probes from a fresh seed → ask, hash, judge → evidence → the object judged by policy. Needs no key and changes no vault. */
import type { EvidenceRow, ObjectReport, ObjectRow, PackId, PackRow, ReplicaRow, Vault, VerifyOptions } from '../contracts.ts'
import { samplesFor } from '../policy/challenge.ts'
import { type Assessment, assess, reassess } from './assess.ts'
import { askStanding, challengeReplica, type ReplicaChallenge } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { drawProbes, type ProbeSet } from './probes.ts'
import { releaseSpool } from './release.ts'
import { spending, spendingEach } from './spending.ts'

/** 29 draws: 95 % confident to catch a loss of 10 % of the blocks. */
export const DEFAULT_SAMPLE = { confidence: 0.95, loss: 0.1 }
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
export async function verifyBatch(
  context: Context,
  objects: readonly ObjectRow[],
  options: VerifyOptions,
  since = context.clock(),
): Promise<readonly Assessment[]> {
  const wholes = new Map<string, Promise<EvidenceRow>>()
  const rows = await eachOf(objects, OBJECTS_AT_ONCE, async (object) => {
    const known = await assess(context, object)
    // What lies in a vault that was left counts for nothing: reading it costs, and tells nothing that is asked.
    const vaults = [...context.vaults.values()].filter(
      ({ profile: { id } }) => options.vaults?.includes(id) ?? context.leaving.get(id) !== 'left',
    )
    return Promise.all(
      vaults.map((vault) => {
        const replicas = known.replicas.filter((replica) => replica.vault === vault.profile.id && replica.state === 'placed')
        return challengeVault(context, known, { vault, replicas, options, since, wholes })
      }),
    )
  })
  await context.catalog.recordEvidence([...new Set(rows.flat(2))])
  const judged = await reassess(context, objects)
  for (const { report } of judged) {
    for (const replica of report.replicas) tell(options.onProgress, { type: 'replica-judged', root: report.root, replica })
    tell(options.onProgress, { type: 'object-judged', report })
  }
  return judged
}

interface VaultRun {
  readonly vault: Vault
  readonly replicas: readonly ReplicaRow[]
  readonly options: VerifyOptions
  readonly since: number
  /** Whole reads of this batch, by pack and vault: objects that share a pack share them. */
  readonly wholes: Map<string, Promise<EvidenceRow>>
}

async function challengeVault(context: Context, known: Assessment, run: VaultRun): Promise<readonly EvidenceRow[]> {
  const { vault, replicas, options, since, wholes } = run
  if (replicas.length === 0) return []
  const { signal, onProgress, level = 'sampled' } = options
  const packs = new Map(known.packs.map((pack) => [pack.id, pack]))
  const probes = level === 'sampled' ? await drawFor(context, known, replicas, options) : undefined
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-checked', byteLength })
  const rows = await eachOf(replicas, PACKS_AT_ONCE, async ({ pack: id, locator }) => {
    const pack = packs.get(id)
    if (!pack || locator === undefined) return undefined
    const target = { vault, pack, at: locator, signal }
    if (level === 'listed' || !(await mayRead(target, options))) return askStanding(context, target)
    const probe = probes?.get(id)
    if (probe) return challengeReplica(context, { ...target, ...probe, onBytes })
    if (level !== 'whole' || readSince(known, pack, vault, since)) return undefined
    const key = `${id} ${vault.profile.id}`
    const whole = wholes.get(key) ?? challengeReplica(context, { ...target, ...WHOLE, onBytes })
    wholes.set(key, whole)
    return whole
  })
  return rows.filter((row) => row !== undefined)
}

/** Of a cold vault only what a restore has made readable, and with `cold` what can be read for other reasons. Where nobody can tell, `cold` decides. */
async function mayRead(
  { vault, at, signal }: Pick<ReplicaChallenge, 'vault' | 'at' | 'signal'>,
  { cold = false }: VerifyOptions,
): Promise<boolean> {
  if (!vault.profile.cold) return true
  try {
    const warmth = await vault.warmth?.(at, { signal })
    if (!warmth) return cold
    return warmth.state === 'readable' && (cold || warmth.until !== undefined)
  } catch {
    // Why it did not answer is found by asking whether it is there.
    signal?.throwIfAborted()
    return false
  }
}

const WHOLE: ProbeSet = { object: 0, ordinals: 'all' }

function readSince(known: Assessment, pack: PackRow, vault: Vault, since: number): boolean {
  return known.evidence.some((row) => row.pack === pack.id && row.vault === vault.profile.id && row.retrieval === 'whole' && row.at > since)
}

async function drawFor(
  context: Context,
  known: Assessment,
  replicas: readonly ReplicaRow[],
  { sample = DEFAULT_SAMPLE }: VerifyOptions,
): Promise<ReadonlyMap<PackId, ProbeSet>> {
  const newest = new Map<PackId, number>()
  for (const { pack, vault, at } of known.evidence) {
    if (vault === replicas[0]?.vault) newest.set(pack, Math.max(at, newest.get(pack) ?? 0))
  }
  const count = typeof sample === 'number' ? sample : samplesFor(sample)
  return drawProbes(
    context,
    known.object,
    replicas.map(({ pack }) => ({ id: pack, lastAt: newest.get(pack) ?? 0 })),
    count,
  )
}
