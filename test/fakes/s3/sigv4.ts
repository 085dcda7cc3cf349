/** Verifies AWS Signature Version 4 in the Authorization header, as the S3 API reference describes it. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Refusal } from './wire.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const MAX_SKEW_MS = 15 * 60_000
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
const HEX_SHA256 = /^[0-9a-f]{64}$/

/** Payloads that are not signed by their hash. Chunk signatures are not implemented, and refused. */
const UNSIGNED_PAYLOADS: readonly string[] = ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

export interface SignedRequest {
  readonly method: string
  /** As it stood in the request line. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Throws the refusal S3 would give; resolves to the region that was signed for. The body is checked apart: see `checkPayload`. */
export function authenticate(request: SignedRequest, credentials: Credentials, now: number): { readonly region: string } {
  const { headers } = request
  if (headers.authorization === undefined) throw new Refusal(403, 'AccessDenied', 'Anonymous access is forbidden for this operation')
  const [, accessKeyId, day = '', region = '', list = '', signature = ''] = AUTHORIZATION.exec(headers.authorization) ?? []
  if (accessKeyId === undefined) throw new Refusal(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed')
  if (accessKeyId !== credentials.accessKeyId)
    throw new Refusal(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.')
  const token = headers['x-amz-security-token']
  if (token !== undefined && token !== credentials.sessionToken)
    throw new Refusal(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.')
  checkDate(headers['x-amz-date'], day, now)
  const signed = list.split(';')
  checkSignedHeaders(headers, signed)
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = [ALGORITHM, headers['x-amz-date'], scope, sha256(canonicalRequest(request, signed))].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (parent, part) => hmac(parent, part),
    `AWS4${credentials.secretAccessKey}`,
  )
  if (!timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')))
    throw new Refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.')
  return { region }
}

/** The hash that was signed must be the body's. */
export function checkPayload(hash: string | undefined, body: Buffer): void {
  if (hash === undefined) throw new Refusal(400, 'InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  if (UNSIGNED_PAYLOADS.includes(hash)) return
  if (!HEX_SHA256.test(hash)) throw new Refusal(501, 'NotImplemented', `this fake does not know the payload ${hash}`)
  if (sha256(body) !== hash)
    throw new Refusal(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.")
}

function checkDate(date: string | undefined, day: string, now: number): void {
  const parts = AMZ_DATE.exec(date ?? '')
  if (!parts) throw new Refusal(403, 'AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  const [year = 0, month = 0, dayOfMonth = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number)
  const at = Date.UTC(year, month - 1, dayOfMonth, hour, minute, second)
  if (Math.abs(at - now) > MAX_SKEW_MS)
    throw new Refusal(403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.', {
      details: { RequestTime: date ?? '', ServerTime: new Date(now).toISOString(), MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS) },
    })
  if (!(date ?? '').startsWith(day)) throw new Refusal(403, 'SignatureDoesNotMatch', 'The date of the credential scope is another day.')
}

function checkSignedHeaders(headers: SignedRequest['headers'], signed: readonly string[]): void {
  const unsigned = Object.keys(headers).filter((name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name))
  if (unsigned.length === 0) return
  throw new Refusal(403, 'AccessDenied', 'There were headers present in the request which were not signed', {
    details: { HeadersNotSigned: unsigned.join(', ') },
  })
}

function canonicalRequest({ method, url, headers }: SignedRequest, signed: readonly string[]): string {
  const [path = '', query = ''] = url.split('?')
  const lines = signed.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}\n`)
  return [
    method,
    path.split('/').map(encoded).join('/'),
    canonicalQuery(query),
    lines.join(''),
    signed.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n')
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  const pairs = query.split('&').map((pair): readonly [string, string] => {
    const [name = '', ...value] = pair.split('=')
    return [encoded(name), encoded(value.join('='))]
  })
  return pairs
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map((pair) => pair.join('='))
    .join('&')
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Decoded, then encoded the one way that is signed: RFC 3986, everything but the unreserved. */
function encoded(raw: string): string {
  return encodeURIComponent(decoded(raw)).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch (error) {
    throw new Refusal(400, 'InvalidURI', `Could not parse the specified URI: ${String(error)}`)
  }
}

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
