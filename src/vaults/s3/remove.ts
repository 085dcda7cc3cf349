/** Removes a pack, with every version of it that it overwrote, and says what keeps it. */
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf } from './errors.ts'
import { look } from './head.ts'
import type { ObjectName } from './keys.ts'
import { type Version, versions } from './list.ts'
import { retentionOf } from './lock.ts'
import { ask, known, type Place } from './place.ts'
import { abortUploads } from './uploads.ts'
import { isVersioned, optional } from './versioning.ts'

/** What was put after the version of the locator stays: it is another replica. Uploads of the pack that never ended are aborted. */
export async function removePack(place: Place, at: Locator, options: AbortOptions = {}): Promise<void> {
  const { signal } = options
  const { key, versionId } = known(place, at)
  signal?.throwIfAborted()
  if (await isVersioned(place, { signal })) {
    for (const each of await versionsUpTo(place, { key, versionId }, { signal })) await removeOne(place, each, { signal })
  } else await removeOne(place, { key, versionId }, { signal })
  await optional(() => abortUploads(place, { under: key, before: Number.POSITIVE_INFINITY, signal }))
}

/** The version itself and all that are older, the oldest first: none of them may come to light again. */
async function versionsUpTo(place: Place, object: ObjectName, options: AbortOptions): Promise<readonly ObjectName[]> {
  const found: Version[] = []
  try {
    for await (const version of versions(place, object.key, options)) if (version.key === object.key) found.push(version)
  } catch (error) {
    if (codeOf(error) !== 'AccessDenied' && codeOf(error) !== 'NotImplemented') throw error
    return [{ key: object.key, versionId: object.versionId ?? (await look(place, object, options))?.versionId }]
  }
  const from = found.findIndex(({ versionId }) => versionId === (object.versionId ?? 'null'))
  return from < 0 ? [] : found.slice(from).reverse()
}

async function removeOne(place: Place, object: ObjectName, options: AbortOptions): Promise<void> {
  const { key, versionId } = object
  const input = { Bucket: place.bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
  try {
    await ask(place, `removing ${key}`, ({ sdk, client }, request) => client.send(new sdk.DeleteObjectCommand(input), request), options)
  } catch (error) {
    if (codeOf(error) === 'NoSuchKey' || codeOf(error) === 'NoSuchVersion') return
    // MinIO refuses what a lock keeps with InvalidRequest.
    const refused = error instanceof VaultError && (error.code === 'denied' || codeOf(error) === 'InvalidRequest')
    throw refused ? await keptBy(place, object, error, options) : error
  }
}

/** The refusal, with what keeps the object if that can be found out. */
async function keptBy(place: Place, object: ObjectName, refusal: VaultError, options: AbortOptions): Promise<VaultError> {
  const kept = await optional(() => retentionOf(place, object, options))
  const now = place.settings.clock()
  const until = kept?.until && kept.until.getTime() > now ? kept.until : undefined
  if (!until && !kept?.legalHold) return refusal
  const reasons = [
    until && `an Object Lock (${kept?.mode ?? 'unknown mode'}) retains it until ${until.toISOString()}`,
    kept?.legalHold && 'a legal hold keeps it',
  ]
  const message = `${object.key} cannot be removed: ${reasons.filter(Boolean).join(', and ')}; try again when that has ended`
  return new VaultError('denied', place.id, message, { cause: refusal })
}
