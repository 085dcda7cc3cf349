/** Keys and archives for tests of sealed flows. */

import type { ArchiveConfig } from '../../../src/contracts.ts'
import { parseIdentity } from '../../../src/format/key-text.ts'
import { generateIdentity } from '../../../src/format/recipient-x25519.ts'
import { type House, house, noise } from '../house.ts'

export interface KeyPair {
  readonly identity: string
  readonly recipient: string
}

/** A key pair that is the same in every run. */
export async function keyPair(seed: string): Promise<KeyPair> {
  const identity = generateIdentity((byteLength) => noise(byteLength, `identity ${seed}`))
  return { identity, recipient: await parseIdentity(identity).recipient() }
}

export const alice = await keyPair('alice')
export const bob = await keyPair('bob')

/** An archive that seals for alice and can open what it sealed. */
export function sealedHouse(config: Partial<ArchiveConfig> = {}): Promise<House> {
  return house({ recipients: [alice.recipient], identities: [alice.identity], ...config })
}
