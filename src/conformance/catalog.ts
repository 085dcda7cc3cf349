/** What every catalog must do, as data for any test runner. */

import { auditCases } from './catalog-audit.ts'
import { blockCases } from './catalog-blocks.ts'
import { costCases } from './catalog-costs.ts'
import { dagCases } from './catalog-dag.ts'
import { dueCases } from './catalog-due.ts'
import { evacuationCases } from './catalog-evacuation.ts'
import { eventCases } from './catalog-events.ts'
import { evidenceCases } from './catalog-evidence.ts'
import { fingerprintCases } from './catalog-fingerprints.ts'
import type { CatalogCase } from './catalog-fixtures.ts'
import { forgettingCases } from './catalog-forgetting.ts'
import { logCases } from './catalog-log.ts'
import { putCases } from './catalog-puts.ts'
import { recoveryCases } from './catalog-recovery.ts'
import { retentionCases } from './catalog-retention.ts'
import { shredCases } from './catalog-shred.ts'
import { tallyCases } from './catalog-tallies.ts'

export type { CatalogCase, CatalogContext } from './catalog-fixtures.ts'

/** Run each with catalogs of its own; a case throws an AssertionError when it fails. */
export const catalogCases: readonly CatalogCase[] = [
  ...putCases,
  ...blockCases,
  ...dagCases,
  ...retentionCases,
  ...evidenceCases,
  ...forgettingCases,
  ...fingerprintCases,
  ...shredCases,
  ...costCases,
  ...evacuationCases,
  ...dueCases,
  ...auditCases,
  ...logCases,
  ...eventCases,
  ...tallyCases,
  ...recoveryCases,
]
