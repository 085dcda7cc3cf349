/**
 * Drill: objects drawn at random are restored for real, from all vaults together or from each one named by itself, and compared with their roots. Whatever
 * happens, nothing of it stays on disk: folders are removed at the end, and those of a killed drill by the next one.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DrillOptions, DrillReport, DrillResult, ObjectRow, Vault } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import { sampled } from '../policy/sampling.ts'
import { type Context, tell } from './context.ts'
import { codeOf, restoreOnce } from './drill-restore.ts'
import { spending } from './spending.ts'

const DEFAULT_COUNT = 3
const SEED_BYTES = 32
const PAGE = 2_000
const LEASE_MS = 60_000
/** Of a vault that does not hold everything: so many times as many are drawn, to be left with enough. */
const SPARE = 8
const FOLDER = 'drill-'
const MOST_RESULTS = 1_000

/** Restores and compares. Failures are results; rejects only for the catalog, a full disk, or the caller's signal. */
export async function drill(context: Context, options: DrillOptions = {}): Promise<DrillReport> {
  const lanes = lanesOf(context, options)
  const seed = seedOf(context, options)
  const lease = await context.catalog.acquire('drill', { ttlMs: LEASE_MS })
  if (!lease) throw new ArchiveError('busy', 'another process is drilling this archive; wait for it, then drill again')
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    await sweepFolders(context.path)
    return await spending(context, 'drill', async (own) => {
      const results: DrillResult[] = []
      for (const vault of lanes) results.push(...(await drillOne(own, vault, { ...options, seed })))
      const report = reportOf(results, { at: own.clock(), seed })
      await own.catalog.saveDrill({
        at: own.clock(),
        report: JSON.stringify({ ...report, results: report.results.slice(0, MOST_RESULTS) }),
      })
      return report
    })
  } finally {
    clearInterval(heartbeat)
    await lease.release()
  }
}

/** The vaults one by one, or undefined for all together. */
function lanesOf({ vaults }: Context, options: DrillOptions): readonly (string | undefined)[] {
  const { vaults: wanted = [], count = DEFAULT_COUNT } = options
  if (!Number.isSafeInteger(count) || count < 1)
    throw new ConfigError('invalid', `count is ${count} and must be a whole number of at least 1`)
  const stranger = wanted.find((id) => !vaults.has(id))
  if (stranger !== undefined)
    throw new ConfigError('invalid', `no vault is called ${stranger}; configured: ${[...vaults.keys()].join(', ')}`)
  return wanted.length > 0 ? [...new Set(wanted)] : [undefined]
}

function seedOf({ random }: Context, { seed }: DrillOptions): Uint8Array {
  if (seed === undefined) return random(SEED_BYTES)
  if (!/^([0-9a-f]{2}){1,64}$/i.test(seed))
    throw new ConfigError('invalid', 'the seed of a drill is hexadecimal, such as the one of an earlier report')
  return new Uint8Array(Buffer.from(seed, 'hex'))
}

type Drilling = Omit<DrillOptions, 'seed'> & { readonly seed: Uint8Array }

async function drillOne(context: Context, vault: string | undefined, options: Drilling): Promise<readonly DrillResult[]> {
  const { count = DEFAULT_COUNT, bytes = Number.POSITIVE_INFINITY, signal, seed } = options
  const alone = aloneWith(context, vault)
  const drawn = await sampled(candidates(context, vault, options), { seed, count: vault === undefined ? count : count * SPARE })
  const results: DrillResult[] = []
  let restored = 0
  for (const id of drawn) {
    signal?.throwIfAborted()
    if (results.length >= count || restored >= bytes) break
    const object = await context.catalog.objectById(id)
    if (!object || (vault !== undefined && !(await liesWholeIn(context, object, vault)))) continue
    const result = await drillObject(alone, object, vault, { ...options, seed: undefined })
    restored += result.byteLength
    results.push(result)
    tell(options.onProgress, { type: 'object-drilled', result })
  }
  return results
}

