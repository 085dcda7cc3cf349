/** Storage classes: which objects are frozen, and the restore that makes one readable until it freezes again. */
import type { Bucket } from './bucket.ts'
import { addressed, type Store, type StoredVersion } from './versions.ts'
import { Refusal, type S3Request, type S3Response } from './wire.ts'
import { textOf } from './xml.ts'

const DAY_MS = 86_400_000
const CLASSES = 'STANDARD REDUCED_REDUNDANCY STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE GLACIER_IR'.split(' ')
const FROZEN = ['GLACIER', 'DEEP_ARCHIVE']

/** A restore: under way, or done until a moment; of an object of Intelligent-Tiering it ends by itself. */
export type Restore = { readonly ongoing: true; readonly days: number | undefined } | { readonly ongoing: false; readonly until: number }

export function storageClassOf({ headers }: S3Request): string {
  const named = headers['x-amz-storage-class'] ?? 'STANDARD'
  if (!CLASSES.includes(named)) throw new Refusal(400, 'InvalidStorageClass', 'The storage class you specified is not valid')
  return named
}

export function coldHeaders({ now }: Bucket, version: StoredVersion): Record<string, string> {
  const { storageClass, archived, restore } = version
  const shown = restore && (restore.ongoing || restore.until > now()) ? restoreHeader(restore) : undefined
  return {
    ...(storageClass !== 'STANDARD' && { 'x-amz-storage-class': storageClass }),
    ...(archived !== undefined && { 'x-amz-archive-status': archived }),
    ...(shown !== undefined && { 'x-amz-restore': shown }),
  }
}

function restoreHeader(restore: Restore): string {
  if (restore.ongoing) return 'ongoing-request="true"'
  return `ongoing-request="false", expiry-date="${new Date(restore.until).toUTCString()}"`
}

/** Throws when the bytes cannot be read now. */
export function mustBeReadable({ now }: Bucket, version: StoredVersion): void {
  const { storageClass, archived, restore } = version
  if (!canFreeze(version) || (restore && !restore.ongoing && restore.until > now())) return
  const tier = archived === undefined ? {} : { AccessTier: archived }
  throw new Refusal(403, 'InvalidObjectState', "The operation is not valid for the object's storage class", {
    details: { StorageClass: storageClass, ...tier },
  })
}

/** 202 begins a restore, 200 moves the end of one that is done. */
export function restoreObject(bucket: Bucket, request: S3Request): S3Response {
  if (!bucket.rules.restores)
    throw new Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented')
  const version = addressed(bucket.store, request.key, request.query.get('versionId'))
  const xml = request.body.toString()
  const [days, tier] = [textOf(xml, 'Days'), textOf(xml, 'Tier')]
  if (!canFreeze(version))
    throw new Refusal(403, 'InvalidObjectState', "Restore is not allowed for the object's current storage class", {
      details: { StorageClass: version.storageClass },
    })
  if (version.restore?.ongoing) throw new Refusal(409, 'RestoreAlreadyInProgress', 'Object restore is already in progress')
  const tiering = version.archived !== undefined
  if (tiering === (days !== undefined) || (days !== undefined && !(Number(days) >= 1)))
    throw new Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
  if (tier === 'Expedited' && version.storageClass === 'DEEP_ARCHIVE')
    throw new Refusal(400, 'InvalidArgument', 'Expedited retrievals are not available for this storage class')
  if (version.restore && version.restore.until > bucket.now()) {
    version.restore = { ongoing: false, until: expiry(bucket.now(), Number(days)) }
    return { status: 200 }
  }
  version.restore = { ongoing: true, days: days === undefined ? undefined : Number(days) }
  return { status: 202 }
}

/** Hours pass: what is being restored can be read. */
export function endRestores(store: Store, now = Date.now()): void {
  for (const version of [...store.values()].flat()) {
    if (!version.restore?.ongoing) continue
    const { days } = version.restore
    if (days === undefined) Object.assign(version, { archived: undefined, restore: undefined })
    else version.restore = { ongoing: false, until: expiry(now, days) }
  }
}

/** The midnight after so many days. */
const expiry = (now: number, days: number): number => Math.ceil((now + days * DAY_MS) / DAY_MS) * DAY_MS

const canFreeze = ({ storageClass, archived }: StoredVersion): boolean => FROZEN.includes(storageClass) || archived !== undefined
