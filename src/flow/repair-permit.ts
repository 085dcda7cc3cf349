/** What a repair may do: the limits on spending are asked before anything is sent. */
import type { LimitExceeded, PackId, PackRow, RepairAction } from '../contracts.ts'
import type { Bill } from '../policy/cost.ts'
import { limitText } from '../policy/limits.ts'
import type { Assessment } from './assess.ts'
import type { Context } from './context.ts'
import { readBackBytes } from './probes.ts'
import { type Step, stands } from './repair-plan.ts'
import { allowed, billFor, billOf, pricesOf, readingBill, wouldExceed } from './spending.ts'

export interface Permit {
  /** What may be done: everything, or what costs nothing. */
  readonly steps: readonly Step[]
  readonly forbidden: readonly RepairAction[]
  readonly exceeds?: LimitExceeded | undefined
  release(): Promise<void>
}

async function billOfSteps(context: Context, known: Assessment, steps: readonly Step[]): Promise<Bill> {
  const sources = new Map<PackId, string>()
  const bills: Bill[] = []
  for (const { pack, vault, action } of steps) {
    if (!context.limits || action === 'retain') continue
    bills.push(billFor(context, pack, vault, await readBackBytes(context, pack, vault)))
    const source = pack.spooled || sources.has(pack.id) ? undefined : cheapestSource(context, known, pack)
    if (source !== undefined) bills.push(readingBill(context, source, pack.byteLength))
    sources.set(pack.id, source ?? '')
  }
  return billOf(bills)
}

/** The limit that a planned repair would not be allowed to pass. */
export const wouldNeed = async (context: Context, known: Assessment, steps: readonly Step[]) =>
  wouldExceed(context, await billOfSteps(context, known, steps))

/** Asks the limits before anything is sent. What they forbid is in the report with what it needs, however urgent it is; what is free is done. */
export async function permitted(context: Context, known: Assessment, steps: readonly Step[]): Promise<Permit> {
  const permit = await allowed(context, await billOfSteps(context, known, steps))
  if (!permit.refused) return { steps, forbidden: [], release: permit.release }
  const { refused } = permit
  const isFree = ({ vault, action }: Step) => action === 'retain' || pricesOf(context, vault) === undefined
  const forbidden = steps.filter((step) => !isFree(step))
  const detail = `${limitText(refused)}; raise the limit and repair again`
  return {
    steps: steps.filter(isFree),
    forbidden: forbidden.map(({ pack, ...step }) => ({
      ...step,
      pack: pack.name.toString(),
      byteLength: pack.byteLength,
      outcome: 'failed',
      code: 'exhausted',
      detail,
    })),
    exceeds: refused,
    release: async () => undefined,
  }
}

function cheapestSource(context: Context, { report }: Assessment, pack: PackRow): string | undefined {
  const standing = report.replicas.filter((replica) => replica.pack === pack.name.toString() && stands(replica)).map(({ vault }) => vault)
  const price = (id: string) => pricesOf(context, id)?.egressPerGiB ?? 0
  return standing.sort((a, b) => price(a) - price(b))[0]
}
