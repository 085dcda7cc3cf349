/** The plan of audits from what the catalog holds. No vault is asked. */
import type { AuditPlan, PackRow } from '../contracts.ts'
import { structuralBlocks } from '../format/structure.ts'
import { monthOf, OBJECT_SAMPLE } from '../policy/audit.ts'
import { samplesFor } from '../policy/challenge.ts'
import { planAudit, type StructureShare } from '../policy/plan-audit.ts'
import { type Context, profilesOf } from './context.ts'
import { readSpans } from './spool.ts'

/** Packs whose tables of contents are looked at to tell how much is structure. */
const LOOKED_AT = 32

/** What the goals need each month, what the budget covers of it, and what follows. */
export async function auditPlan(context: Context): Promise<AuditPlan> {
  const { catalog, audit, policy, clock, maxPackBytes } = context
  const now = clock()
  // The root is read on top of what is drawn.
  const drawsPerObject = samplesFor(OBJECT_SAMPLE) + 1
  return planAudit({
    audit,
    policy,
    vaults: profilesOf(context),
    counts: await catalog.auditCounts({ drawsPerObject, packBytes: maxPackBytes }),
    structure: await structureShare(context),
    spent: await catalog.spendingIn(monthOf(now)),
    now,
  })
}

async function structureShare(context: Context): Promise<StructureShare> {
  const { packs, all } = await somePacks(context)
  const sum = { blocks: 0, bytes: 0, structural: 0, structuralBytes: 0 }
  for (const pack of packs) {
    const spans = await readSpans(context.catalog, pack)
    const chosen = structuralBlocks(spans, pack)
    sum.blocks += spans.length
    sum.bytes += pack.byteLength
    sum.structural += chosen.length
    sum.structuralBytes += chosen.reduce((total, ordinal) => total + (spans[ordinal]?.length ?? 0), 0)
  }
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0)
  return { blocks: share(sum.structural, sum.blocks), bytes: share(sum.structuralBytes, sum.bytes), packs: packs.length, exact: all }
}

/** All content packs where they are few, else some at equal distances by id. */
async function somePacks({ catalog }: Context): Promise<{ readonly packs: readonly PackRow[]; readonly all: boolean }> {
  const first = await catalog.packs({ kind: 'content', limit: LOOKED_AT + 1 })
  if (first.length <= LOOKED_AT) return { packs: first, all: true }
  const newest = await catalog.newestPack('content')
  const packs = new Map<number, PackRow>()
  const [start, end] = [first[0]?.id ?? 0, newest?.id ?? 0]
  for (let step = 0; step < LOOKED_AT; step++) {
    const after = start - 1 + Math.floor(((end - start + 1) * step) / LOOKED_AT)
    const [pack] = await catalog.packs({ kind: 'content', after, limit: 1 })
    if (pack) packs.set(pack.id, pack)
  }
  return { packs: [...packs.values()], all: false }
}
