/** Metrics of an archive, from sums that the catalog keeps: no vault is asked, and the size of the archive hardly matters. */
import type {
  ArchiveEvent,
  ArchiveTallies,
  Health,
  HealthOptions,
  HookState,
  MetricsOptions,
  ObjectState,
  ReplicaTally,
} from '../contracts.ts'
import { toMultikey } from '../format/sign.ts'
import { worst } from '../policy/state.ts'
import type { Context } from './context.ts'
import { auditFamilies } from './metrics-audits.ts'
import { counter, type Family, gauge, renderMetrics, type Sample, summed } from './metrics-text.ts'

const DAY_MS = 86_400_000
const WITHIN_DAYS = [1, 7, 30, 90, 365] as const
const MAX_CYCLE_AGE_MS = 26 * 3_600_000
const FAILING: readonly ObjectState[] = ['lost', 'at-risk']

/** What a monitoring system scrapes: Prometheus text 0.0.4, or OpenMetrics. */
export async function metricsText(context: Context, { format = 'prometheus' }: MetricsOptions = {}): Promise<string> {
  const now = context.clock()
  const tallies = await context.catalog.tallies(now)
  const hooks = await context.catalog.hookStates()
  return renderMetrics(
    [
      ...objectFamilies(context, tallies),
      ...vaultFamilies(context, tallies.replicas),
      ...evidenceFamilies(context, tallies, now),
      ...(await auditFamilies(context, now)),
      ...eventFamilies(tallies),
      ...hookFamilies(context, hooks),
    ],
    format,
  )
}

function objectFamilies({ key, spoolBytes }: Context, { states, byteLength, lapsed, spooledBytes }: ArchiveTallies): readonly Family[] {
  return [
    gauge('perdure_archive_info', 'Always 1; the label is the public key that the archive signs with.', [
      { labels: { archive: toMultikey(key.publicKey) }, value: 1 },
    ]),
    gauge('perdure_objects', 'Objects by state. An object whose evidence has lapsed is unknown, unless it is worse.', [
      ...Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
    ]),
    gauge('perdure_objects_lapsed', 'Objects whose evidence is older than the policy accepts.', [{ value: lapsed }]),
    gauge('perdure_object_bytes', 'Bytes of all objects, as they were put.', [{ value: byteLength }]),
    gauge('perdure_spool_bytes', 'Bytes of packs that wait in the spool.', [{ value: spooledBytes }]),
    gauge('perdure_spool_limit_bytes', 'How far the spool may grow.', [{ value: spoolBytes }]),
  ]
}

function vaultFamilies({ vaults, unopened }: Context, tallies: readonly ReplicaTally[]): readonly Family[] {
  const placed = tallies.filter(({ state }) => state === 'placed')
  const verdictOf = ({ vault, verdict }: ReplicaTally) => ({ vault, verdict: verdict ?? 'none' })
  return [
    gauge('perdure_vault_open', 'Could the vault be opened? It may have answered since.', [
      ...[...vaults.keys()].map((vault) => ({ labels: { vault }, value: unopened.has(vault) ? 0 : 1 })),
    ]),
    gauge('perdure_vault_replicas', 'Packs in each vault by the verdict they stand under; none: never challenged.', [
      ...summed(placed, verdictOf, ({ replicas }) => replicas),
    ]),
    gauge('perdure_vault_bytes', 'Bytes of packs in each vault by the verdict they stand under.', [
      ...summed(placed, verdictOf, ({ byteLength }) => byteLength),
    ]),
    gauge('perdure_vault_replicas_intended', 'Packs that were meant for a vault and are not known to be there.', [
      ...summed(
        tallies.filter(({ state }) => state === 'intended'),
        ({ vault }) => ({ vault }),
        ({ replicas }) => replicas,
      ),
    ]),
  ]
}

