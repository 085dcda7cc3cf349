/**
 * Evacuate: a vault gets nothing new, everything in it gets its homes elsewhere by the same placement without it, read from the cheapest healthy replica and
 * shown there by fresh evidence; then records name the new homes, and only then does what lies there stop counting. Every step is durable in the catalog, so
 * that the same call goes on after any crash.
 */
import type {
  EvacuateOptions,
  EvacuatePlan,
  EvacuateReport,
  EvacuationRow,
  FateRow,
  PackKind,
  ReplicaRow,
  VaultInventory,
} from '../contracts.ts'
import { ArchiveError, CatalogError, ConfigError, PolicyError } from '../errors.ts'
import { retrying } from '../wrap/retrying.ts'
import { reassess } from './assess.ts'
import { type Context, eachOf, tell } from './context.ts'
import { homesOf } from './evacuate-homes.ts'
import { type Moving, settlePack } from './evacuate-pack.ts'
import { planEvacuation, replicaPages, rootsIn } from './evacuate-plan.ts'
import { NOTHING_REMOVED, type Removal, remainingIn, removeCopies } from './evacuate-remove.ts'
import { lookAtLeaving } from './leaving.ts'
import { appendLog } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { publishCheckpoint } from './log-travel.ts'
import { publish } from './publish.ts'
import { scoresOf } from './scores.ts'
import { allowed, monthly, overLimit, spending, wouldExceed } from './spending.ts'

const PAGE = 500
const PACKS_AT_ONCE = 2
const LEASE_MS = 60_000
const MOST_TROUBLES = 100

/** Leaves a vault, or goes on where an earlier call stopped. What could not be done is in the report. */
export async function evacuate(context: Context, vault: string, options: EvacuateOptions = {}): Promise<EvacuateReport> {
  await lookAtLeaving(context)
  await assertKnown(context, vault)
  if (options.plan) return planned(context, vault, options)
  const lease = await context.catalog.acquire(`evacuate:${vault}`, { ttlMs: LEASE_MS })
  if (!lease) throw new ArchiveError('busy', `another process is evacuating ${vault}; wait for it, then run this again to see what is left`)
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    if (options.cancel) return await cancel(context, vault)
    return await spending(context, 'evacuate', (own) => carryOut(patiently(own, vault), vault, options))
  } finally {
    clearInterval(heartbeat)
    await lease.release()
  }
}

/** A dying vault is asked again, and read from last unless it is the cheapest. */
function patiently(context: Context, vault: string): Context {
  const vaults = new Map([...context.vaults].map(([id, own]) => [id, id === vault ? retrying(own) : own]))
  return { ...context, vaults, reading: { last: vault } }
}

async function assertKnown({ catalog, vaults }: Context, vault: string): Promise<void> {
  if (vaults.has(vault) || (await catalog.evacuation(vault)) || (await catalog.replicasIn(vault, { limit: 1 })).length > 0) return
  throw new ConfigError('invalid', `no vault is called ${vault}; configured: ${[...vaults.keys()].join(', ')}`)
}

async function planned(context: Context, vault: string, options: EvacuateOptions): Promise<EvacuateReport> {
  const { catalog, clock } = context
  const { plan, bill } = await planEvacuation(context, vault, options)
  const exceeds = await wouldExceed(context, bill, monthly(context))
  const before = await catalog.inventoryOf(vault, clock())
  return report(context, vault, { state: 'planned', before, after: before, plan: { ...plan, ...(exceeds && { exceeds }) } })
}

async function cancel(context: Context, vault: string): Promise<EvacuateReport> {
  const { catalog, clock } = context
  const row = await catalog.evacuation(vault)
  await catalog.endEvacuation(vault)
  await lookAtLeaving(context)
  await rejudge(context, vault)
  const after = await catalog.inventoryOf(vault, clock())
  return report(context, vault, { state: 'cancelled', began: row?.began, before: row?.before ?? after, after })
}

