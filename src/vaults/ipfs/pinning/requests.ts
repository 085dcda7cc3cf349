/** The requests at a pinning service that are about one root, and the root as locators name it. */
import { CID } from 'multiformats/cid'
import type { AbortOptions, Locator, Standing } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { PinningClient } from './client.ts'
import type { PinStatus } from './pins.ts'

const SCHEME = 'ipfs:'
const DAG_PB = 0x70
const SHA2_256 = 0x12

export const locatorOf = (root: CID): Locator => `${SCHEME}${root}`

/** Throws VaultError `invalid` for what this vault never issued. */
export function rootIn(id: string, at: Locator): CID {
  const root = at.startsWith(SCHEME) ? parsed(at.slice(SCHEME.length)) : undefined
  if (root) return root
  throw new VaultError('invalid', id, `${JSON.stringify(at.slice(0, 100))} is no locator of this vault; they look like ipfs:bafy…`)
}

/** Requests in every state, the newest first. Services compare text, so both names of a root are asked for; what they answer is compared by hash. */
export async function requestsFor(client: PinningClient, root: CID, options: AbortOptions): Promise<readonly PinStatus[]> {
  const found: PinStatus[] = []
  for await (const status of client.list({ cid: namesOf(root) }, options)) if (isFor(root, status.pin.cid)) found.push(status)
  return found
}

export function standingOf(requests: readonly PinStatus[]): Standing {
  if (requests.some(({ status }) => status === 'pinned')) return 'held'
  return requests.some(({ status }) => status === 'queued' || status === 'pinning') ? 'settling' : 'absent'
}

/** Is that text a CID, of whichever version, for the bytes of the root? */
export function isFor(root: CID, text: string): boolean {
  const cid = parsed(text)
  return cid !== undefined && cid.code === root.code && Buffer.compare(cid.multihash.bytes, root.multihash.bytes) === 0
}

function namesOf(root: CID): readonly string[] {
  if (root.code !== DAG_PB || root.multihash.code !== SHA2_256) return [`${root}`]
  const other = root.version === 0 ? root.toV1() : CID.createV0(root.multihash as Parameters<typeof CID.createV0>[0])
  return [`${root}`, `${other}`]
}

function parsed(text: string): CID | undefined {
  try {
    return CID.parse(text)
  } catch {
    return undefined
  }
}