/** Evidence is bytes that were read and hashed right; a claim, a listing or silence is none. */
function evidenceFamilies(context: Context, { evidence, replicas }: ArchiveTallies, now: number): readonly Family[] {
  const placed = replicas.filter(({ state }) => state === 'placed')
  const sound = placed.filter(({ verdict }) => verdict !== 'damaged' && verdict !== 'missing')
  const vaults = [...new Set(placed.map(({ vault }) => vault))].sort()
  const counted = (vault: string, accepts: (tally: ReplicaTally) => boolean) =>
    sound.filter((tally) => tally.vault === vault && accepts(tally)).reduce((sum, tally) => sum + tally.replicas, 0)
  // A day that is partly too old counts as too old.
  const since = (days: number) => Math.ceil((now - days * DAY_MS) / DAY_MS)
  return [
    gauge(
      'perdure_evidence_oldest_timestamp_seconds',
      'When that pack last showed its bytes which did so longest ago, of those not known to be damaged or missing. Absent: no pack has. Packs that never did are in perdure_evidence_absent.',
      evidence.map(({ vault, oldestAt }) => ({ labels: { vault }, value: oldestAt / 1_000 })),
    ),
    gauge(
      'perdure_evidence_newest_timestamp_seconds',
      'When a pack in the vault last showed its bytes. Absent: none has.',
      evidence.map(({ vault, newestAt }) => ({ labels: { vault }, value: newestAt / 1_000 })),
    ),
    gauge(
      'perdure_evidence_absent',
      'Packs in the vault that have never shown a byte, and are not known to be damaged or missing.',
      vaults.map((vault) => ({ labels: { vault }, value: counted(vault, ({ day }) => day === undefined) })),
    ),
    gauge(
      'perdure_evidence_within',
      'Packs in the vault that showed their bytes within so many days, to the day and never counted too young.',
      vaults.flatMap((vault) =>
        WITHIN_DAYS.map((days) => ({
          labels: { vault, days: String(days) },
          value: counted(vault, ({ day }) => day !== undefined && day >= since(days)),
        })),
      ),
    ),
    gauge('perdure_evidence_max_age_seconds', 'How old evidence may be by the policy.', [
      { value: (context.policy.evidence.maxAgeDays * DAY_MS) / 1_000 },
    ]),
  ]
}

function eventFamilies({ events }: ArchiveTallies): readonly Family[] {
  const last = events.find(({ type }) => type === 'cycle-finished')
  const cycle = last?.last.type === 'cycle-finished' ? last.last : undefined
  return [
    counter(
      'perdure_events',
      'Events by type, each counted once.',
      events.map(({ type, total }) => ({ labels: { type }, value: total })),
    ),
    gauge('perdure_cycle_timestamp_seconds', 'When the last cycle of the loop finished. Absent: none has.', [
      ...(last ? [{ value: last.lastAt / 1_000 }] : []),
    ]),
    gauge('perdure_cycle_checks', 'What the last cycle did.', [
      ...(cycle ? (['checked', 'repaired', 'failed'] as const).map((outcome) => ({ labels: { outcome }, value: cycle[outcome] })) : []),
    ]),
  ]
}

function hookFamilies({ hooks }: Context, states: readonly HookState[]): readonly Family[] {
  const all = new Map<string, HookState | undefined>([
    ...hooks.map(({ id }) => [id, undefined] as const),
    ...states.map((state) => [state.hook, state] as const),
  ])
  const each = (value: (state: HookState | undefined) => number | undefined) =>
    [...all].flatMap(([hook, state]): readonly Sample[] => {
      const found = value(state)
      return found === undefined ? [] : [{ labels: { hook }, value: found }]
    })
  return [
    gauge(
      'perdure_hook_waiting',
      'Events that wait to be delivered.',
      each((state) => state?.waiting ?? 0),
    ),
    gauge(
      'perdure_hook_oldest_timestamp_seconds',
      'When the event was announced that has waited longest. Absent: none waits.',
      each((state) => state?.oldestAt && state.oldestAt / 1_000),
    ),
    gauge(
      'perdure_hook_failures',
      'Deliveries in a row that failed.',
      each((state) => state?.failures ?? 0),
    ),
    counter(
      'perdure_hook_delivered',
      'Events that were delivered.',
      each((state) => state?.delivered ?? 0),
    ),
    counter(
      'perdure_hook_given_up',
      'Events that could not be delivered in time.',
      each((state) => state?.givenUp ?? 0),
    ),
    counter(
      'perdure_hook_dropped',
      'Events that were dropped because too many waited.',
      each((state) => state?.dropped ?? 0),
    ),
  ]
}

/** Fit for an alert: failing when content is lost or at risk, or when the loop has not come round in time. */
export async function healthOf(context: Context, { maxCycleAgeMs = MAX_CYCLE_AGE_MS, startedAt }: HealthOptions = {}): Promise<Health> {
  const now = context.clock()
  const { states, objects, events } = await context.catalog.tallies(now)
  const state = worst((Object.entries(states) as [ObjectState, number][]).filter(([, count]) => count > 0).map(([one]) => one))
  const lastAt = events.find(({ type }) => type === ('cycle-finished' satisfies ArchiveEvent['type']))?.lastAt
  const since = lastAt ?? startedAt
  const reasons = [
    ...FAILING.filter((one) => states[one] > 0).map((one) => `${states[one]} objects are ${one}`),
    ...(since !== undefined && now - since > maxCycleAgeMs
      ? [lastAt === undefined ? 'no cycle has finished since the start' : 'the last cycle finished too long ago']
      : []),
  ]
  return {
    status: reasons.length === 0 ? 'ok' : 'failing',
    state,
    objects,
    ...(lastAt !== undefined && { lastCycle: new Date(lastAt).toISOString() }),
    reasons,
  }
}
