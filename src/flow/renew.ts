/** Renew: terms and locks of replicas are extended before they lapse. Nothing is ever shortened; what fails is in the report. */
import type {
  ArchiveFact,
  ObjectRow,
  PackId,
  PackRow,
  RenewAction,
  RenewOptions,
  RenewReport,
  ReplicaRow,
  RetainRow,
  Vault,
} from '../contracts.ts'
import { ConfigError, VaultError } from '../errors.ts'
import { DAY_MS } from '../policy/cadence.ts'
import { isInForce } from '../policy/retain.ts'
import { type Context, eachOf } from './context.ts'
import { appendLog } from './log.ts'
import { assertHistory } from './log-alarm.ts'

const PAGE = 200
const REPLICAS_AT_ONCE = 4
const MOST_LEAD_DAYS = 30
const LEAD_SHARE = 3

/** Renews what lapses soon: of one object, or of every pack that is in use, index packs too. */
export async function renew(context: Context, object: ObjectRow | undefined, options: RenewOptions = {}): Promise<RenewReport> {
  const actions: RenewAction[] = []
  let lasting = 0
  for await (const outcome of renewals(context, object, options)) {
    if (outcome === 'lasting') lasting++
    else actions.push(outcome)
  }
  return { planned: options.plan ?? false, actions, lasting }
}

/** The same one by one, so that memory does not grow with the archive. */
export async function* renewals(
  context: Context,
  object: ObjectRow | undefined,
  options: RenewOptions = {},
): AsyncGenerator<RenewAction | 'lasting'> {
  for (const id of options.vaults ?? [])
    if (!context.vaults.has(id))
      throw new ConfigError('invalid', `no vault is called ${id}; configured: ${[...context.vaults.keys()].join(', ')}`)
  if (!options.plan) await assertHistory(context)
  for await (const page of object ? [await context.catalog.packsOf(object.id)] : packsInUse(context)) {
    options.signal?.throwIfAborted()
    const outcomes = await renewPage(context, page, options)
    const done = outcomes.filter((outcome) => outcome !== 'lasting')
    await logRenewals(context, done)
    await context.events.emit(...done.flatMap(factOf))
    yield* outcomes
  }
}

async function logRenewals(context: Context, actions: readonly RenewAction[]): Promise<void> {
  const renewals = actions.flatMap(({ vault, pack, until, outcome }) => (outcome === 'planned' ? [] : [{ vault, pack, until, outcome }]))
  if (renewals.length > 0) await appendLog(context, [{ kind: 'renew', renewals }])
}

function factOf({ vault, pack, until, outcome, code }: RenewAction): readonly ArchiveFact[] {
  if (outcome === 'planned') return []
  if (outcome === 'renewed') return [{ type: 'renewal-done', vault, pack, until }]
  return [{ type: 'renewal-missed', vault, pack, until, ...(code !== undefined && { code }) }]
}

/** Garbage is left to lapse. */
async function* packsInUse({ catalog }: Context): AsyncGenerator<readonly PackRow[]> {
  for (let after: PackId = 0; ; ) {
    const page = await catalog.packs({ after, limit: PAGE })
    const garbage = new Set((await catalog.garbage({ after, limit: PAGE })).map(({ id }) => id))
    yield page.filter(({ id }) => !garbage.has(id))
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

interface Replica {
  readonly pack: PackRow
  readonly vault: Vault
  readonly row: ReplicaRow
  /** What the pack's objects ask for. */
  readonly retain: RetainRow | undefined
}

async function renewPage(
  context: Context,
  packs: readonly PackRow[],
  options: RenewOptions,
): Promise<readonly (RenewAction | 'lasting')[]> {
  const ids = packs.map(({ id }) => id)
  const byId = new Map(packs.map((pack) => [pack.id, pack]))
  const wishes = await context.catalog.retentionOf(ids, context.clock())
  const replicas = (await context.catalog.replicasOf(ids)).flatMap((row): readonly Replica[] => {
    const [pack, vault, retain] = [byId.get(row.pack), context.vaults.get(row.vault), wishes.get(row.pack)]
    if (
      !pack ||
      !vault?.renew ||
      row.state !== 'placed' ||
      !(options.vaults?.includes(row.vault) ?? context.leaving.get(row.vault) !== 'left')
    )
      return []
    const concerned = vault.profile.term === 'renewable' || (vault.profile.canRetain === true && isInForce(retain, context.clock()))
    return concerned ? [{ pack, vault, row, retain }] : []
  })
  return eachOf(replicas, REPLICAS_AT_ONCE, (replica) => renewOne(context, replica, options))
}

async function renewOne(context: Context, { pack, vault, row, retain }: Replica, options: RenewOptions): Promise<RenewAction | 'lasting'> {
  const { signal, plan = false } = options
  const at = row.locator ?? ''
  const known = { vault: vault.profile.id, pack: pack.name.toString() }
  let shown = { ...known, until: new Date(retain?.until ?? context.clock()).toISOString() }
  try {
    const goal = goalOf(context, vault, retain, options)
    const until = new Date(goal.until)
    shown = { ...known, until: until.toISOString() }
    const held = await vault.retention?.(at, { signal })
    const from = held && held.until.getTime() > 0 ? held.until : undefined
    const isHeld = retain?.legalHold !== true || held?.legalHold === true
    const isHard = retain?.mode !== 'compliance' || held?.mode === 'compliance'
    if ((from?.getTime() ?? 0) >= goal.due && isHeld && isHard) return 'lasting'
    shown = { ...known, ...(from && { from: from.toISOString() }), until: until.toISOString() }
    if (plan) return { ...shown, outcome: 'planned' }
    const locator = (await vault.renew?.(at, until, { mode: retain?.mode, legalHold: retain?.legalHold, signal })) ?? at
    if (locator !== at) await context.catalog.placed(pack.id, vault.profile.id, locator, context.clock())
    if (retain) await context.catalog.retained(pack.id, vault.profile.id, Math.max(goal.until, retain.until))
    return { ...shown, outcome: 'renewed' }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof VaultError)) throw error
    return { ...shown, outcome: 'failed', code: error.code, detail: error.message }
  }
}

/** What must be reached, and until when it is good enough as it is. An object's own wish is due at once. */
function goalOf(
  context: Context,
  { profile }: Vault,
  retain: RetainRow | undefined,
  options: RenewOptions,
): { readonly due: number; readonly until: number } {
  const now = context.clock()
  const wished = retain?.until ?? 0
  if (profile.term !== 'renewable') return { due: wished, until: wished }
  const { id, termDays } = profile
  const until = options.until?.getTime() ?? (termDays === undefined ? undefined : now + termDays * DAY_MS)
  if (until === undefined) throw new VaultError('invalid', id, 'it does not say how long one of its terms is; say until when to renew')
  const leadDays =
    options.leadDays ?? Math.max(options.leastLeadDays ?? 0, Math.min(MOST_LEAD_DAYS, (termDays ?? MOST_LEAD_DAYS) / LEAD_SHARE))
  // A lead longer than the term would renew everything each time and never be content.
  const due = options.until ? until : Math.min(now + leadDays * DAY_MS, until)
  return { due: Math.max(due, wished), until: Math.max(until, wished) }
}
