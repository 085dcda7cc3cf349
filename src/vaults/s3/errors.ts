/** Turns what a store, the SDK or the network says into VaultErrors: by HTTP status and error code, never by sentence. */
import { PerdureError, VaultError, type VaultErrorCode } from '../../errors.ts'

type Verdict = readonly [VaultErrorCode, string]

const CREDENTIALS = 'check the access key and the secret key'
const SESSION = 'the session has ended; get new credentials and run the command again, it goes on where it stopped'
const PERMISSION = 'grant this key the right to do it (bucket policy, IAM policy)'
const AGAIN = 'try again later'
const QUOTA = 'raise the quota or free space'
const CONFLICT = 'somebody else is writing there; try again'
const GARBLED = 'the bytes changed on their way and were not kept; try again'
const TLS = 'its certificate is not trusted; give the authority as `ca`'
const NAME = 'its certificate is for another name; correct the endpoint'
const OLD = 'its certificate is not valid now; have it renewed, or set the clock'
const BUCKET = 'create the bucket or correct its name'
const LATER = 'another version of the software may know it'
const RESTORE = 'it lies in a cold storage class; restore it first (`perdure thaw ROOT`)'
const SMALLER = 'put with a smaller maxPackBytes'

const BY_CODE: Readonly<Record<string, Verdict>> = {
  AccessDenied: ['denied', PERMISSION],
  AllAccessDisabled: ['denied', PERMISSION],
  AccountProblem: ['denied', PERMISSION],
  InvalidAccessKeyId: ['denied', CREDENTIALS],
  SignatureDoesNotMatch: ['denied', CREDENTIALS],
  CredentialsProviderError: [
    'denied',
    'no credentials were found; give accessKeyId and secretAccessKey, or set up the AWS credential chain',
  ],
  ExpiredToken: ['denied', SESSION],
  ExpiredTokenException: ['denied', SESSION],
  TokenRefreshRequired: ['denied', SESSION],
  InvalidToken: ['denied', SESSION],
  RequestTimeTooSkewed: ['denied', "this machine's clock differs from the store's; set the clock"],
  RequestExpired: ['denied', "this machine's clock differs from the store's; set the clock"],
  NoSuchKey: ['absent', 'repair the object'],
  NoSuchVersion: ['absent', 'repair the object'],
  NoSuchUpload: ['absent', 'put again'],
  NoSuchBucket: ['invalid', BUCKET],
  PermanentRedirect: ['invalid', 'set `region` to that of the bucket'],
  AuthorizationHeaderMalformed: ['invalid', 'set `region` to that of the bucket'],
  IllegalLocationConstraintException: ['invalid', 'set `region` to that of the bucket'],
  QuotaExceeded: ['exhausted', QUOTA],
  QuotaExceededException: ['exhausted', QUOTA],
  ServiceQuotaExceededException: ['exhausted', QUOTA],
  XMinioStorageFull: ['exhausted', QUOTA],
  XMinioAdminBucketQuotaExceeded: ['exhausted', QUOTA],
  InsufficientStorage: ['exhausted', QUOTA],
  StorageCapExceeded: ['exhausted', QUOTA],
  EntityTooLarge: ['invalid', SMALLER],
  EntityTooSmall: ['invalid', 'this store wants larger parts; set partBytes to 5 MiB or more'],
  PreconditionFailed: ['conflict', CONFLICT],
  ConditionalRequestConflict: ['conflict', CONFLICT],
  OperationAborted: ['conflict', CONFLICT],
  BadDigest: ['unreachable', GARBLED],
  XAmzContentSHA256Mismatch: ['unreachable', GARBLED],
  XAmzContentChecksumMismatch: ['unreachable', GARBLED],
  IncompleteBody: ['unreachable', GARBLED],
  InvalidObjectState: ['unsupported', RESTORE],
  NotImplemented: ['unsupported', LATER],
  MethodNotAllowed: ['unsupported', LATER],
  SlowDown: ['unreachable', AGAIN],
  ServiceUnavailable: ['unreachable', AGAIN],
  InternalError: ['unreachable', AGAIN],
  RequestTimeout: ['unreachable', AGAIN],
  TimeoutError: ['unreachable', AGAIN],
  Throttling: ['unreachable', AGAIN],
  ThrottlingException: ['unreachable', AGAIN],
  TooManyRequests: ['unreachable', AGAIN],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['unreachable', TLS],
  SELF_SIGNED_CERT_IN_CHAIN: ['unreachable', TLS],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['unreachable', TLS],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['unreachable', TLS],
  ERR_TLS_CERT_ALTNAME_INVALID: ['unreachable', NAME],
  CERT_HAS_EXPIRED: ['unreachable', OLD],
  CERT_NOT_YET_VALID: ['unreachable', OLD],
}

