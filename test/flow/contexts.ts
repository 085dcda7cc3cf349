/** The inside of an archive, for tests of functions that other parts call. */
import { join } from 'node:path'
import type { ArchiveConfig, Catalog, Clock, Vault } from '../../src/contracts.ts'
import type { Context } from '../../src/flow/context.ts'
import { openContext } from '../../src/flow/open.ts'

interface Built {
  readonly folder: string
  readonly vaults: readonly Vault[]
  readonly clock: Clock
  readonly catalog: Catalog
}

/** A second opening of the same archive over the same catalog, which stays open when the test ends. */
export function openContextOf({ folder, vaults, clock, catalog }: Built, config: Partial<ArchiveConfig> = {}): Promise<Context> {
  return openContext({ path: join(folder, 'archive'), timeoutMs: 200, vaults, clock, catalog, ...config })
}
