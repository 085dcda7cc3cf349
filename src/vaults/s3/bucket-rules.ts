/** What the bucket itself does with objects: versions, default locks, lifecycle. */
import type { LifecycleRule } from '@aws-sdk/client-s3'
import type { AbortOptions } from '../../contracts.ts'
import { codeOf } from './errors.ts'
import { FOLDERS } from './keys.ts'
import { ask, type Place } from './place.ts'
import { optional, versioningOf } from './versioning.ts'

/** Undefined is what the store does not tell. */
export interface BucketRules {
  readonly versioned: boolean | undefined
  /** `none`, `enabled`, or the mode of the default lock. */
  readonly lock: string | undefined
  /** How long every new object is locked, whoever puts it. */
  readonly lockDays: number | undefined
  /** Ids of the rules that will delete packs. */
  readonly expires: readonly string[] | undefined
  /** Some rule aborts uploads that do not end. */
  readonly abortsUploads: boolean
}

const DAYS_OF_A_YEAR = 365

export async function rulesOf(place: Place, options: AbortOptions): Promise<BucketRules> {
  const Bucket = place.bucket
  const [versioned, lock, lifecycle] = await Promise.all([
    versioningOf(place, options),
    optional(() =>
      ask(
        place,
        'asking for Object Lock',
        ({ sdk, client }, request) => client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }), request),
        options,
      ).catch((error: unknown) => {
        if (codeOf(error) === 'ObjectLockConfigurationNotFoundError') return { ObjectLockConfiguration: undefined }
        throw error
      }),
    ),
    optional(() =>
      ask(
        place,
        'asking for the lifecycle',
        ({ sdk, client }, request) => client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }), request),
        options,
      ),
    ),
  ])
  const { ObjectLockEnabled: enabled, Rule: rule } = lock?.ObjectLockConfiguration ?? {}
  const { Mode: mode, Days: days, Years: years } = rule?.DefaultRetention ?? {}
  const rules = (lifecycle?.Rules ?? []).filter((each) => each.Status === 'Enabled')
  const expires = rules.filter((each) => expiresPacks(place.prefix, each)).map(({ ID }) => ID ?? 'unnamed')
  return {
    versioned: versioned || enabled === 'Enabled' ? true : versioned,
    lock: lock && (mode ?? (enabled === 'Enabled' ? 'enabled' : 'none')),
    lockDays: days ?? (years === undefined ? undefined : years * DAYS_OF_A_YEAR),
    expires: expires.length > 0 ? expires : undefined,
    abortsUploads: rules.some((each) => each.AbortIncompleteMultipartUpload !== undefined),
  }
}

/** Packs carry no tags, so a rule that wants one passes them by. */
function expiresPacks(prefix: string, rule: LifecycleRule): boolean {
  const { Expiration: expiration, Filter: filter } = rule
  if (expiration?.Days === undefined && expiration?.Date === undefined) return false
  if (filter?.Tag || filter?.And?.Tags?.length) return false
  const under = filter?.Prefix ?? filter?.And?.Prefix ?? rule.Prefix ?? ''
  return Object.values(FOLDERS).some((folder) => `${prefix}${folder}/`.startsWith(under) || under.startsWith(`${prefix}${folder}/`))
}
