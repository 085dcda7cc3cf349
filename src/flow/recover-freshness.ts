/** Do the vaults show the newest state? Nothing in them can say so: only what was kept elsewhere, or another witness. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedCheckpoint, Freshness, FreshnessCheck, Receipt, RecoverOptions } from '../contracts.ts'
import { toCID } from '../format/address.ts'
import { verifyReceipt } from '../format/receipt.ts'
import { fromMultikey } from '../format/sign.ts'
import type { Context } from './context.ts'
import { WITNESS } from './log-alarm.ts'
import { judgeCheckpoint } from './log-tree.ts'
import { type Accepted, historyOf } from './recover-found.ts'
import { logChecks, type ShownLog, vaultLogs } from './recover-log.ts'
import type { Tally } from './recover-tally.ts'

export interface Witnesses extends Pick<RecoverOptions, 'receipts' | 'checkpoints'> {
  readonly accepted: Accepted
  /** Vaults that were listed to their end. */
  readonly listed: ReadonlySet<string>
  readonly tally: Tally
  /** Size of the log in vaults, and what is wrong with it. */
  readonly shown: Pick<ShownLog, 'size' | 'faults'>
  /** Size of the log that the catalog had before. */
  readonly before: number
}

export interface Judged {
  readonly freshness: Freshness
  /** Signed checkpoints that contradict the log as it is now. */
  readonly contradictions: readonly CheckedCheckpoint[]
  /** Was it compared with what was signed and kept outside? */
  readonly proven: boolean
  /** Going on from here would make two histories of one. */
  readonly halts: boolean
}

const HALTING: ReadonlySet<FreshnessCheck['kind']> = new Set(['checkpoint', 'receipt', 'log'])

export async function freshnessOf(context: Context, witnesses: Witnesses): Promise<Judged> {
  const { receipts = [], accepted, shown } = witnesses
  const notes = await checkpointsOf(context, witnesses)
  const checks: FreshnessCheck[] = []
  const contradictions: CheckedCheckpoint[] = []
  for (const { note, kind, of } of notes) {
    const judged = await judge(context, note, accepted)
    if (judged.verdict === 'rolled-back' || judged.verdict === 'forked') contradictions.push(judged)
    checks.push(checkpointCheck(judged, kind, of))
  }
  for (const receipt of receipts) checks.push(await checkReceipt(context, receipt, accepted))
  const proven = checks.some(({ holds }) => holds)
  for (const { checkpoint, forked, detail } of shown.faults)
    if (checkpoint !== undefined) contradictions.push({ verdict: forked ? 'forked' : 'rolled-back', checkpoint, detail })
  checks.push(...logChecks(shown.faults), ...catalogChecks(witnesses), ...(await vaultChecks(context, witnesses)))
  return {
    freshness: { state: stateOf(checks, contradictions), checks },
    contradictions,
    proven,
    halts: checks.some(({ kind, holds }) => HALTING.has(kind) && !holds),
  }
}

/** A vault that lags behind another was found out: what was recovered is the newer of the two. */
function stateOf(checks: readonly FreshnessCheck[], contradictions: readonly CheckedCheckpoint[]): Freshness['state'] {
  if (contradictions.some(({ verdict }) => verdict === 'forked')) return 'forked'
  if (checks.some(({ kind, holds }) => kind !== 'vault' && !holds)) return 'rolled-back'
  return checks.some(({ holds }) => holds) ? 'as-known' : 'unproven'
}

interface Note {
  readonly note: string
  readonly kind: FreshnessCheck['kind']
  readonly of: string
}

/** Those given, those in receipts, and the one that lies beside a catalog that was put back alone. */
async function checkpointsOf({ path }: Context, { checkpoints = [], receipts = [] }: Witnesses): Promise<readonly Note[]> {
  const beside = await readFile(join(path, WITNESS), 'utf8').catch(() => undefined)
  return [
    ...checkpoints.map((note, index): Note => ({ note, kind: 'checkpoint', of: `checkpoint ${index + 1}` })),
    ...receipts.flatMap(({ root, log }): readonly Note[] => (log ? [{ note: log.checkpoint, kind: 'receipt', of: root }] : [])),
    ...(beside === undefined ? [] : [{ note: beside, kind: 'checkpoint' as const, of: WITNESS }]),
  ]
}