async function carryOut(context: Context, vault: string, options: EvacuateOptions): Promise<EvacuateReport> {
  const { catalog, clock } = context
  await assertHistory(context)
  await scoresOf(context)
  const before = await catalog.inventoryOf(vault, clock())
  const known = await catalog.evacuation(vault)
  const { plan, bill } = await planEvacuation(context, vault, options)
  const degrade = options.degrade === true || known?.degrade === true
  if (plan.unmet.length > 0 && !degrade) throw cannotLeave(vault, plan)
  const permit = await allowed(context, bill, monthly(context))
  if (permit.refused)
    throw overLimit(permit.refused, 'Nothing was moved and nothing was spent; raise the limit, or free the month of other costs')
  // That it fits is known; each pack reserves its own share as it goes.
  await permit.release()
  const row = await catalog.beginEvacuation({ vault, at: clock(), degrade, before })
  await lookAtLeaving(context)
  const moving: Moving = { vault, since: clock(), silences: 0, copiedBytes: 0 }
  await moveAll(context, moving, row, options)
  const left = await finish(context, vault)
  if (moving.copiedBytes > 0 || left !== (row.state === 'left')) await enter(context, moving, plan, left, options)
  const after = await catalog.inventoryOf(vault, clock())
  const removal = left && options.remove ? await removeCopies(context, moving, options) : NOTHING_REMOVED
  const facts = { began: row.began, before: row.before, after, plan, removal, copiedBytes: moving.copiedBytes }
  return report(context, vault, { state: left ? 'left' : 'leaving', ...facts })
}

function cannotLeave(vault: string, { unmet }: EvacuatePlan): PolicyError {
  const reasons = unmet.map(({ constraint, reason }) => `${constraint}: ${reason}`).join(' ')
  return new PolicyError(
    'unsupported',
    `the policy cannot be met without ${vault}. ${reasons} Add such a vault first, or evacuate with degrade (--degrade) to move as much as can be`,
  )
}

/** Content first, then records that name its new homes, then what is left of index packs. */
async function moveAll(context: Context, moving: Moving, row: EvacuationRow, options: EvacuateOptions): Promise<void> {
  const { since } = moving
  await settleAll(context, moving, { kind: 'content', since, published: row.published }, options)
  await publishMoved(context, moving.vault, options)
  await settleAll(context, moving, { kind: 'index', since, published: 0 }, options)
}

interface Pass {
  readonly kind: PackKind
  /** What was tried since then is not tried again in this run. */
  readonly since: number
  readonly published: number
}

/** Goes over the vault until nothing new turns up: a put may have been on its way there when leaving began. */
async function settleAll(context: Context, moving: Moving, pass: Pass, options: EvacuateOptions): Promise<void> {
  for (let found = 1; found > 0; ) {
    found = 0
    for await (const page of replicaPages(context, moving.vault)) {
      options.signal?.throwIfAborted()
      const fates = new Map(
        (
          await context.catalog.fatesOf(
            moving.vault,
            page.map(({ pack }) => pack),
          )
        ).map((fate) => [fate.pack, fate]),
      )
      const fresh = page.filter(({ pack }) => (fates.get(pack)?.at ?? -1) < pass.since)
      const done = await eachOf(fresh, PACKS_AT_ONCE, (replica) =>
        settleOne(context, moving, { replica, fate: fates.get(replica.pack), pass }, options),
      )
      found += done.filter(Boolean).length
    }
  }
}

