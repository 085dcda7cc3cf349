/**
 * Bringing packs to vaults; shared by put and repair. Per pack and vault: intent → locate → put → placed → challenge → evidence.
 * The intent is durable before the vault is called, and `locate` always comes before `put`: nothing is stored or paid twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  AbortOptions,
  EvidenceRow,
  Lease,
  Locator,
  PackRow,
  ProgressOptions,
  ReplicaReport,
  ReplicationEvent,
  RetainRow,
  Standing,
  Vault,
} from '../contracts.ts'
import { ArchiveError, VaultError } from '../errors.ts'
import { cannotRetain, retentionOf } from '../policy/retain.ts'
import { addAnswers } from './answers.ts'
import { askStanding, challengeReplica, type Judged } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { packFor } from './dag.ts'
import { inTurn, placeKey } from './dag-turns.ts'
import { recordEvidence } from './events.ts'
import { LEAVING, lookAtLeaving } from './leaving.ts'
import { barred } from './placement-rules.ts'
import { ensureSpooled } from './rebuild.ts'
import { replacedAlready } from './replaced-already.ts'
import { recordAnswers } from './scores.ts'

const LEASE_MS = 60_000
/** How long a vault may take to settle what it accepted before put goes on without it. */
const SETTLE_MS = 30_000
const FIRST_POLL_MS = 50
const PATIENCE_MS = 5 * 60_000
const PACKS_AT_ONCE = 2

export interface ReplicateOptions extends AbortOptions, ProgressOptions<ReplicationEvent> {
  /** The replica there is damaged or gone: store it again. */
  readonly replace?: boolean | undefined
  /** DAGs that were brought in this run, default this call: another pack of the same root that is to be replaced finds its part there. */
  readonly brought?: Set<string> | undefined
  /** Skip the challenge: the vault's acceptance is all that is waited for. */
  readonly acceptOnly?: boolean | undefined
  /** How long another process that places the same pack is waited for, in milliseconds; default 5 minutes. */
  readonly patienceMs?: number | undefined
  /** Was storing that pack there reckoned with, where limits are set? What was only to be found there and is not is a matter for repair. Default: it was. */
  readonly covered?: ((pack: PackRow, vault: string) => boolean) | undefined
  /** What to read back, per object with blocks in the pack; `all` for everything. */
  readonly probes: (
    pack: PackRow,
    vault: Vault,
  ) => Promise<readonly { readonly object: number; readonly ordinals: readonly number[] | 'all'; readonly seed?: Uint8Array }[]>
}

export interface Placement {
  readonly pack: PackRow
  readonly vault: string
  /** Sent bytes, found them there already, or failed. */
  readonly outcome: 'stored' | 'found' | 'failed'
  readonly locator?: Locator
  readonly evidence: readonly EvidenceRow[]
  readonly error?: Error
}

/** Places every pack in every one of its vaults, side by side. Failures are outcomes; rejects only for the catalog or the caller's signal. */
export async function replicate(
  context: Context,
  jobs: readonly { readonly pack: PackRow; readonly vaults: readonly string[] }[],
  options: ReplicateOptions,
): Promise<readonly Placement[]> {
  const run = { ...options, brought: options.brought ?? new Set<string>() }
  const placed = await eachOf(jobs, PACKS_AT_ONCE, ({ pack, vaults }) =>
    eachOf(vaults, vaults.length, (id) => {
      const vault = vaultOf(context, id)
      return inTurn(context, pack, vault, () => placeOne(context, pack, vault, run), options)
    }),
  )
  return placed.flat()
}

/** Whoever planned it: headers never come to a vault that keeps what it gets. */
function assertMayHold(context: Context, pack: PackRow, { profile }: Vault): void {
  const why = pack.erasable ? barred(context).get(profile.id) : undefined
  if (why !== undefined) throw new VaultError('unsupported', profile.id, `headers that must be erasable are not stored here: ${why}`)
}

