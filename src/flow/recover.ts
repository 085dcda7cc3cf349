/**
 * Recover: the machine is gone; a vault that can list, and at best the keys, are left. Vaults are listed and their index packs read into the catalog
 * (recover-scan.ts), it is found out whose records count (recover-whose.ts), and root by root the newest record becomes an object again
 * (recover-apply.ts). Nothing is uploaded but records. Killed at any step, the same call goes on.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openCatalog } from '../catalog/open.ts'
import type { AbortOptions, ArchiveConfig, Catalog, ObjectRow, RecoveredVault, RecoverOptions, RecoverReport } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import { fromMultikey, toMultikey } from '../format/sign.ts'
import { resolveAudit } from '../policy/audit.ts'
import { resolvePolicy } from '../policy/policy.ts'
import { directory } from '../vaults/directory.ts'
import { type Context, tell } from './context.ts'
import { appendLog } from './log.ts'
import { acceptHistory, remember } from './log-alarm.ts'
import { publishCheckpoint } from './log-travel.ts'
import { assemble, closeContext, type Known } from './open.ts'
import { openVaults } from './open-vaults.ts'
import { publish, publishSuccession } from './publish.ts'
import { apply } from './recover-apply.ts'
import { freshnessOf } from './recover-freshness.ts'
import { compareWithLog, enterLog, logReport, NO_LOG, type ShownLog, shownLog } from './recover-log.ts'
import { seeToOrphans } from './recover-orphans.ts'
import { scan } from './recover-scan.ts'
import { recoverSecret } from './recover-secret.ts'
import { obeyShreds, spreadLasting } from './recover-shreds.ts'
import { newTally, tallied } from './recover-tally.ts'
import { type Whose, whose } from './recover-whose.ts'
import { sealingKeys } from './sealing-keys.ts'

const LEASE_MS = 60_000
const PAGE = 1_000
const SUCCEEDED_AT = 'succeeded-at'
const OWN_LOG = 'log'

/** Brings the catalog of a lost archive back. The archive need not have a folder yet; no other process may have it open. */
export async function recover(config: ArchiveConfig, options: RecoverOptions = {}): Promise<RecoverReport> {
  const path = resolve(config.path ?? '.perdure')
  await mkdir(path, { recursive: true })
  const clock = config.clock ?? Date.now
  const catalog = config.catalog ?? (await openCatalog({ path: join(path, 'catalog.sqlite'), clock }))
  let context: Context | undefined
  try {
    return await alone(catalog, async () => {
      const known = await openParts(config, { path, clock, catalog })
      const from = sourcesOf(known, options)
      const tally = newTally()
      const vaults = await scan({ ...known, timeoutMs: config.timeoutMs ?? 30_000 }, from, tally, options)
      const own = await decide(known, options)
      context = await assemble(config, known)
      return await restore(context, { own, vaults, tally, options })
    })
  } finally {
    if (context) await closeContext(context)
    else await catalog.close()
  }
}

async function openParts(config: ArchiveConfig, parts: Pick<Known, 'path' | 'clock' | 'catalog'>): Promise<Known> {
  const keys = await sealingKeys(config)
  const configured = config.vaults ?? [directory({ id: 'local', at: join(parts.path, 'vault') })]
  // What is recovered from must not be made anew: an empty folder where a disk should be mounted is no vault.
  const { vaults, unopened } = await openVaults(parts.catalog, configured, { mustExist: true })
  const random = config.random ?? ((byteLength: number) => new Uint8Array(randomBytes(byteLength)))
  const audit = resolveAudit(
    config.audit,
    [...vaults.values()].map(({ profile }) => profile),
  )
  return { ...parts, ...keys, policy: resolvePolicy(config.policy), audit, random, vaults, unopened, hooks: [] }
}

function sourcesOf({ vaults }: Pick<Known, 'vaults'>, { from }: RecoverOptions): readonly string[] {
  const unknown = from?.find((id) => !vaults.has(id))
  if (unknown !== undefined) throw new ConfigError('invalid', `no vault is called ${unknown}; configured: ${[...vaults.keys()].join(', ')}`)
  const sources = from ?? [...vaults.values()].filter(({ list }) => list !== undefined).map(({ profile }) => profile.id)
  if (sources.length > 0) return [...new Set(sources)]
  throw new ConfigError(
    'invalid',
    'none of the configured vaults can list what it holds; name one that can, such as a directory or a bucket',
  )
}

/** What was found stays for the next try, unless it is not to be taken at all. */
async function decide(known: Known, options: RecoverOptions): Promise<Whose> {
  try {
    return await whose(known, options)
  } catch (error) {
    if (error instanceof ArchiveError && error.code === 'exists') await known.catalog.endRecovery()
    throw error
  }
}

