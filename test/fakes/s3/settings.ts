/** What a bucket tells of itself: versioning, Object Lock, lifecycle, region. */
import type { Bucket, LifecycleRule } from './bucket.ts'
import { Refusal, type S3Response } from './wire.ts'
import { document, element, group } from './xml.ts'

export function headBucket({ rules }: Bucket): S3Response {
  return { status: 200, headers: { 'x-amz-bucket-region': rules.region } }
}

export function getLocation({ rules }: Bucket): S3Response {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint>${rules.region === 'us-east-1' ? '' : rules.region}</LocationConstraint>`
  return { status: 200, body }
}

export function getVersioning({ rules }: Bucket): S3Response {
  const enabled = rules.versioning || rules.objectLock
  return { status: 200, body: document('VersioningConfiguration', enabled ? [element('Status', 'Enabled')] : []) }
}

export function getObjectLock({ rules }: Bucket): S3Response {
  if (!rules.objectLock)
    throw new Refusal(404, 'ObjectLockConfigurationNotFoundError', 'Object Lock configuration does not exist for this bucket')
  const { defaultRetention: lock } = rules
  const rule = lock ? [group('Rule', [group('DefaultRetention', [element('Mode', lock.mode), element('Days', lock.days)])])] : []
  return { status: 200, body: document('ObjectLockConfiguration', [element('ObjectLockEnabled', 'Enabled'), ...rule]) }
}

export function getLifecycle({ rules }: Bucket): S3Response {
  if (rules.lifecycle.length === 0) throw new Refusal(404, 'NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist')
  return { status: 200, body: document('LifecycleConfiguration', rules.lifecycle.map(ruleElement)) }
}

function ruleElement({ id, prefix, expirationDays, abortIncompleteDays }: LifecycleRule): string {
  return group('Rule', [
    element('ID', id),
    group('Filter', [element('Prefix', prefix)]),
    element('Status', 'Enabled'),
    ...(expirationDays === undefined ? [] : [group('Expiration', [element('Days', expirationDays)])]),
    ...(abortIncompleteDays === undefined
      ? []
      : [group('AbortIncompleteMultipartUpload', [element('DaysAfterInitiation', abortIncompleteDays)])]),
  ])
}
