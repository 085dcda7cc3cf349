/** An archive over two memory vaults and one that keeps DAGs, where the policy wants a copy, too. */
import type { ArchiveConfig } from '../../src/contracts.ts'
import { memory } from '../../src/vaults/memory.ts'
import { house } from '../flow/house.ts'
import { dagKeeper } from './dag-vault.ts'

export async function dagHouse(config: Partial<ArchiveConfig> = {}) {
  const keeper = dagKeeper()
  const stores = { a: new Map<string, Uint8Array>(), b: new Map<string, Uint8Array>() }
  const plain = (['a', 'b'] as const).map((id) => memory({ id, store: stores[id], operator: id }))
  const vaults = [...plain, keeper.vault]
  const built = await house({ vaults, policy: { copies: 3, floor: 2, distinct: {} }, ...config })
  return Object.assign(built, { keeper, stores })
}
