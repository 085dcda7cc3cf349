/** Writes in the log, and the proofs of them that receipts carry. */
import type { InclusionProof, NewLogEntry, ObjectId } from '../contracts.ts'
import type { Assessment } from './assess.ts'
import type { Context } from './context.ts'
import { appendLog, MOST_LISTED } from './log.ts'
import { proveBatch } from './log-proofs.ts'

/** Enters that these objects were stored, in one transaction, and proves it; by object. */
export async function logWrites(context: Context, assessments: readonly Assessment[]): Promise<ReadonlyMap<ObjectId, InclusionProof>> {
  const each = [...new Map(assessments.map((assessment) => [assessment.object.id, assessment])).values()]
  const { entries, first, size } = await appendLog(context, each.map(writeEntry))
  const proofs = await proveBatch(context, first, entries, size)
  return new Map(each.flatMap(({ object }, index) => (proofs[index] ? [[object.id, proofs[index]]] : [])))
}

/** A put that died after it had stored, and before it had entered, is entered now; resolves to whether it was so. */
export async function logForgotten(context: Context, assessment: Assessment): Promise<boolean> {
  const { object } = assessment
  if (object.shreddedAt !== undefined) return false
  const last = await context.catalog.lastLogged(object.root)
  if (last !== undefined && last.kind !== 'remove') return false
  await appendLog(context, [writeEntry(assessment)])
  return true
}

function writeEntry({ object, packs, replicas, report }: Assessment): NewLogEntry {
  const held = Map.groupBy(
    replicas.filter(({ state }) => state === 'placed'),
    ({ vault }) => vault,
  )
  return {
    kind: 'write',
    root: report.root,
    byteLength: object.byteLength,
    visibility: object.visibility,
    state: report.state,
    packCount: packs.length,
    packs: packs.slice(0, MOST_LISTED).map(({ name }) => name.toString()),
    vaults: [...held]
      .filter(([, rows]) => rows.length === packs.length)
      .map(([vault]) => vault)
      .sort(),
  }
}
