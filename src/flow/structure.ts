/**
 * The structure stratum of one vault: headers, inner nodes, TOCs and records, read whole, pack by pack, once within the age limit and spread over it. How far
 * it has come is in the catalog, so a run that dies goes on where it was.
 */
import type { PackRow, ReplicaRow, StructureOptions, StructureReport, StructureRow, Vault } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { structuralBlocks } from '../format/structure.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { paceOf } from '../policy/structure-pace.ts'
import { addAnswers } from './answers.ts'
import { reassessPack } from './assess.ts'
import { challengeReplica, type Judged } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { recordEvidence } from './events.ts'
import { openPurse, type Purse } from './purse.ts'
import { recordAnswers } from './scores.ts'
import { spansOf } from './spans.ts'

/** Packs that are read side by side, and whose place in the round becomes durable together. */
const BATCH = 8
const WIDTH = 4
/** So many batches without any answer, and the vault is left alone until the next run. */
const PATIENCE = 1

/** Reads as much structure of a vault as should have been read by now. Resolves early at the budget, or when the vault does not answer. */
export async function auditStructure(context: Context, vaultId: string, options: StructureOptions = {}): Promise<StructureReport> {
  const vault = context.vaults.get(vaultId)
  if (!vault) throw new ConfigError('invalid', `no vault is called ${vaultId}; configured: ${[...context.vaults.keys()].join(', ')}`)
  const run = { packs: 0, blocks: 0, bytesRead: 0, lost: [] as string[] }
  const report = (state: StructureReport['state'], share: number): StructureReport => ({ vault: vaultId, state, ...run, share })
  if (vault.profile.cold) return report('skipped', 0)
  const { total, round: begun, wanted, elapsed } = await roundOf(context, vaultId)
  let round = begun
  const purse = await openPurse(context)
  for (let quiet = 0; round.packs < wanted || elapsed >= 1; ) {
    options.signal?.throwIfAborted()
    const page = await context.catalog.replicasIn(vaultId, { after: round.pack, limit: BATCH })
    const last = page.at(-1)
    if (!last) {
      round = { ...round, endedAt: context.clock() }
      await context.catalog.saveStructure(round)
      break
    }
    const { judged, refused, blocks } = await readPage(context, vault, page, { purse, options })
    await purse.flush()
    await record(context, vaultId, judged, run)
    const bytes = judged.reduce((sum, one) => sum + one.bytesRead, 0)
    run.packs += judged.length
    run.blocks += blocks
    run.bytesRead += bytes
    tell(options.onProgress, { type: 'structure-read', vault: vaultId, packs: judged.length, byteLength: bytes })
    if (refused) return report('budget', share(round, total))
    if (judged.length > 0 && judged.every(({ answered }) => answered === 0) && ++quiet >= PATIENCE)
      return report('unanswered', share(round, total))
    round = { ...round, pack: last.pack, packs: round.packs + page.length }
    await context.catalog.saveStructure(round)
  }
  return report('current', share(round, total))
}

/** Warm vaults whose structure is behind where it should be by now, by id. */
export async function structureDue(context: Context): Promise<readonly string[]> {
  const due: string[] = []
  const purse = await openPurse(context)
  for (const [id, { profile }] of context.vaults) {
    if (profile.cold || context.leaving.get(id) === 'left' || purse.take(id, 'structure', { bytes: 1, requests: 1 }) !== undefined) continue
    purse.settle(id, 'structure', { bytes: -1, requests: -1 })
    const { round, wanted, total } = await roundOf(context, id)
    if (total > 0 && round.packs < wanted) due.push(id)
  }
  await purse.tell()
  return due
}

const share = (round: StructureRow, total: number): number =>
  round.endedAt !== undefined || total === 0 ? 1 : Math.min(1, round.packs / total)

/** The round that is under way, begun anew where the last one is over. */
async function roundOf(context: Context, vault: string) {
  const { catalog, clock, policy } = context
  const total = await catalog.replicaCount(vault)
  const now = clock()
  const { maxAgeDays } = evidenceRulesFor(policy, vault)
  const stored = await catalog.structureOf(vault)
  const pace = paceOf(stored, { packs: total, now, maxAgeDays })
  if (stored && !pace.renew)
    return {
      total,
      round: stored,
      wanted: stored.endedAt === undefined ? pace.wanted : 0,
      elapsed: stored.endedAt === undefined ? pace.elapsed : 0,
    }
  // What was just put was read back then: the first round takes its time like any other.
  const round: StructureRow = { vault, begunAt: now, pack: 0, packs: 0 }
  await catalog.saveStructure(round)
  return { total, round, wanted: 0, elapsed: 0 }
}

async function readPage(
  context: Context,
  vault: Vault,
  page: readonly ReplicaRow[],
  { purse, options }: { readonly purse: Purse; readonly options: StructureOptions },
): Promise<{ readonly judged: readonly Judged[]; readonly refused: boolean; readonly blocks: number }> {
  const targets: {
    readonly row: PackRow
    readonly at: string
    readonly ordinals: readonly number[]
    readonly cost: { bytes: number; requests: number }
  }[] = []
  let refused = false
  for (const { pack, state, locator } of page) {
    const row = state === 'placed' && locator !== undefined ? await context.catalog.pack(pack) : undefined
    if (!row || locator === undefined || (row.erasable && (await context.catalog.isShredded(pack)))) continue
    const spans = await spansOf(context, row)
    const ordinals = structuralBlocks(spans, row)
    if (ordinals.length === 0) continue
    const cost = { bytes: ordinals.reduce((sum, ordinal) => sum + (spans[ordinal]?.length ?? 0), 0), requests: ordinals.length }
    refused = purse.take(vault.profile.id, 'structure', cost) !== undefined
    if (refused) break
    targets.push({ row, at: locator, ordinals, cost })
  }
  const judged = await eachOf(targets, WIDTH, async ({ row, at, ordinals, cost }) => {
    const whole = ordinals.length === row.blockCount
    const one = await challengeReplica(context, {
      vault,
      pack: row,
      at,
      object: 0,
      ordinals: whole ? 'all' : ordinals,
      signal: options.signal,
    })
    purse.settle(vault.profile.id, 'structure', { bytes: one.bytesRead - cost.bytes, requests: one.asked - cost.requests })
    return one
  })
  return { judged, refused, blocks: targets.reduce((sum, { ordinals }) => sum + ordinals.length, 0) }
}

async function record(context: Context, vault: string, judged: readonly Judged[], run: { readonly lost: string[] }): Promise<void> {
  await recordEvidence(context, judged)
  await recordAnswers(
    context,
    vault,
    addAnswers(judged.map(({ answers }) => answers)),
    judged.find(({ verdict }) => verdict === 'damaged')?.detail,
  )
  for (const { pack, verdict } of judged) {
    if (verdict !== 'damaged' && verdict !== 'missing') continue
    await reassessPack(context, pack)
    const row = await context.catalog.pack(pack)
    if (row) run.lost.push(row.name.toString())
  }
}
