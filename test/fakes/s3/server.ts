/**
 * A fake S3 server for tests: one bucket in memory, with the semantics of the S3 API reference (signatures, conditions, ranges, multipart uploads, versions,
 * Object Lock) and faults on request. What it does not know it refuses with NotImplemented.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bucket, type BucketRules, defaultRules } from './bucket.ts'
import { checksPayload } from './checksums.ts'
import { decodedBody } from './chunked.ts'
import { checkBusy, checkRights, cut, noS3Faults, type S3Faults, type Seen, takes } from './faults.ts'
import type { Upload } from './multipart.ts'
import { type Handler, routeOf } from './routes.ts'
import { authenticate, type Credentials, checkPayload } from './sigv4.ts'
import type { Store } from './versions.ts'
import { Refusal, type S3Response } from './wire.ts'
import { errorDocument } from './xml.ts'

export interface FakeS3Options extends Partial<BucketRules> {
  /** Default `perdure-test`. */
  readonly bucket?: string
}

export interface FakeS3 extends Credentials {
  /** `http://127.0.0.1:<port>`; only path-style requests are understood. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly faults: S3Faults
  /** What the bucket holds, by key, versions oldest first; tests change it behind the server's back. */
  readonly store: Store
  /** Unfinished multipart uploads by id. */
  readonly uploads: Map<string, Upload>
  close(): Promise<void>
}

const PAGE = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Welcome to the hotel network</h1></body></html>'

