/** Cold storage classes: can an object be read, and the restore that makes it readable for some days (RestoreObject). */
import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { AbortOptions, Locator, ThawTier, VaultThawOptions, Warmth } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf, statusOf } from './errors.ts'
import { look } from './head.ts'
import { freezes } from './options.ts'
import { ask, known, type Place } from './place.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Objects in it freeze by themselves where its archive tiers are switched on, and a restore brings them back for good. */
const TIERING = 'INTELLIGENT_TIERING'
const EXPIRY = /expiry-date="([^"]+)"/
const TIERS = { bulk: 'Bulk', standard: 'Standard', expedited: 'Expedited' } as const satisfies Record<ThawTier, string>

/** What a HEAD says of it; asks for nothing else. */
export async function warmth(place: Place, at: Locator, options: AbortOptions = {}): Promise<Warmth> {
  return warmthOf(await headOf(place, at, options))
}

/** Asks for a restore unless one is under way or the restored copy stays as long as wanted, to a day; a shorter stay is made longer. */
export async function thaw(place: Place, at: Locator, options: VaultThawOptions): Promise<Warmth> {
  const { days, tier = 'standard', signal } = options
  if (!Number.isSafeInteger(days) || days < 1)
    throw new VaultError('invalid', place.id, 'a restore is for a whole number of days, at least 1')
  const head = await headOf(place, at, { signal })
  const now = warmthOf(head)
  if (now.state === 'thawing' || (now.state === 'readable' && staysLongEnough(place, now, days))) return now
  const tiering = head.StorageClass === TIERING
  const { key, versionId } = known(place, at)
  const input = {
    Bucket: place.bucket,
    Key: key,
    ...(versionId !== undefined && { VersionId: versionId }),
    // Of a copy that is restored already only the stay is made longer, and no tier is bought.
    RestoreRequest: { ...(!tiering && { Days: days }), ...(now.state === 'frozen' && { GlacierJobParameters: { Tier: TIERS[tier] } }) },
  }
  try {
    await ask(place, `restoring ${key}`, ({ sdk, client }, request) => client.send(new sdk.RestoreObjectCommand(input), request), {
      signal,
    })
  } catch (error) {
    if (codeOf(error) === 'RestoreAlreadyInProgress') return { state: 'thawing' }
    throw error
  }
  // Accepted: the store shows it with the next look, at the latest.
  const then = warmthOf(await headOf(place, at, { signal }))
  return then.state === 'frozen' ? { state: 'thawing' } : then
}

function staysLongEnough({ settings }: Place, { until }: Warmth, days: number): boolean {
  return until === undefined || until.getTime() >= settings.clock() + (days - 1) * DAY_MS
}

async function headOf(place: Place, at: Locator, { signal }: AbortOptions): Promise<HeadObjectCommandOutput> {
  const { key, versionId } = known(place, at)
  const input = { Bucket: place.bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
  try {
    return await ask(
      place,
      `looking whether ${key} can be read`,
      ({ sdk, client }, request) => client.send(new sdk.HeadObjectCommand(input), request),
      { signal },
    )
  } catch (error) {
    // The answer to a HEAD has no code; whoever looks properly tells absence from everything else.
    if (statusOf(error) !== 404 || (await look(place, { key, versionId }, { signal }))) throw error
    throw new VaultError('absent', place.id, `${key} is not there; repair the object`, { cause: error })
  }
}

/** `x-amz-restore: ongoing-request="true"`, or `ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"`. */
function warmthOf({ StorageClass: storageClass = 'STANDARD', ArchiveStatus: archive, Restore: restore }: HeadObjectCommandOutput): Warmth {
  const canFreeze = freezes(storageClass) || (storageClass === TIERING && archive !== undefined)
  if (!canFreeze) return { state: 'readable' }
  if (restore === undefined) return { state: 'frozen' }
  if (/ongoing-request="true"/.test(restore)) return { state: 'thawing' }
  const until = new Date(EXPIRY.exec(restore)?.[1] ?? '')
  return { state: 'readable', ...(!Number.isNaN(until.getTime()) && { until }) }
}