async function placeOne(context: Context, pack: PackRow, vault: Vault, options: ReplicateOptions): Promise<Placement> {
  const { id } = vault.profile
  const name = pack.name.toString()
  const { signal, onProgress } = options
  const lease = await leaseOf(context, `place:${placeKey(pack, vault)}`, options)
  if (!lease)
    return failed(
      pack,
      id,
      new VaultError('conflict', id, `another process is placing pack ${name} there; run the command again when it is done`),
      options,
    )
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    tell(onProgress, { type: 'placing', vault: id, pack: name, byteLength: pack.byteLength })
    assertMayHold(context, pack, vault)
    const retain = await wishOf(context, pack, vault)
    await intend(context, pack, vault)
    const { locator, outcome } = await store(context, pack, vault, { ...options, retain })
    if (options.replace) await forgetOld(context, pack, id)
    await recordPlaced(context, pack, id, { locator, retain })
    tell(onProgress, { type: outcome === 'stored' ? 'placed' : 'found', vault: id, pack: name })
    const evidence = options.acceptOnly ? [] : await showBytes(context, pack, vault, locator, options)
    if (outcome === 'found' && !options.replace && evidence.some(({ verdict }) => verdict === 'damaged' || verdict === 'missing')) {
      return await restored(context, pack, vault, { ...options, retain })
    }
    return { pack, vault: id, outcome, locator, evidence }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof VaultError) && !(error instanceof ArchiveError)) throw error
    return failed(pack, id, error, options)
  } finally {
    clearInterval(heartbeat)
    await lease.release()
  }
}

/** Durable before the vault is called. Throws `unsupported` where it is being left, also since this was planned. */
async function intend(context: Context, pack: PackRow, { profile }: Vault): Promise<void> {
  try {
    await context.catalog.intend(pack.id, profile.id, context.clock())
  } catch (cause) {
    await lookAtLeaving(context)
    if (!context.leaving.has(profile.id)) throw cause
    throw new VaultError('unsupported', profile.id, LEAVING, { cause })
  }
}

/** Another process at the same pack is waited for: then its copy is found there. */
export async function leaseOf(
  context: Context,
  key: string,
  { signal, patienceMs = PATIENCE_MS }: Pick<ReplicateOptions, 'signal' | 'patienceMs'>,
): Promise<Lease | undefined> {
  const deadline = context.clock() + patienceMs
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, 2_000)) {
    const lease = await context.catalog.acquire(key, { ttlMs: LEASE_MS })
    if (lease || context.clock() + pause > deadline) return lease
    await sleep(pause, undefined, { signal })
  }
}

/** What was found there from before does not hold: put it anew, from our own bytes. */
async function restored(context: Context, pack: PackRow, vault: Vault, options: StoreOptions): Promise<Placement> {
  const { locator } = await store(context, pack, vault, { ...options, replace: true })
  await forgetOld(context, pack, vault.profile.id)
  await recordPlaced(context, pack, vault.profile.id, { locator, retain: options.retain })
  return { pack, vault: vault.profile.id, outcome: 'stored', locator, evidence: await showBytes(context, pack, vault, locator, options) }
}

/** The verdicts on the bytes that were there before say nothing of the new ones. */
async function forgetOld(context: Context, pack: PackRow, vault: string): Promise<void> {
  await context.catalog.dropReplica(pack.id, vault, { intendedAt: context.clock() })
}

interface StoreOptions extends ReplicateOptions {
  readonly retain: RetainRow | undefined
}

/** What the pack's objects ask to be retained. Throws `unsupported` for a vault that cannot: nothing is ever stored unlocked that was to be locked. */
async function wishOf(context: Context, pack: PackRow, { profile, renew }: Vault): Promise<RetainRow | undefined> {
  const retain = (await context.catalog.retentionOf([pack.id], context.clock())).get(pack.id)
  const obstacle = cannotRetain(profile) ?? (renew ? undefined : 'it cannot extend a lock')
  if (retain && obstacle !== undefined)
    throw new VaultError('unsupported', profile.id, `${obstacle}; use vaults that can lock, such as S3 buckets with Object Lock`)
  return retain
}

async function recordPlaced(
  { catalog, clock }: Context,
  pack: PackRow,
  vault: string,
  { locator, retain }: { readonly locator: Locator; readonly retain: RetainRow | undefined },
): Promise<void> {
  await catalog.placed(pack.id, vault, locator, clock())
  if (retain) await catalog.retained(pack.id, vault, retain.until)
}

