/** Verify: what is due → probes from a fresh seed → ask, hash, judge → evidence → the object judged by policy. Needs no key and changes no vault. */
import type { ObjectReport, ObjectRow, PackId, PackRow, ReplicaRow, Vault, VerifyOptions } from '../contracts.ts'
import { samplesFor } from '../policy/challenge.ts'
import { type Assessment, assess, reassess } from './assess.ts'
import { askStanding, challengeReplica, type Judged } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { drawProbes, type ProbeSet } from './probes.ts'

/** 29 draws: 95 % confident to catch a loss of 10 % of the blocks. */
const DEFAULT_SAMPLE = { confidence: 0.95, loss: 0.1 }
const PAGE = 200
const PACKS_AT_ONCE = 2

/** Challenges every replica of one object. */
export async function verify(context: Context, object: ObjectRow, options: VerifyOptions = {}): Promise<ObjectReport> {
  return (await verifyRun(context, object, options, context.clock())).report
}

/** Challenges everything, object by object, oldest first. */
export async function* verifyAll(context: Context, options: VerifyOptions = {}): AsyncGenerator<ObjectReport> {
  const since = context.clock()
  for (let after = 0; ; ) {
    const page = await context.catalog.objects({ after, limit: PAGE })
    for (const object of page) {
      options.signal?.throwIfAborted()
      yield (await verifyRun(context, object, options, since)).report
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

/** `since`: packs read whole in this run already, for another object, are not read again. */
export async function verifyRun(context: Context, object: ObjectRow, options: VerifyOptions, since: number): Promise<Assessment> {
  const known = await assess(context, object)
  const vaults = [...context.vaults.values()].filter(({ profile }) => options.vaults === undefined || options.vaults.includes(profile.id))
  await Promise.all(
    vaults.map((vault) => {
      const replicas = known.replicas.filter((replica) => replica.vault === vault.profile.id && replica.state === 'placed')
      return verifyVault(context, known, { vault, replicas, options, since })
    }),
  )
  const [judged = known] = await reassess(context, [object])
  for (const replica of judged.report.replicas) tell(options.onProgress, { type: 'replica-judged', root: judged.report.root, replica })
  tell(options.onProgress, { type: 'object-judged', report: judged.report })
  return judged
}

interface VaultRun {
  readonly vault: Vault
  readonly replicas: readonly ReplicaRow[]
  readonly options: VerifyOptions
  readonly since: number
}

async function verifyVault(context: Context, known: Assessment, { vault, replicas, options, since }: VaultRun): Promise<void> {
  if (replicas.length === 0) return
  const { signal, onProgress, level = 'sampled' } = options
  const packs = new Map(known.packs.map((pack) => [pack.id, pack]))
  const cold = vault.profile.cold && level !== 'listed'
  const probes = level === 'sampled' && !cold ? await drawFor(context, known, replicas, options) : undefined
  await eachOf(replicas, PACKS_AT_ONCE, async ({ pack: id, locator }) => {
    const pack = packs.get(id)
    if (!pack || locator === undefined) return
    const target = { vault, pack, at: locator, signal }
    if (level === 'listed' || cold) {
      await context.catalog.recordEvidence([await askStanding(context, target)])
      return
    }
    const probe = probes?.get(id) ?? (level === 'whole' && !readSince(known, pack, vault, since) ? WHOLE : undefined)
    if (!probe) return
    const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-checked', byteLength })
    const judged: Judged = await challengeReplica(context, { ...target, ...probe, onBytes })
    await context.catalog.recordEvidence([judged])
  })
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
