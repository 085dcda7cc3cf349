/** Everything the catalog keeps of audits. */
import type { CatalogAudit } from '../contracts.ts'
import { auditCounting } from './audit-counts.ts'
import { rotations } from './audit-rotations.ts'
import { scores } from './audit-scores.ts'
import { surveys } from './audit-surveys.ts'
import type { Database } from './schema.ts'

export function audits(db: Database): CatalogAudit {
  return { ...surveys(db), ...rotations(db), ...scores(db), ...auditCounting(db) }
}
