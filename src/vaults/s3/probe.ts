/** Tries with a small object how the store takes checksums and conditions, which its name and version do not tell. */
import { createHash, randomUUID } from 'node:crypto'
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { BucketRules } from './bucket-rules.ts'
import { sentCrc64Of } from './client.ts'
import { etagOf, sameEtag } from './digests.ts'
import { codeOf, statusOf } from './errors.ts'
import { look, type Seen } from './head.ts'
import { ask, type Checksums, type Place } from './place.ts'

export interface Probe {
  readonly checksums: Checksums
  readonly conditionalPut: boolean
  readonly md5Etags: boolean
  readonly writable: boolean
}

const GARBLED = new Set(['BadDigest', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch'])
const BODY = Buffer.from('perdure looks how this store behaves\n')

/** Leaves nothing behind, except where a lock keeps everything: there it uses one and the same key each time. */
export async function probe(place: Place, rules: BucketRules, { signal }: AbortOptions): Promise<Probe> {
  const key = `${place.prefix}probe/${rules.lockDays === undefined ? randomUUID() : 'locked'}`
  const made: string[] = []
  try {
    const created = await create(place, key, { signal })
    if (!created) return { ...place.behaviour, writable: false }
    if (created.versionId !== undefined) made.push(created.versionId)
    const store = async (members: PutOptions) => {
      const answer = await put(place, key, { ...members, signal })
      if (answer.versionId !== undefined) made.push(answer.versionId)
      return answer
    }
    const [seen, second] = await Promise.all([
      look(place, { key }, { signal, checksum: true }),
      // With the digest of the first, so that it does not matter which of them is seen.
      created.condition === 'taken' ? store({ IfNoneMatch: '*', ChecksumSHA256: sha256() }) : undefined,
    ])
    const md5Etags = sameEtag(seen?.etag ?? '', etagOf(BODY, {}))
    const taken = second?.status === 412
    const checksums = await checksumsOf(created.condition === 'unknown' ? undefined : seen, {
      store,
      look: () => look(place, { key }, { signal, checksum: true }),
    })
    return { checksums, conditionalPut: created.condition === 'refused' || taken, md5Etags, writable: true }
  } finally {
    if (rules.lockDays === undefined) await clear(place, key, made, { signal })
  }
}

interface Trial {
  store(members: PutOptions): Promise<Answer>
  look(): Promise<Seen | undefined>
}

/**
 * A digest that is kept may be kept unread, so a wrong one must be refused too. The fastest to compute comes first; CRC64NVME, which is slow here, last.
 * `seen` is what came of a right SHA-256, undefined where the store would not have it.
 */
async function checksumsOf(seen: Seen | undefined, { store, look }: Trial): Promise<Checksums> {
  const refuses = async (wrong: PutOptions) => (await store(wrong)).status !== 200
  // It is the payload hash of the signature too.
  if (seen && (await refuses({ ChecksumSHA256: zeros(32) }))) return seen.sha256 === sha256() ? 'sha256' : 'signed'
  if (await refuses({ ContentMD5: zeros(16) })) return 'md5'
  const { status, crc64 } = await store({ ChecksumAlgorithm: 'CRC64NVME' })
  if (status !== 200 || crc64 === undefined || (await look())?.crc64 !== crc64) return 'none'
  return (await refuses({ ChecksumCRC64NVME: zeros(8) })) ? 'crc64nvme' : 'none'
}

const zeros = (byteLength: number): string => Buffer.alloc(byteLength).toString('base64')

/** Undefined when we may not write. `refused`: it was there from an earlier probe, and the condition held. */
async function create(
  place: Place,
  key: string,
  { signal }: AbortOptions,
): Promise<{ readonly condition: 'taken' | 'refused' | 'unknown'; readonly versionId?: string | undefined } | undefined> {
  const first = await put(place, key, { IfNoneMatch: '*', ChecksumSHA256: sha256(), signal })
  if (first.status === 200) return { condition: 'taken', versionId: first.versionId }
  if (first.status === 412) return { condition: 'refused' }
  if (first.status === 403) return undefined
  // A store that does not know a header may refuse it; then without.
  const plain = await put(place, key, { signal })
  if (plain.status === 403) return undefined
  if (plain.status !== 200) throw plain.error
  return { condition: 'unknown', versionId: plain.versionId }
}

interface PutOptions extends AbortOptions {
  readonly IfNoneMatch?: string
  readonly ChecksumSHA256?: string
  readonly ContentMD5?: string
  readonly ChecksumAlgorithm?: 'CRC64NVME'
  readonly ChecksumCRC64NVME?: string
}

interface Answer {
  readonly status: number
  readonly versionId?: string | undefined
  /** As it was sent. */
  readonly crc64?: string | undefined
  readonly error?: unknown
}

/** Refusals are answers; only what tells nothing of the store's ways is thrown. */
async function put(place: Place, key: string, { signal, ...members }: PutOptions): Promise<Answer> {
  const input = { Bucket: place.bucket, Key: key, Body: BODY, ContentLength: BODY.byteLength, ...members }
  try {
    const answer = await ask(place, `storing ${key}`, ({ sdk, client }, request) => client.send(new sdk.PutObjectCommand(input), request), {
      signal,
    })
    return { status: 200, versionId: answer.VersionId, crc64: sentCrc64Of(answer) }
  } catch (error) {
    const status = statusOf(error)
    const isBusy =
      error instanceof VaultError && (error.code === 'unreachable' || error.code === 'exhausted') && !GARBLED.has(codeOf(error) ?? '')
    if (status === undefined || (isBusy && status !== 501) || signal?.aborted) throw error
    return { status, error }
  }
}

async function clear(place: Place, key: string, made: readonly string[], { signal }: AbortOptions): Promise<void> {
  const names = made.length > 0 ? made.map((VersionId) => ({ Key: key, VersionId })) : [{ Key: key }]
  const remove = (name: { readonly Key: string }) =>
    ask(
      place,
      `removing ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.DeleteObjectCommand({ Bucket: place.bucket, ...name }), request),
      { signal },
    )
  // A key that may write but not delete is a sound one for an archive.
  await Promise.allSettled(names.map(remove))
}

function sha256(): string {
  return createHash('sha256').update(BODY).digest('base64')
}
