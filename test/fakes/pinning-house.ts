/** An archive over two memory vaults and one at a fake pinning service, where the policy wants a copy, too. */
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { ArchiveConfig, Vault } from '../../src/contracts.ts'
import { type PinningServiceOptions, pinningService } from '../../src/ipfs.ts'
import { pinningClient } from '../../src/vaults/ipfs/pinning/client.ts'
import type { PinStatus } from '../../src/vaults/ipfs/pinning/pins.ts'
import { memory } from '../../src/vaults/memory.ts'
import { house } from '../flow/house.ts'
import type { Lie } from './pinning/lies.ts'
import { type FakePinning, startFakePinning } from './pinning/service.ts'

const HOUR_MS = 3_600_000

/** Pauses as the vault asks for them, shorter. */
export const hurried: NonNullable<PinningServiceOptions['wait']> = (_ms, { signal }) => sleep(20, undefined, { signal })

export async function fakePinning(lie: Lie = {}): Promise<FakePinning> {
  const fake = await startFakePinning({ lie, patienceMs: 5_000 })
  onTestFinished(() => fake.close())
  return fake
}

export function vaultAt(fake: FakePinning, options: Partial<PinningServiceOptions> = {}): Vault {
  const { endpoint, token, gateway } = fake
  const own = { id: 'ipfs', operator: 'pins', allowPrivate: true, wait: hurried, patienceMs: HOUR_MS }
  const vault = pinningService({ ...own, endpoint, token, gateway, ...options })
  onTestFinished(() => vault.close?.())
  return vault
}

export async function pinningHouse(lie: Lie = {}, options: Partial<PinningServiceOptions> = {}, config: Partial<ArchiveConfig> = {}) {
  const fake = await fakePinning(lie)
  const vault = vaultAt(fake, options)
  const plain = ['a', 'b'].map((id) => memory({ id, operator: id }))
  const built = await house({ vaults: [...plain, vault], policy: { copies: 3, floor: 2, distinct: {} }, timeoutMs: 2_000, ...config })
  return Object.assign(built, { fake, vault, pins: () => pinsAt(fake) })
}

export async function pinsAt({ endpoint, token }: FakePinning): Promise<readonly PinStatus[]> {
  const pins: PinStatus[] = []
  for await (const pin of pinningClient({ endpoint, token }).list()) pins.push(pin)
  return pins
}
