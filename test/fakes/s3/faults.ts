/** Faults that a test switches on while the fake S3 server runs, and what the server saw. */
import { Refusal } from './wire.ts'

/** One request as it arrived. */
export interface Seen {
  /** The S3 operation, e.g. `UploadPart`. */
  readonly op: string
  readonly method: string
  readonly key: string
  readonly query: Readonly<Record<string, string>>
  /** Of the body, as far as it was read. */
  bytes: number
  /** Undefined while it runs, and for ever when the connection was cut. */
  status: number | undefined
}

/** Counts are of requests that `only` accepts; a fault that is undefined is off. `Number.POSITIVE_INFINITY` never runs out. */
export interface S3Faults {
  /** Which requests the faults meet; all when undefined. */
  only: ((request: Seen) => boolean) | undefined
  /** Cuts the connection of the `at`-th request from now (1 is the next), with or without the effect it asked for. Counted down; ends itself. */
  killRequest: { at: number; readonly when: 'before' | 'after' } | undefined
  /** 503 SlowDown for so many requests. */
  slowDown: { times: number; readonly retryAfterSeconds?: number } | undefined
  /** AccessDenied for all, after so many more. */
  denied: number | undefined
  /** ExpiredToken for those with a session token, after so many more. */
  expireSession: number | undefined
  /** A proxy's page with 200, for so many. */
  html200: number | undefined
  /** Half of the body that was promised, then a closed connection, for so many that get an object's bytes. */
  truncate200: number | undefined
  /** No answer, for so many. */
  hang: number | undefined
  /** How many more bytes objects and parts may bring; then QuotaExceeded. */
  quotaAfterBytes: number | undefined
  /** An empty ETag for so many completed uploads. */
  emptyEtag: number | undefined
  /** An error inside a 200 and no object, for so many completed uploads. */
  errorIn200: number | undefined
  /** One bit of so many bodies of objects and parts changes on the way. */
  flipBit: number | undefined
  /** Waited before each request is looked at. */
  latencyMs: number | undefined
  /** How far the server's clock is ahead. */
  skewMs: number
  /** NoSuchBucket. */
  bucketGone: boolean
  /** Requests so far by operation, `only` or not. */
  readonly counts: Record<string, number>
  /** Every request so far, `only` or not. */
  readonly log: Seen[]
}

export function noS3Faults(): S3Faults {
  return {
    only: undefined,
    killRequest: undefined,
    slowDown: undefined,
    denied: undefined,
    expireSession: undefined,
    html200: undefined,
    truncate200: undefined,
    hang: undefined,
    quotaAfterBytes: undefined,
    emptyEtag: undefined,
    errorIn200: undefined,
    flipBit: undefined,
    latencyMs: undefined,
    skewMs: 0,
    bucketGone: false,
    counts: {},
    log: [],
  }
}

/** Switches every fault off; the log stays. */
export function heal(faults: S3Faults): void {
  const { counts, log } = faults
  Object.assign(faults, noS3Faults(), { counts, log })
}

/** Counts this request toward the one that is to be cut; says when it is the one. */
export function cut(faults: S3Faults): 'before' | 'after' | undefined {
  const { killRequest } = faults
  if (!killRequest || --killRequest.at > 0) return undefined
  faults.killRequest = undefined
  return killRequest.when
}

/** Takes one of so many times; false when there is none left. */
export function takes(faults: S3Faults, name: 'html200' | 'truncate200' | 'hang' | 'emptyEtag' | 'errorIn200' | 'flipBit'): boolean {
  const times = faults[name]
  if (times === undefined || times <= 0) return false
  faults[name] = times - 1
  return true
}

/** Throws while the server is to be too busy. */
export function checkBusy({ slowDown }: S3Faults): void {
  if (!slowDown || slowDown.times <= 0) return
  slowDown.times--
  const headers = slowDown.retryAfterSeconds === undefined ? {} : { 'retry-after': String(slowDown.retryAfterSeconds) }
  throw new Refusal(503, 'SlowDown', 'Please reduce your request rate.', { headers })
}

/** Throws when the rights have gone, or the session has expired. */
export function checkRights(faults: S3Faults, hasSession: boolean): void {
  if (hasSession && faults.expireSession !== undefined && faults.expireSession-- <= 0)
    throw new Refusal(400, 'ExpiredToken', 'The provided token has expired.')
  if (faults.denied !== undefined && faults.denied-- <= 0) throw new Refusal(403, 'AccessDenied', 'Access Denied')
}

/** Throws when these bytes are more than may still come. Ceph answers 403 here: the code tells, not the status. */
export function checkQuota(faults: S3Faults, byteLength: number): void {
  if (faults.quotaAfterBytes === undefined) return
  if (byteLength > faults.quotaAfterBytes) throw new Refusal(403, 'QuotaExceeded', 'The quota of this bucket is exceeded.')
  faults.quotaAfterBytes -= byteLength
}