/** Resolves to whether there was anything to do. */
async function settleOne(
  context: Context,
  moving: Moving,
  { replica, fate, pass }: { readonly replica: ReplicaRow; readonly fate: FateRow | undefined; readonly pass: Pass },
  options: EvacuateOptions,
): Promise<boolean> {
  options.signal?.throwIfAborted()
  const { catalog, clock } = context
  const pack = await catalog.pack(replica.pack)
  if (!pack || pack.kind !== pass.kind) return false
  if (fate?.fate === 'safe' && (await stillSafe(context, moving.vault, replica))) return false
  if (pass.published > 0) await catalog.updateEvacuation(moving.vault, { published: 0 })
  try {
    const settled = await settlePack(context, moving, replica, pack, options)
    await catalog.saveFates(moving.vault, [{ pack: pack.id, at: Math.max(clock(), pass.since), ...settled }])
    tell(options.onProgress, { type: 'pack-settled', pack: pack.name.toString(), byteLength: pack.byteLength, ...settled })
  } catch (error) {
    // Removed by somebody, or superseded, while it was moved: nobody wants it anywhere.
    if (!(error instanceof CatalogError) || error.code !== 'conflict' || (await catalog.pack(pack.id))) throw error
  }
  return true
}

/** What an earlier run brought to safety, by what is known now. */
async function stillSafe(context: Context, vault: string, { pack: id }: ReplicaRow): Promise<boolean> {
  const pack = await context.catalog.pack(id)
  if (!pack) return true
  const { chosen, sound } = await homesOf(context, vault, pack)
  return chosen.length > 0 && chosen.every((home) => sound.has(home))
}

async function publishMoved(context: Context, vault: string, { signal }: EvacuateOptions): Promise<void> {
  const { catalog } = context
  for (let after = (await catalog.evacuation(vault))?.published ?? 0; ; ) {
    const page = await catalog.objectsInVault(vault, { after, limit: PAGE })
    await publish(context, page, { signal })
    const last = page.at(-1)
    if (!last) return
    after = last.id
    await catalog.updateEvacuation(vault, { published: after })
  }
}

/** Enters what was done into the log, and brings the log's new end to the vaults that stay. */
async function enter(context: Context, moving: Moving, plan: EvacuatePlan, complete: boolean, options: EvacuateOptions): Promise<void> {
  const { vault, copiedBytes: byteLength } = moving
  const { safe: packs } = await context.catalog.countFates(vault)
  await appendLog(context, [
    { kind: 'evacuate', vault, packs, byteLength, to: plan.targets.map((target) => target.vault).sort(), complete },
  ])
  await publishCheckpoint(context, { signal: options.signal })
}

/** Once everything is safe, what lies in the vault does not count any more, and the objects are judged without it. */
async function finish(context: Context, vault: string): Promise<boolean> {
  const { lost, silent, refused } = await context.catalog.countFates(vault)
  const left = lost + silent + refused === 0
  await context.catalog.updateEvacuation(vault, { state: left ? 'left' : 'leaving' })
  await lookAtLeaving(context)
  await rejudge(context, vault)
  return left
}

async function rejudge(context: Context, vault: string): Promise<void> {
  for (let after = 0; ; ) {
    const page = await context.catalog.objectsInVault(vault, { after, limit: PAGE })
    await reassess(context, page)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

interface Facts {
  readonly state: EvacuateReport['state']
  readonly began?: number | undefined
  readonly before: VaultInventory
  readonly after: VaultInventory
  readonly plan?: EvacuatePlan
  readonly removal?: Removal
  readonly copiedBytes?: number
}

async function report(context: Context, vault: string, facts: Facts): Promise<EvacuateReport> {
  const { state, began, before, after, plan, removal = NOTHING_REMOVED, copiedBytes = 0 } = facts
  const { catalog } = context
  const troubles = await Promise.all(
    (await catalog.troublesOf(vault, { limit: MOST_TROUBLES })).map(async ({ pack: id, fate, detail = fate }) => {
      const pack = await catalog.pack(id)
      return { pack: pack?.name.toString() ?? '', fate, detail, roots: await rootsIn(context, id) }
    }),
  )
  return {
    vault,
    state,
    ...(began !== undefined && { began: new Date(began).toISOString() }),
    before,
    after,
    ...(plan && { plan }),
    fates: await catalog.countFates(vault),
    copiedBytes,
    troubles,
    removed: removal.removed,
    remaining: await remainingIn(context, vault, removal),
  }
}