/** Starts on 127.0.0.1 at a free port. Requests may carry the session token or none. */
export async function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  const { bucket: name = 'perdure-test', ...rules } = options
  const credentials = { accessKeyId: 'FAKEACCESSKEY', secretAccessKey: 'fake/secret+key', sessionToken: 'fake-session-token' }
  const faults = noS3Faults()
  const bucket: Bucket = {
    name,
    rules: { ...defaultRules, ...rules },
    store: new Map(),
    uploads: new Map(),
    faults,
    now: () => Date.now() + faults.skewMs,
  }
  const server = createServer((incoming, outgoing) => {
    // A connection that the client has cut is its own affair; a bug of the fake must be seen.
    serve(bucket, credentials, incoming, outgoing).catch((error: unknown) => {
      if (!incoming.destroyed && !outgoing.headersSent) console.error('the fake S3 server failed:', error)
      incoming.socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...credentials,
    endpoint: `http://127.0.0.1:${port}`,
    bucket: name,
    region: bucket.rules.region,
    faults,
    store: bucket.store,
    uploads: bucket.uploads,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Target {
  readonly bucket: string
  readonly key: string
  readonly query: ReadonlyMap<string, string>
}

async function serve(bucket: Bucket, credentials: Credentials, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { faults } = bucket
  const target = targetOf(incoming.url ?? '/')
  const method = incoming.method ?? 'GET'
  const { op, handler } = routeOf(method, target.key, target.query)
  const seen: Seen = { op, method, key: target.key, query: Object.fromEntries(target.query), bytes: 0, status: undefined }
  faults.log.push(seen)
  faults.counts[op] = (faults.counts[op] ?? 0) + 1
  const met = faults.only?.(seen) ?? true
  const killed = met ? cut(faults) : undefined
  if (killed === 'before') return void incoming.socket.destroy()
  if (met && faults.latencyMs !== undefined) await sleep(faults.latencyMs)
  const raw = await bodyOf(incoming, seen)
  if (met && takes(faults, 'hang')) return
  const response = answer(bucket, credentials, { incoming, target, op, handler, raw, met })
  if (killed === 'after') return void incoming.socket.destroy()
  seen.status = response.status
  send(bucket, outgoing, response, { method, halved: met && isBytes(op, response) && takes(faults, 'truncate200') })
}

interface Call {
  readonly incoming: IncomingMessage
  readonly target: Target
  readonly op: string
  readonly handler: Handler | undefined
  readonly raw: Buffer
  /** Do the faults meet this request? */
  readonly met: boolean
}

/** From here on nothing waits: what a request checks still holds when it takes effect. */
function answer(bucket: Bucket, credentials: Credentials, call: Call): S3Response {
  const { incoming, target, op, handler, raw, met } = call
  try {
    if (met) checkBusy(bucket.faults)
    if (met && takes(bucket.faults, 'html200')) return { status: 200, headers: { 'content-type': 'text/html' }, body: PAGE }
    const signed = { method: incoming.method ?? '', url: incoming.url ?? '/', headers: headersOf(incoming) }
    const { region } = authenticate(signed, credentials, bucket.now())
    const { body: sent, headers } = decodedBody(signed.headers, raw)
    const isFlipped = met && (op === 'PutObject' || op === 'UploadPart') && sent.byteLength > 0 && takes(bucket.faults, 'flipBit')
    const body = isFlipped ? flipped(sent) : sent
    if (checksPayload(bucket.rules)) checkPayload(headers['x-amz-content-sha256'], body)
    if (met) checkRights(bucket.faults, headers['x-amz-security-token'] !== undefined)
    mustBeHere(bucket, target, region)
    if (!handler) throw new Refusal(501, 'NotImplemented', `this fake does not know ${op}`)
    return handler(bucket, { op, method: signed.method, key: target.key, query: target.query, headers, body })
  } catch (error) {
    if (error instanceof Refusal) return refused(error, target)
    throw error
  }
}

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  const at = changed.byteLength >> 1
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}

function mustBeHere({ name, rules, faults }: Bucket, target: Target, region: string): void {
  if (target.bucket !== name || faults.bucketGone)
    throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist', { details: { BucketName: target.bucket } })
  if (region === rules.region) return
  throw new Refusal(301, 'PermanentRedirect', 'The bucket you are attempting to access must be addressed using the specified endpoint.', {
    headers: { 'x-amz-bucket-region': rules.region },
    details: { Bucket: name, Endpoint: `${name}.s3.${rules.region}.fake` },
  })
}

function refused({ status, code, message, headers, details }: Refusal, { bucket, key }: Target): S3Response {
  const body = errorDocument({ Code: code, Message: message, ...details, Resource: `/${bucket}/${key}`, RequestId: 'FAKE' })
  return { status, headers, body }
}

function send(
  bucket: Bucket,
  outgoing: ServerResponse,
  response: S3Response,
  how: { readonly method: string; readonly halved: boolean },
): void {
  const body = Buffer.from(response.body ?? '')
  const type = typeof response.body === 'string' ? { 'content-type': 'application/xml' } : {}
  const length = response.status === 204 || response.status === 304 ? {} : { 'content-length': String(body.byteLength) }
  const own = { date: new Date(bucket.now()).toUTCString(), server: 'FakeS3', 'x-amz-request-id': 'FAKE' }
  outgoing.writeHead(response.status, { ...own, ...type, ...length, ...response.headers })
  if (how.method === 'HEAD') return void outgoing.end()
  if (!how.halved) return void outgoing.end(body)
  outgoing.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => outgoing.destroy())
}

const isBytes = (op: string, { status }: S3Response): boolean => op === 'GetObject' && (status === 200 || status === 206)

async function bodyOf(incoming: IncomingMessage, seen: Seen): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    seen.bytes += chunk.byteLength
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]))
}

function targetOf(url: string): Target {
  const [path = '', query = ''] = url.split('?')
  const [, bucket = '', ...key] = path.split('/')
  const pairs = query === '' ? [] : query.split('&').map((pair) => pair.split('='))
  return {
    bucket: decodeURIComponent(bucket),
    key: decodeURIComponent(key.join('/')),
    query: new Map(pairs.map(([name = '', ...value]) => [decodeURIComponent(name), decodeURIComponent(value.join('='))])),
  }
}
