/** Object Lock: put on every pack where the vault is told to, extended by `renew`, never shortened. */
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf, statusOf } from './errors.ts'
import type { ObjectName } from './keys.ts'
import { ask, known, type Place } from './place.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What keeps one object. */
export interface Retention {
  readonly mode?: 'GOVERNANCE' | 'COMPLIANCE' | undefined
  readonly until?: Date | undefined
  readonly legalHold: boolean
}

/** Members of PutObject and CreateMultipartUpload; none without a lock. */
export function lockMembers({ settings }: Place) {
  const { lock } = settings.options
  if (!lock) return {}
  return {
    ObjectLockMode: lock.mode,
    ObjectLockRetainUntilDate: new Date(settings.clock() + lock.days * DAY_MS),
    ...(lock.legalHold && { ObjectLockLegalHoldStatus: 'ON' as const }),
  }
}

/** Retains the pack until that date at least; a date before the one that holds changes nothing. */
export async function renew(place: Place, at: Locator, until: Date, options: AbortOptions = {}): Promise<Locator> {
  const object = known(place, at)
  const { mode, until: held } = await retentionOf(place, object, options)
  if (held && held.getTime() >= until.getTime()) return at
  const Retention = { Mode: mode ?? place.settings.options.lock?.mode ?? 'GOVERNANCE', RetainUntilDate: until }
  try {
    await ask(
      place,
      `extending the lock of ${object.key}`,
      ({ sdk, client }, request) => client.send(new sdk.PutObjectRetentionCommand({ ...inputOf(place, object), Retention }), request),
      options,
    )
  } catch (error) {
    throw lockless(place, error)
  }
  return at
}

/** What the store says keeps the object; `legalHold` is false where it does not tell. */
export async function retentionOf(place: Place, object: ObjectName, options: AbortOptions): Promise<Retention> {
  const [retention, hold] = await Promise.all([
    none(place, () =>
      ask(
        place,
        `asking for the lock of ${object.key}`,
        ({ sdk, client }, request) => client.send(new sdk.GetObjectRetentionCommand(inputOf(place, object)), request),
        options,
      ),
    ),
    none(place, () =>
      ask(
        place,
        `asking for the legal hold of ${object.key}`,
        ({ sdk, client }, request) => client.send(new sdk.GetObjectLegalHoldCommand(inputOf(place, object)), request),
        options,
      ),
    ),
  ])
  const { Mode: mode, RetainUntilDate: until } = retention?.Retention ?? {}
  return { mode, until, legalHold: hold?.LegalHold?.Status === 'ON' }
}

/** The end of its lock, `ever` under a legal hold, which has none. */
export async function keptUntil(place: Place, object: ObjectName, options: AbortOptions = {}): Promise<Date | 'ever' | undefined> {
  const { until, legalHold } = await retentionOf(place, object, options)
  if (legalHold) return 'ever'
  return until && until.getTime() > place.settings.clock() ? until : undefined
}

/** An object without a lock, or in a bucket without locks, answers with an error. */
async function none<T>(place: Place, asked: () => Promise<T>): Promise<T | undefined> {
  try {
    return await asked()
  } catch (error) {
    if (codeOf(error) === 'NoSuchObjectLockConfiguration' || isLockless(error)) return undefined
    throw lockless(place, error)
  }
}

function isLockless(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'InvalidRequest' || code === 'ObjectLockConfigurationNotFoundError' || code === 'NotImplemented'
}

/** Says it when what a lock asked for failed because the bucket has none. */
export function lockless(place: Place, error: unknown): unknown {
  return isLockless(error) && statusOf(error) !== undefined ? withoutLock(place, error) : error
}

/** A lock was asked for in a bucket that has none. */
export function withoutLock(place: Place, cause?: unknown): VaultError {
  const message = `bucket ${place.bucket} has no Object Lock; make a bucket with Object Lock enabled, or leave out \`lock\``
  return new VaultError('unsupported', place.id, message, { cause })
}

function inputOf(place: Place, { key, versionId }: ObjectName) {
  return { Bucket: place.bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
}