async function store(
  context: Context,
  pack: PackRow,
  vault: Vault,
  options: StoreOptions,
): Promise<{ locator: Locator; outcome: 'stored' | 'found' }> {
  const { id } = vault.profile
  const { signal, onProgress, brought } = options
  const key = placeKey(pack, vault)
  const replace = options.replace && !brought?.has(key)
  const retain = options.retain && retentionOf(options.retain)
  const found = replace
    ? await replacedAlready(context, pack, vault, { signal })
    : await vault.locate(pack.name, { signal, kind: pack.kind, root: pack.root })
  if (found !== undefined) {
    const locator = retain && vault.renew ? await vault.renew(found, retain.until, { ...retain, signal }) : found
    return { locator, outcome: 'found' }
  }
  if (context.limits && vault.profile.prices && options.covered?.(pack, id) === false)
    throw new VaultError(
      'exhausted',
      id,
      'it does not hold the pack any more, and storing it again was not reckoned with; repair does that within the limits',
    )
  await ensureSpooled(context, pack, { signal })
  const name = pack.name.toString()
  const locator = await vault.put(packFor(context, pack), {
    signal,
    replace,
    retain,
    journal: context.catalog.journal(pack.id, id),
    onProgress: ({ byteLength }) => tell(onProgress, { type: 'bytes-sent', vault: id, pack: name, byteLength }),
  })
  brought?.add(key)
  return { locator, outcome: 'stored' }
}

async function showBytes(
  context: Context,
  pack: PackRow,
  vault: Vault,
  at: Locator,
  options: ReplicateOptions,
): Promise<readonly EvidenceRow[]> {
  const { signal, onProgress } = options
  const standing = await settled(context, vault, at, signal)
  const rows: (EvidenceRow | Judged)[] = []
  if (standing === 'settling') rows.push(pending(context, pack, vault))
  else if (vault.profile.cold) rows.push(await askStanding(context, { vault, pack, at, signal }))
  else {
    for (const probe of await options.probes(pack, vault)) rows.push(await challengeReplica(context, { vault, pack, at, signal, ...probe }))
  }
  await recordEvidence(context, rows)
  const heard = rows.flatMap((row) => ('answers' in row ? [row.answers] : []))
  await recordAnswers(context, vault.profile.id, addAnswers(heard), rows.find(({ verdict }) => verdict === 'damaged')?.detail)
  for (const row of rows)
    tell(onProgress, { type: 'challenged', vault: vault.profile.id, pack: pack.name.toString(), replica: brief(row, vault, pack, at) })
  return rows
}

/** Waiting is the flow's business: polls until the vault holds it, with growing pauses. */
async function settled(context: Context, vault: Vault, at: Locator, signal: AbortSignal | undefined): Promise<Standing> {
  const deadline = context.clock() + SETTLE_MS
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, 5_000)) {
    const standing = await vault.status(at, { signal })
    if (standing !== 'settling' || context.clock() + pause > deadline) return standing
    await sleep(pause, undefined, { signal })
  }
}

function pending(context: Context, pack: PackRow, vault: Vault): EvidenceRow {
  const detail = 'accepted, not settled yet; verify again later'
  return {
    pack: pack.id,
    vault: vault.profile.id,
    object: 0,
    verdict: 'pending',
    possession: 'claimed',
    retrieval: 'none',
    at: context.clock(),
    asked: 0,
    answered: 0,
    bytesRead: 0,
    detail,
  }
}

function brief(row: EvidenceRow, vault: Vault, pack: PackRow, at: Locator): ReplicaReport {
  return {
    vault: row.vault,
    network: vault.profile.network,
    operator: vault.profile.operator,
    pack: pack.name.toString(),
    verdict: row.verdict,
    possession: row.possession,
    retrieval: row.retrieval,
    counts: row.verdict === 'intact',
    at: new Date(row.at).toISOString(),
    locator: at,
    asked: row.asked,
    answered: row.answered,
    bytesRead: row.bytesRead,
  }
}

function failed(pack: PackRow, vault: string, error: Error, { onProgress }: ReplicateOptions): Placement {
  tell(onProgress, { type: 'placement-failed', vault, pack: pack.name.toString(), error })
  return { pack, vault, outcome: 'failed', evidence: [], error }
}

function vaultOf(context: Context, id: string): Vault {
  const vault = context.vaults.get(id)
  if (!vault) throw new VaultError('invalid', id, 'it is not configured; add it to the configuration or leave it out')
  return vault
}
