/** Keys for tests: made once, from a fixed seed, so that failures can be repeated. */
import { parseIdentity, parseRecipient } from '../../../src/format/key-text.ts'
import { generateIdentity } from '../../../src/format/recipient-x25519.ts'
import { type SealOptions, sealFile } from '../../../src/format/seal.ts'
import { fixedRandom, pieces, random } from './pieces.ts'

export async function keyPair(seed: string) {
  const text = generateIdentity(fixedRandom(seed))
  const identity = parseIdentity(text)
  const recipient = parseRecipient(await identity.recipient())
  return { text, identity, recipient }
}

export const alice = await keyPair('alice')
export const bob = await keyPair('bob')

/** All leaves of a sealed file, each in memory of its own. */
export async function sealedLeaves(plaintext: Uint8Array, options: Partial<SealOptions> = {}): Promise<Uint8Array[]> {
  const leaves: Uint8Array[] = []
  const chunks = pieces(plaintext, 983_040)
  for await (const leaf of sealFile(chunks, { recipients: [alice.recipient], random, ...options })) leaves.push(leaf.slice())
  return leaves
}

export async function sealed(plaintext: Uint8Array, options: Partial<SealOptions> = {}): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await sealedLeaves(plaintext, options)))
}
