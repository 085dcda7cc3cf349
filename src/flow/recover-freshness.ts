/** Do the vaults show the newest state? Nothing in them can say so: only what was kept elsewhere, or another witness. */
import type { Freshness, FreshnessCheck, Receipt } from '../contracts.ts'
import { toCID } from '../format/address.ts'
import { verifyReceipt } from '../format/receipt.ts'
import type { Context } from './context.ts'
import { type Accepted, historyOf } from './recover-found.ts'
import type { Tally } from './recover-tally.ts'

export interface Witnesses {
  readonly receipts: readonly Receipt[]
  readonly accepted: Accepted
  /** Vaults that were listed to their end. */
  readonly listed: ReadonlySet<string>
  readonly tally: Tally
}

export async function freshnessOf(context: Context, witnesses: Witnesses): Promise<Freshness> {
  const checks: FreshnessCheck[] = []
  for (const receipt of witnesses.receipts) checks.push(await checkReceipt(context, receipt, witnesses.accepted))
  checks.push(...catalogChecks(witnesses.tally), ...vaultChecks(witnesses))
  if (checks.length === 0) return { state: 'unproven', checks }
  // A vault that lags behind another was found out: what was recovered is the newer of the two.
  const failed = checks.some(({ kind, holds }) => kind !== 'vault' && !holds)
  const witnessed = checks.some(({ holds }) => holds)
  return { state: failed ? 'rolled-back' : witnessed ? 'as-known' : 'unproven', checks }
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

function catalogChecks({ ahead }: Tally): readonly FreshnessCheck[] {
  const { count, first } = ahead.done()
  if (count === 0) return []
  const detail = `the catalog knows newer records than the vaults show of ${count} object(s), such as ${first[0]}; what it knew was kept`
  return [{ kind: 'catalog', of: 'catalog', holds: false, detail }]
}

function vaultChecks({ listed, tally }: Witnesses): readonly FreshnessCheck[] {
  if (listed.size < 2) return []
  return [...listed].map((vault) => {
    const count = tally.behind[vault] ?? 0
    const detail =
      count === 0
        ? 'it shows the newest record of every object'
        : `it does not have the newest record of ${count} object(s) that another vault has`
    return { kind: 'vault', of: vault, holds: count === 0, detail }
  })
}
