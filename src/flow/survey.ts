/**
 * A survey of one vault: a draw over all blocks it holds, durable before the first question; then the questions, asked until each is settled. Killed in the
 * middle, the next call goes on with the same ones. What it finds wrong is evidence of that replica at once; what it finds intact speaks of the vault only.
 */
import type { SurveyOptions, SurveyReport, SurveyRow, Vault } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import { dueAt } from '../policy/cadence.ts'
import { drawSurvey, isOpen } from '../policy/survey.ts'
import { type Context, tell } from './context.ts'
import { SEED_BYTES } from './probes.ts'
import { openPurse } from './purse.ts'
import { askSurvey } from './survey-ask.ts'
import { concludeSurvey, unread } from './survey-report.ts'

const LEASE_MS = 60_000
const DAY_MS = 86_400_000
/** An open survey is gone on with so many times within the grace. */
const TRIES_IN_GRACE = 4
const LEAST_PAUSE_MS = 5 * 60_000

/** One survey of one vault, begun or gone on with. Failures of the vault are in the report; rejects for the catalog, the caller's signal, and `busy`. */
export async function surveyVault(context: Context, vaultId: string, options: SurveyOptions = {}): Promise<SurveyReport> {
  const vault = vaultOf(context, vaultId)
  const goal = options.goal ?? context.audit.goal
  if (vault.profile.cold && !options.cold)
    return unread(vaultId, goal, {
      state: 'skipped',
      statement: 'Nothing was read: the vault is cold, and bytes of a cold vault are read only when that is asked for.',
    })
  const lease = await context.catalog.acquire(`survey:${vaultId}`, { ttlMs: LEASE_MS })
  if (!lease) throw new ArchiveError('busy', `another process is surveying ${vaultId}; wait for it, then run the survey again`)
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    return await surveyUnder(context, vault, { ...options, goal })
  } finally {
    clearInterval(heartbeat)
    await lease.release()
  }
}

async function surveyUnder(context: Context, vault: Vault, options: SurveyOptions & Drawing): Promise<SurveyReport> {
  const { id } = vault.profile
  const latest = await context.catalog.latestSurvey(id)
  const open = latest && latest.closedAt === undefined ? latest : undefined
  const purse = await openPurse(context)
  const refusal = purse.take(id, 'survey', { bytes: 1, requests: 1 })
  await purse.tell()
  if (refusal !== undefined && !open) return unread(id, options.goal, { state: 'budget', statement: `Nothing was read: ${refusal}.` })
  if (refusal === undefined) purse.settle(id, 'survey', { bytes: -1, requests: -1 })
  const survey = open ?? (await drawNew(context, id, options))
  if (!survey)
    return unread(id, options.goal, { state: 'empty', statement: 'The vault holds no content pack: there is nothing to survey.' })
  const { draws, population } = survey
  tell(options.onProgress, { type: 'survey-drawn', vault: id, draws, population, resumed: open !== undefined })
  const asked = await askSurvey(context, { vault, survey, purse, options })
  return concludeSurvey(context, { vault, survey, asked, options })
}

interface Drawing {
  readonly goal: { readonly confidence: number; readonly loss: number }
}

/** The seed is fresh, and the whole draw is durable before anybody is asked. */
async function drawNew(context: Context, vault: string, { goal }: Drawing): Promise<SurveyRow | undefined> {
  const { catalog, random, clock } = context
  const seed = random(SEED_BYTES)
  const { population, drawn } = await catalog.drawBlocks(vault, (size) => drawSurvey({ seed, goal, population: size }))
  if (drawn.length === 0) return undefined
  const { confidence, loss } = goal
  return catalog.openSurvey({ vault, seed, drawnAt: clock(), confidence, loss, population }, drawn)
}

/** Warm vaults whose survey is due, or not finished, by id. None while the month's budget allows no read at all. */
export async function surveysDue(context: Context, now: number): Promise<readonly string[]> {
  const due: string[] = []
  const purse = await openPurse(context)
  for (const [id, { profile }] of context.vaults) {
    if (profile.cold || context.leaving.get(id) === 'left' || purse.take(id, 'survey', { bytes: 1, requests: 1 }) !== undefined) continue
    purse.settle(id, 'survey', { bytes: -1, requests: -1 })
    const survey = await context.catalog.latestSurvey(id)
    if (survey ? await isSurveyDue(context, survey, now) : await holdsContent(context, id)) due.push(id)
  }
  await purse.tell()
  return due
}

async function isSurveyDue(context: Context, survey: SurveyRow, now: number): Promise<boolean> {
  const { policy, audit, catalog } = context
  const pauseMs = Math.max(LEAST_PAUSE_MS, (policy.graceDays * DAY_MS) / TRIES_IN_GRACE)
  if (survey.closedAt === undefined) {
    const probes = (await catalog.probesOf(survey.id)).filter(isOpen)
    // Killed in the middle: go on. Unanswered: give the vault time.
    return probes.some(({ outcome }) => outcome === undefined) || Math.abs(now - (survey.askedAt ?? 0)) >= pauseMs
  }
  // One that lies in the future is from a clock that has been set back since: nobody knows how old it is.
  const lastAt = Math.min(survey.drawnAt, survey.closedAt)
  if (lastAt > now + pauseMs) return true
  return now >= dueAt({ name: `survey ${survey.vault}`, lastAt, maxAgeDays: audit.goal.withinDays })
}

async function holdsContent({ catalog }: Context, vault: string): Promise<boolean> {
  const [first] = await catalog.replicasIn(vault, { limit: 1 })
  return first !== undefined && (await catalog.drawBlocks(vault, () => [])).population > 0
}

function vaultOf(context: Context, id: string): Vault {
  const vault = context.vaults.get(id)
  if (!vault) throw new ConfigError('invalid', `no vault is called ${id}; configured: ${[...context.vaults.keys()].join(', ')}`)
  return vault
}
