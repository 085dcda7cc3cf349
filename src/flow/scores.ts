/** What our own evidence says of each vault: kept in the catalog, looked at before vaults are chosen or asked. */
import type { AnswerTally, VaultScore } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { learn, released, scoreFrom, shunned } from '../policy/reputation.ts'
import { type Context, profilesOf } from './context.ts'

type Scores = ReadonlyMap<string, VaultScore>

const seen = new WeakMap<Context, Scores>()

/** The scores of all vaults that were ever audited, by id. */
export async function scoresOf(context: Context): Promise<Scores> {
  const scores = new Map((await context.catalog.scores()).map((row) => [row.vault, scoreFrom(row)]))
  seen.set(context, scores)
  return scores
}

/** As they were at the last look, for those who cannot wait; verbs look when they begin. */
export const lastScores = (context: Context): Scores => seen.get(context) ?? new Map()

/** Learns from what a vault answered to one audit. Wrong bytes quarantine it at once. */
export async function recordAnswers(context: Context, vaultId: string, answers: AnswerTally, reason?: string): Promise<void> {
  const { intact, damaged, absent, silent } = answers
  if (intact + damaged + absent + silent === 0) return
  const now = context.clock()
  const row = await context.catalog.changeScore(vaultId, (before) => learn(before, { vault: vaultId, answers, now, reason }))
  if (row) seen.set(context, new Map([...lastScores(context), [vaultId, scoreFrom(row)]]))
  // As long as it lasts: one that died before it could tell is made up for, and told twice it is the same event.
  if (row?.quarantinedAt !== undefined)
    await context.events.emit({
      type: 'vault-quarantined',
      vault: vaultId,
      since: new Date(row.quarantinedAt).toISOString(),
      why: 'wrong bytes',
    })
}

/** Vaults that get no new packs, with the reason; none where the others alone could not hold the floor. */
export function quarantined(context: Context): ReadonlyMap<string, string> {
  const scores = lastScores(context)
  const excluded = shunned(scores, { vaults: profilesOf(context), floor: context.policy.floor })
  const reasons = new Map<string, string>()
  for (const { vault, quarantine } of scores.values())
    if (quarantine && excluded.has(vault))
      reasons.set(
        vault,
        `quarantined since ${new Date(quarantine.since).toISOString().slice(0, 10)} (${quarantine.reason}); repair what is damaged there and survey it, or run \`perdure vault release ${vault}\``,
      )
  return reasons
}

/** Ends a quarantine by hand. Throws ConfigError for a vault that nobody knows. */
export async function releaseVault(context: Context, id: string): Promise<{ readonly vault: string; readonly wasQuarantined: boolean }> {
  const scores = await scoresOf(context)
  if (!context.vaults.has(id) && !scores.has(id))
    throw new ConfigError('invalid', `no vault is called ${id}; configured: ${[...context.vaults.keys()].join(', ')}`)
  const wasQuarantined = scores.get(id)?.quarantine !== undefined
  await endQuarantine(context, id)
  return { vault: id, wasQuarantined }
}

/** `before`: only one that began earlier than that. */
export async function endQuarantine(context: Context, id: string, before = Number.POSITIVE_INFINITY): Promise<boolean> {
  let since: number | undefined
  await context.catalog.changeScore(id, (row) => {
    since = row?.quarantinedAt !== undefined && row.quarantinedAt < before ? row.quarantinedAt : undefined
    return row && since !== undefined ? released(row) : row
  })
  if (since === undefined) return false
  await context.events.emit({ type: 'vault-released', vault: id, since: new Date(since).toISOString() })
  await scoresOf(context)
  return true
}
