/** Object Lock: retention that is never shortened, legal holds, and what they keep from being deleted. */
import type { Bucket } from './bucket.ts'
import { addressed, type Retention, type StoredVersion } from './versions.ts'
import { Refusal, type S3Request, type S3Response } from './wire.ts'
import { document, element, textOf } from './xml.ts'

const DAY_MS = 86_400_000

export interface Lock {
  readonly retention: Retention | undefined
  readonly legalHold: boolean
}

/** The lock that a PUT or a new upload asks for in its headers, or that of the bucket. */
export function lockOf(bucket: Bucket, { headers }: S3Request): Lock {
  const mode = headers['x-amz-object-lock-mode']
  const until = headers['x-amz-object-lock-retain-until-date']
  const legalHold = headers['x-amz-object-lock-legal-hold'] === 'ON'
  if (mode !== undefined || until !== undefined || legalHold) mustLock(bucket)
  const retention = mode === undefined && until === undefined ? defaultOf(bucket) : retentionOf(bucket, mode, until)
  return { retention, legalHold }
}

function defaultOf(bucket: Bucket): Retention | undefined {
  const { defaultRetention } = bucket.rules
  return defaultRetention && { mode: defaultRetention.mode, until: bucket.now() + defaultRetention.days * DAY_MS }
}

/** Bodies that are to be locked must come with a digest. */
export function mustHaveDigest({ headers }: S3Request): void {
  const known = Object.keys(headers).some(
    (name) => name === 'content-md5' || (name.startsWith('x-amz-checksum-') && name !== 'x-amz-checksum-mode'),
  )
  if (!known)
    throw new Refusal(
      400,
      'InvalidRequest',
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    )
}

export function lockHeaders({ retention, legalHold }: Lock): Record<string, string> {
  return {
    ...(retention && {
      'x-amz-object-lock-mode': retention.mode,
      'x-amz-object-lock-retain-until-date': new Date(retention.until).toISOString(),
    }),
    ...(legalHold && { 'x-amz-object-lock-legal-hold': 'ON' }),
  }
}

/** Throws when something keeps the version. */
export function mustBeFree(bucket: Bucket, version: StoredVersion, request: S3Request): void {
  const { retention, legalHold } = version
  const retained = retention !== undefined && retention.until > bucket.now()
  if (legalHold || (retained && !(retention.mode === 'GOVERNANCE' && bypasses(request))))
    throw new Refusal(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
}

export function getRetention(bucket: Bucket, { key, query }: S3Request): S3Response {
  mustLock(bucket)
  const { retention } = addressed(bucket.store, key, query.get('versionId'))
  if (!retention) throw noLock()
  const until = element('RetainUntilDate', new Date(retention.until).toISOString())
  return { status: 200, body: document('Retention', [element('Mode', retention.mode), until]) }
}

export function putRetention(bucket: Bucket, request: S3Request): S3Response {
  mustLock(bucket)
  mustHaveDigest(request)
  const xml = request.body.toString()
  const version = addressed(bucket.store, request.key, request.query.get('versionId'))
  const next = retentionOf(bucket, textOf(xml, 'Mode'), textOf(xml, 'RetainUntilDate'))
  const { retention } = version
  if (retention && retention.until > bucket.now()) {
    const weaker = next.until < retention.until || next.mode !== retention.mode
    const free = retention.mode === 'GOVERNANCE' && bypasses(request)
    if (weaker && !free) throw new Refusal(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
  }
  version.retention = next
  return { status: 200 }
}

export function getLegalHold(bucket: Bucket, { key, query }: S3Request): S3Response {
  mustLock(bucket)
  const { legalHold } = addressed(bucket.store, key, query.get('versionId'))
  return { status: 200, body: document('LegalHold', [element('Status', legalHold ? 'ON' : 'OFF')]) }
}

export function putLegalHold(bucket: Bucket, request: S3Request): S3Response {
  mustLock(bucket)
  mustHaveDigest(request)
  addressed(bucket.store, request.key, request.query.get('versionId')).legalHold = textOf(request.body.toString(), 'Status') === 'ON'
  return { status: 200 }
}

const bypasses = ({ headers }: S3Request): boolean => headers['x-amz-bypass-governance-retention'] === 'true'

function mustLock({ rules }: Bucket): void {
  if (!rules.objectLock) throw new Refusal(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration')
}

function noLock(): Refusal {
  return new Refusal(404, 'NoSuchObjectLockConfiguration', 'The specified object does not have a ObjectLock configuration')
}

function retentionOf(bucket: Bucket, mode: string | undefined, date: string | undefined): Retention {
  const until = Date.parse(date ?? '')
  if ((mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') || Number.isNaN(until))
    throw new Refusal(400, 'InvalidArgument', 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied')
  if (until <= bucket.now()) throw new Refusal(400, 'InvalidArgument', 'The retain until date must be in the future!')
  return { mode, until }
}
