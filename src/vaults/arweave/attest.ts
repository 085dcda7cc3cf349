/**
 * What can be shown of a replica without anybody's word: the header by its own signature, its place in the chain by what nodes agree on, and chunks that
 * nobody could foresee by the data root. Each level is reported apart.
 */
import { createHash } from 'node:crypto'
import type { AbortOptions, Attestation, Challenge } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { headerOf } from './find.ts'
import { depthInWords, type Inclusion, inclusionOf, isShown } from './inclusion.ts'
import type { AtTransaction } from './locator.ts'
import { CHUNK_BYTES } from './merkle.ts'
import type { Settings } from './options.ts'
import { packIn } from './tagged.ts'
import { weaveOf } from './weave.ts'

/** Chunks that are asked for. */
const DRAWS = 4

export async function attest(
  settings: Settings,
  at: AtTransaction,
  challenge: Challenge,
  { signal }: AbortOptions = {},
): Promise<Omit<Attestation, 'at'>> {
  const inclusion = await inclusionOf(settings.network, at.id, { signal })
  const place = placeIn(inclusion)
  if (inclusion.state === 'absent') return { verdict: 'refuted', detail: place }
  const header = await headerSays(settings, at, challenge, { signal })
  if (header.verdict !== 'proven') return { verdict: header.verdict, detail: `${place}; ${header.detail}` }
  const chunks = await chunksSay(settings, at, challenge, { signal })
  const detail = `${place}; ${header.detail}; ${chunks.detail}`
  if (chunks.verdict !== 'proven') return { verdict: chunks.verdict, detail }
  return { verdict: isShown(inclusion) ? 'proven' : 'unproven', detail }
}

interface Level {
  readonly verdict: Attestation['verdict']
  readonly detail: string
}

function placeIn(inclusion: Inclusion): string {
  if (inclusion.state === 'absent') return 'accepted: the gateways agree that the chain has no such transaction'
  if (inclusion.state === 'pending') return 'accepted: waiting to be mined'
  if (inclusion.state === 'unsure') return `mined: not certain (${inclusion.why})`
  return `mined: in block ${inclusion.height}, ${depthInWords(inclusion.depth)}, by ${inclusion.agreeing} gateways`
}

async function headerSays(settings: Settings, at: AtTransaction, { name }: Challenge, { signal }: AbortOptions): Promise<Level> {
  const header = await headerOf(settings.network, at.id, { signal })
  if (!header) return { verdict: 'unproven', detail: 'header: no gateway shows it' }
  const { address } = await settings.wallet()
  const wrong =
    header.address !== address
      ? 'its owner is another wallet'
      : Buffer.compare(header.dataRoot, at.dataRoot) !== 0 || header.byteLength !== at.byteLength
        ? 'it was signed for other bytes'
        : packIn(header.tags)?.name.equals(name) !== true
          ? 'it was signed for another pack'
          : undefined
  if (wrong !== undefined) return { verdict: 'refuted', detail: `header: ${wrong}` }
  return { verdict: 'proven', detail: 'header: id, signature, owner and data root hold' }
}

async function chunksSay(settings: Settings, at: AtTransaction, { seed }: Challenge, { signal }: AbortOptions): Promise<Level> {
  const weave = weaveOf(settings.network, at)
  const positions = drawn(seed, at.byteLength)
  let seeded = 0
  for (const position of positions) {
    try {
      const chunk = await weave.chunkAt(position, { signal })
      if (chunk === 'absent')
        return { verdict: 'refuted', detail: `seeded: nobody has the chunk at byte ${position}; repair seeds it again, for nothing` }
      seeded++
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof VaultError)) throw error
      const verdict = error.code === 'damaged' ? 'refuted' : 'unproven'
      return { verdict, detail: `seeded: ${seeded} of ${positions.length} chunks, then ${error.message}` }
    }
  }
  const whole = positions.length * CHUNK_BYTES >= at.byteLength ? ', which may be all of them' : ''
  return { verdict: 'proven', detail: `seeded: ${seeded} of ${seeded} chunks asked for lead to the data root${whole}` }
}

/** Places that only the seed tells, the last byte always among them: what breaks off, breaks off there. */
function drawn(seed: Uint8Array, byteLength: number): readonly number[] {
  const places = Array.from({ length: DRAWS - 1 }, (_, turn) => {
    const digest = createHash('sha256').update('perdure arweave ').update(seed).update(`${turn}`).digest()
    return Number(digest.readBigUInt64BE(0) % BigInt(byteLength))
  })
  return [...new Set([...places, byteLength - 1])]
}