/** Under the key that it names, where that is one of ours. */
async function judge({ catalog }: Context, note: string, accepted: Accepted): Promise<CheckedCheckpoint> {
  const [origin = ''] = note.split('\n', 1)
  const key = [...accepted].find((each) => origin === `perdure/${each}`)
  if (key === undefined) return { verdict: 'foreign', detail: 'it is a checkpoint of another archive, or none', checkpoint: note }
  return judgeCheckpoint({ catalog, publicKey: fromMultikey(key) }, note)
}

function checkpointCheck({ verdict, size, detail }: CheckedCheckpoint, kind: FreshnessCheck['kind'], of: string): FreshnessCheck {
  if (verdict === 'consistent')
    return { kind, of, holds: true, detail: `the log is the continuation of the one of ${size} entries that was signed` }
  return { kind, of, holds: false, detail: detail ?? verdict }
}

/** What a receipt speaks of is there, or was ended on purpose. A receipt says nothing of other objects, nor of what came after it. */
async function checkReceipt(context: Context, receipt: Receipt, accepted: Accepted): Promise<FreshnessCheck> {
  const check = (holds: boolean, detail: string): FreshnessCheck => ({ kind: 'receipt', of: receipt.root, holds, detail })
  if (!accepted.has(receipt.archive) || !(await verifyReceipt(receipt)))
    return check(false, 'the receipt is of another archive, or its signature does not hold')
  const root = toCID(receipt.root)
  const { catalog } = context
  const object = await catalog.object(root)
  if (!object) {
    const history = await historyOf(context, root, accepted)
    const ended = Date.parse(receipt.created) <= (history?.endedAt ?? -1) || (await catalog.shredOf(root)) !== undefined
    if (ended) return check(true, `it was removed after ${receipt.created}`)
    return check(false, `the receipt of ${receipt.created} says that it was stored, and nothing of it was found, nor that it was removed`)
  }
  const unknown: string[] = []
  for (const { name } of receipt.packs) if (!(await catalog.packByName(toCID(name)))) unknown.push(name)
  // Packs may have been replaced since, but never without leaving other packs that are newer than the receipt.
  if (unknown.length > 0 && object.createdAt <= Date.parse(receipt.created) && object.sequence <= 1)
    return check(false, `the receipt names packs that no record knows: ${unknown.slice(0, 5).join(', ')}`)
  await catalog.saveReceipts([{ object: object.id, receipt: JSON.stringify(receipt), at: Date.parse(receipt.created) }])
  return check(true, `it is as new as the receipt of ${receipt.created} says, at least`)
}

function catalogChecks({ tally, before, shown }: Witnesses): readonly FreshnessCheck[] {
  const { count, first } = tally.ahead.done()
  const records = count === 0 ? [] : [`the catalog knows newer records than the vaults show of ${count} object(s), such as ${first[0]}`]
  const entries =
    before > shown.size && shown.size > 0 ? [`the catalog has a log of ${before} entries, the vaults one of ${shown.size}`] : []
  return [...records, ...entries].map((what) => ({
    kind: 'catalog',
    of: 'catalog',
    holds: false,
    detail: `${what}; what it knew was kept`,
  }))
}

async function vaultChecks(context: Context, { listed, tally, accepted, shown }: Witnesses): Promise<readonly FreshnessCheck[]> {
  if (listed.size < 2) return []
  const sizes = await vaultLogs(context, listed, accepted)
  return [...listed].map((vault) => {
    const count = tally.behind[vault] ?? 0
    const size = sizes.get(vault) ?? 0
    const lacks = [
      ...(count > 0 ? [`it does not have the newest record of ${count} object(s) that another vault has`] : []),
      ...(size < shown.size ? [`its newest checkpoint has ${size} entries of ${shown.size}`] : []),
    ]
    const detail = lacks.length === 0 ? 'it shows the newest record of every object, and the newest checkpoint' : lacks.join('; ')
    return { kind: 'vault', of: vault, holds: lacks.length === 0, detail }
  })
}