interface Scanned {
  readonly own: Whose
  readonly vaults: readonly RecoveredVault[]
  readonly tally: ReturnType<typeof newTally>
  readonly options: RecoverOptions
}

async function restore(context: Context, { own, vaults, tally, options }: Scanned): Promise<RecoverReport> {
  const { signal, onProgress, receipts, checkpoints } = options
  const { catalog } = context
  const { accepted } = own
  const listed = new Set(vaults.filter(({ error }) => error === undefined).map(({ vault }) => vault))
  const before = await catalog.logSize()
  const shown = await logOf(context, own, before)
  await apply(context, { accepted, listed, tally, segments: shown.segments, signal, onProgress })
  const faults = await enterLog(context, shown, { signal })
  await compareWithLog(context, { accepted, tally, signal })
  const witnesses = { receipts, checkpoints, accepted, listed, tally, shown: { size: shown.size, faults }, before }
  const { freshness, contradictions, proven, halts } = await freshnessOf(context, witnesses)
  const halted = halts && options.acceptRollback !== true
  if (halted) for (const contradiction of contradictions) await remember(context, contradiction)
  else await acceptHistory(context)
  if (!halted && own.succeeds !== undefined) await succeed(context, own.succeeds, options)
  await obeyShreds(context, { accepted, listed, tally, publish: !halted, signal })
  if (!halted) await spreadLasting(context, { accepted, listed, tally, publish: true, signal })
  await seeToOrphans(context, { adopt: options.adopt ?? true, tally, signal })
  const fingerprints = await recoverSecret(context, { signal })
  if (!halted) await enterRecovery(context, { vaults, tally, size: shown.size, proven }, { signal })
  // Where it was halted, the next try has what was found, and whose it is.
  if (!halted) await catalog.endRecovery()
  return {
    archive: own.archive,
    publicKey: toMultikey(context.key.publicKey),
    key: own.key,
    ...(own.succeeds !== undefined && { succeeds: own.succeeds }),
    from: vaults,
    ...tallied(tally),
    others: own.others,
    fingerprints,
    freshness,
    log: logReport(await catalog.logSize(), faults),
    halted,
  }
}

/** Of an archive that is taken over into another one the log stays where it is: one catalog has one log. */
async function logOf({ catalog }: Context, own: Whose, before: number): Promise<ShownLog> {
  const known = await catalog.recoveryNote(OWN_LOG)
  const keepsOwn = known === undefined ? own.succeeds !== undefined && before > 0 : known === 'kept'
  await catalog.setRecoveryNote(OWN_LOG, keepsOwn ? 'kept' : 'restored')
  return keepsOwn ? NO_LOG : shownLog({ catalog }, own.accepted)
}

interface Done {
  readonly vaults: readonly RecoveredVault[]
  readonly tally: ReturnType<typeof newTally>
  readonly size: number
  readonly proven: boolean
}

/** That the catalog was rebuilt is in the log, and the log comes to the vaults. */
async function enterRecovery(context: Context, { vaults, tally, size, proven }: Done, options: AbortOptions): Promise<void> {
  const { restored, updated, shredded, packs } = tally.counts
  const from = vaults.flatMap(({ vault, error }) => (error === undefined ? [vault] : []))
  const freshness = proven ? 'proven' : 'unproven'
  await appendLog(context, [{ kind: 'recover', from, objects: restored + updated + shredded, packs, size, freshness }])
  await publishCheckpoint(context, options)
}

/** The key that signed is gone, or another archive is taken over: that is said, and every object gets a record under the key that signs now. */
async function succeed(context: Context, predecessor: string, { signal, onProgress }: RecoverOptions): Promise<void> {
  const { catalog, clock, key } = context
  const at = Number((await catalog.recoveryNote(SUCCEEDED_AT)) ?? clock())
  await catalog.setRecoveryNote(SUCCEEDED_AT, String(at))
  await publishSuccession(context, { predecessor: fromMultikey(predecessor), at, signal })
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.objects({ after, limit: PAGE })
    const foreign: ObjectRow[] = []
    for (const object of page) {
      const signer = object.record && (await catalog.signerOf(object.record))
      if (signer && Buffer.compare(signer, key.publicKey) !== 0) foreign.push(object)
    }
    await publish(context, foreign, { signal })
    if (foreign.length > 0) tell(onProgress, { type: 'records-signed', objects: foreign.length })
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

/** One recovery at a time: they would only read everything twice. */
async function alone<T>(catalog: Catalog, work: () => Promise<T>): Promise<T> {
  const lease = await catalog.acquire('recover', { ttlMs: LEASE_MS })
  if (!lease) throw new ArchiveError('busy', 'another process is recovering this archive; wait for it')
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await lease.release().catch(() => undefined)
  }
}
