/** Tries with a small object how the store takes checksums and conditions, which its name and version do not tell. */
import { createHash, randomUUID } from 'node:crypto'
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { BucketRules } from './bucket-rules.ts'
import { codeOf, statusOf } from './errors.ts'
import { look } from './head.ts'
import { ask, type Checksums, type Place } from './place.ts'

export interface Probe {
  readonly checksums: Checksums
  readonly conditionalPut: boolean
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
    if (!created) return { checksums: place.behaviour.checksums, conditionalPut: place.behaviour.conditionalPut, writable: false }
    if (created.versionId !== undefined) made.push(created.versionId)
    const again = created.condition === 'taken' ? await put(place, key, { IfNoneMatch: '*', signal }) : undefined
    if (again?.versionId !== undefined) made.push(again.versionId)
    const conditionalPut = created.condition === 'refused' || again?.status === 412
    const seen = await look(place, { key }, { signal, checksum: true })
    if (seen?.sha256 === sha256()) return { checksums: 'sha256', conditionalPut, writable: true }
    // It is the payload hash of the signature too.
    const wrongs: readonly (readonly [Checksums, PutOptions])[] = [
      ['signed', { ChecksumSHA256: Buffer.alloc(32).toString('base64') }],
      ['md5', { ContentMD5: Buffer.alloc(16).toString('base64') }],
    ]
    for (const [checksums, wrong] of created.condition === 'unknown' ? wrongs.slice(1) : wrongs) {
      const garbled = await put(place, key, { ...wrong, signal })
      if (garbled.versionId !== undefined) made.push(garbled.versionId)
      if (garbled.status !== 200) return { checksums, conditionalPut, writable: true }
    }
    return { checksums: 'none', conditionalPut, writable: true }
  } finally {
    if (rules.lockDays === undefined) await clear(place, key, made, { signal })
  }
}

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
}

interface Answer {
  readonly status: number
  readonly versionId?: string | undefined
  readonly error?: unknown
}

/** Refusals are answers; only what tells nothing of the store's ways is thrown. */
async function put(place: Place, key: string, { signal, ...members }: PutOptions): Promise<Answer> {
  const input = { Bucket: place.bucket, Key: key, Body: BODY, ContentLength: BODY.byteLength, ...members }
  try {
    const answer = await ask(place, `storing ${key}`, ({ sdk, client }, request) => client.send(new sdk.PutObjectCommand(input), request), {
      signal,
    })
    return { status: 200, versionId: answer.VersionId }
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
