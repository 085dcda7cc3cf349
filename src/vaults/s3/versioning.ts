/** Does the bucket keep old versions? */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { statusOf } from './errors.ts'
import { ask, type Place } from './place.ts'

/** Asked once; where the store does not tell, it is taken for unversioned until the next time. */
export async function isVersioned(place: Place, options: AbortOptions): Promise<boolean> {
  if (place.behaviour.versioned === undefined) {
    const versioned = await versioningOf(place, options)
    place.behaviour = { ...place.behaviour, versioned }
  }
  return place.behaviour.versioned ?? false
}

/** True also when versioning is suspended: the versions from before are still kept. Undefined when the store does not tell. */
export async function versioningOf(place: Place, options: AbortOptions): Promise<boolean | undefined> {
  const found = await optional(() =>
    ask(
      place,
      'asking for versioning',
      ({ sdk, client }, request) => client.send(new sdk.GetBucketVersioningCommand({ Bucket: place.bucket }), request),
      options,
    ),
  )
  return found && found.Status !== undefined
}

/** Undefined where the store refuses the question or does not know it; failures of the network are thrown. */
export async function optional<T>(asked: () => Promise<T>): Promise<T | undefined> {
  try {
    return await asked()
  } catch (error) {
    const status = statusOf(error)
    if (error instanceof VaultError && error.code !== 'unreachable' && status !== undefined && status >= 400) return undefined
    if (status === 404 || status === 501) return undefined
    throw error
  }
}