/** Nothing comes from the spool, which a lost machine takes with it; nor from any other vault. */
function aloneWith(context: Context, vault: string | undefined): Context {
  const own = vault === undefined ? undefined : context.vaults.get(vault)
  return { ...context, reading: { vaultsOnly: true }, ...(own && vault !== undefined && { vaults: new Map([[vault, own]]) }) }
}

async function* candidates(context: Context, vault: string | undefined, { weighted = false, signal }: Drilling) {
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page =
      vault === undefined
        ? await context.catalog.objectSizes({ after, limit: PAGE })
        : await context.catalog.objectsInVault(vault, { after, limit: PAGE })
    yield page.flatMap((object) =>
      'shreddedAt' in object && object.shreddedAt !== undefined ? [] : [{ id: object.id, weight: weighted ? object.byteLength : 1 }],
    )
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

async function liesWholeIn({ catalog }: Context, { id }: ObjectRow, vault: string): Promise<boolean> {
  const packs = await catalog.packsOf(id)
  const placed = (await catalog.replicasOf(packs.map((pack) => pack.id))).filter((row) => row.vault === vault && row.state === 'placed')
  return placed.length === packs.length
}

async function drillObject(context: Context, object: ObjectRow, vault: string | undefined, options: DrillOptions): Promise<DrillResult> {
  const base = { root: object.root.toString(), ...(vault !== undefined && { vault }) }
  const form = object.visibility === 'sealed' && context.identities.length === 0 ? 'ciphertext' : 'plaintext'
  const nothing = { form, files: 0, byteLength: 0, ms: 0 } as const
  const frozen = await whyFrozen(context, object, options)
  if (frozen !== undefined) return { ...base, outcome: 'skipped', ...nothing, detail: frozen }
  const folder = join(context.path, `${FOLDER}${process.pid}-${Buffer.from(context.random(6)).toString('hex')}`)
  try {
    await mkdir(folder)
    return { ...base, outcome: 'restored', ...(await restoreOnce(context, object, folder, options)) }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof ArchiveError && (error.code === 'exhausted' || error.code === 'denied')) throw error
    return { ...base, outcome: 'failed', ...nothing, code: codeOf(error), detail: error instanceof Error ? error.message : String(error) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Nothing is thawed for a drill. */
async function whyFrozen(context: Context, object: ObjectRow, { signal }: DrillOptions): Promise<string | undefined> {
  const packs = await context.catalog.packsOf(object.id)
  const replicas = (await context.catalog.replicasOf(packs.map(({ id }) => id))).filter(
    ({ vault, state }) => state === 'placed' && context.vaults.has(vault),
  )
  for (const { id } of packs) {
    const own = replicas.filter(({ pack }) => pack === id)
    const readable = await Promise.all(own.map(({ vault, locator = '' }) => isReadable(context.vaults.get(vault), locator, { signal })))
    if (own.length > 0 && !readable.includes(true)) return 'it lies in cold vaults only, and is not thawed; `perdure thaw` asks for that'
  }
  return undefined
}

async function isReadable(vault: Vault | undefined, at: string, { signal }: DrillOptions): Promise<boolean> {
  if (!vault?.profile.cold) return true
  try {
    return (await vault.warmth?.(at, { signal }))?.state === 'readable'
  } catch {
    signal?.throwIfAborted()
    return false
  }
}

/** What a killed drill left; whoever holds the lease is the only one. */
async function sweepFolders(path: string): Promise<void> {
  for (const name of await readdir(path)) if (name.startsWith(FOLDER)) await rm(join(path, name), { recursive: true, force: true })
}

function reportOf(results: readonly DrillResult[], { at, seed }: { readonly at: number; readonly seed: Uint8Array }): DrillReport {
  const count = (outcome: DrillResult['outcome']) => results.filter((result) => result.outcome === outcome).length
  const byteLength = results.reduce((sum, result) => sum + result.byteLength, 0)
  const ms = results.reduce((sum, result) => sum + result.ms, 0)
  return {
    seed: Buffer.from(seed).toString('hex'),
    at: new Date(at).toISOString(),
    results,
    restored: count('restored'),
    failed: count('failed'),
    skipped: count('skipped'),
    byteLength,
    ms,
    bytesPerSecond: ms > 0 ? Math.round((byteLength * 1000) / ms) : 0,
  }
}