const BY_STATUS: Readonly<Record<number, Verdict>> = {
  301: ['invalid', 'set `region` to that of the bucket'],
  307: ['unreachable', AGAIN],
  400: ['invalid', 'the store does not take this request; check endpoint, region and preset'],
  401: ['denied', CREDENTIALS],
  403: ['denied', PERMISSION],
  // Absence has a code of its own. A 404 without one came from something that is not the store.
  404: ['unreachable', 'this is not the answer of an S3 store; check endpoint and path style'],
  405: ['unsupported', LATER],
  408: ['unreachable', AGAIN],
  409: ['conflict', CONFLICT],
  412: ['conflict', CONFLICT],
  413: ['invalid', SMALLER],
  416: ['invalid', 'the replica ends before that range'],
  429: ['unreachable', AGAIN],
  501: ['unsupported', LATER],
  507: ['exhausted', QUOTA],
}

/** The VaultError that says the same; errors of our own pass as they are. `doing` continues "vault x: ", e.g. `storing packs/…`. */
export function s3Error(id: string, doing: string, cause: unknown): VaultError | PerdureError {
  if (cause instanceof PerdureError) return cause
  const status = statusOf(cause)
  const code = codeOf(cause)
  const [verdict, advice] = verdictOf(code, status)
  const region = verdict === 'invalid' ? (headerOf(cause, 'x-amz-bucket-region') ?? regionIn(cause)) : undefined
  const hint = region === undefined ? advice : `the bucket is in region ${region}; set \`region\` to it`
  const met = [status, code].filter((part) => part !== undefined && part !== String(status)).join(' ')
  const retryAfterMs = retryAfter(headerOf(cause, 'retry-after'))
  return new VaultError(verdict, id, `${doing} failed${met === '' ? '' : ` with ${met}`}; ${hint}`, { cause, retryAfterMs })
}

/** The store has other bytes than it was sent, and they are not used. */
export function garbled(id: string, what: string): VaultError {
  return new VaultError('unreachable', id, `the store received other bytes of ${what} than were sent; ${GARBLED}`)
}

/** Will new credentials help, because those that were used have ended? */
export function isSessionOver(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && BY_CODE[code]?.[1] === SESSION
}

/** The store's own code, e.g. `NoSuchKey`, or the system's, e.g. `ECONNREFUSED`; looks through our own errors. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof PerdureError) return codeOf(error.cause)
  if (!(error instanceof Error)) return undefined
  if (BY_CODE[error.name]) return error.name
  if ('Code' in error && typeof error.Code === 'string') return error.Code
  if ('code' in error && typeof error.code === 'string') return error.code
  // A name that every JavaScript error may have says nothing of the store.
  return error.name === 'Error' || error.name === 'SyntaxError' || error.name === 'TypeError' ? undefined : error.name
}

/** The HTTP status of a refusal; undefined where no answer came. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof PerdureError) return statusOf(error.cause)
  const metadata = property(error, '$metadata')
  const status = property(metadata, 'httpStatusCode') ?? property(property(error, '$response'), 'statusCode')
  return typeof status === 'number' && status > 0 ? status : undefined
}

function verdictOf(code: string | undefined, status: number | undefined): Verdict {
  const byCode = code === undefined ? undefined : BY_CODE[code]
  if (byCode) return byCode
  const byStatus = status === undefined ? undefined : BY_STATUS[status]
  if (byStatus) return byStatus
  if (status === undefined) return ['unreachable', 'check the endpoint and the network, then try again']
  if (status >= 400 && status < 500) return ['invalid', 'the store does not take this request; check endpoint, region and preset']
  // A success that could not be read (HTML from a proxy, XML cut short) tells as little as a failure of the server.
  return ['unreachable', status < 400 ? 'this is not the answer of an S3 store; check endpoint and proxies' : AGAIN]
}

function headerOf(error: unknown, name: string): string | undefined {
  const value = property(property(property(error, '$response'), 'headers'), name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A signature for the wrong region is answered with the right one in the body. */
function regionIn(error: unknown): string | undefined {
  const value = property(error, 'Region')
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Seconds, or a date; a date in the past is no wait at all. */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}
