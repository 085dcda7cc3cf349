/** What a gateway answers: a block, a CAR, a file, or a page that lists a directory. */
import type { IncomingHttpHeaders } from 'node:http'
import type { AbortOptions, ServedAddress, ServedEntry, Serving } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { told } from './gateway-failures.ts'
import { dispositionOf, etagOf, isKnown, rangeOf } from './gateway-headers.ts'
import { LISTING_VERSION, listingOf } from './gateway-listing.ts'
import { CAR_TYPE, type Question, RAW_TYPE } from './gateway-question.ts'
import { mediaTypeOf } from './media-types.ts'

type Headers = Readonly<Record<string, string | number>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** A stream is only begun for who reads it. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
}

const FOR_EVER = 'public, max-age=29030400, immutable'
/** Of pages that a later version may make otherwise. */
const FOR_A_WEEK = 'public, max-age=604800, stale-while-revalidate=2678400'
const PDF = /^application\/pdf\b/

interface Asked {
  readonly serving: Serving
  readonly question: Question
  readonly address: ServedAddress
  readonly headers: IncomingHttpHeaders
  readonly signal: AbortSignal
}

/** Throws as `Serving` does, before anything of the answer is sent. */
export async function answerOf(
  serving: Serving,
  question: Question,
  { headers, signal }: Required<AbortOptions> & { readonly headers: IncomingHttpHeaders; readonly signal: AbortSignal },
): Promise<Answer> {
  const address = addressOf(serving, question.path)
  if (!address) return told(400, 'what stands after /ipfs/ is no CID with a path; write /ipfs/CID/name/name')
  const asked = { serving, question, address, headers, signal }
  if (question.format === 'raw') return block(asked)
  if (question.format === 'car') return car(asked, question.car)
  return entry(asked)
}

function addressOf(serving: Serving, path: string): ServedAddress | undefined {
  try {
    return serving.address(path)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** What every good answer says of itself; nothing but that when the client has it already. */
function good({ question, headers: sent }: Asked, etag: string, headers: Headers, body: NonNullable<Answer['body']>): Answer {
  const common = {
    etag,
    'cache-control': FOR_EVER,
    vary: 'Accept',
    'x-ipfs-path': question.path,
    'x-content-type-options': 'nosniff',
    ...(headers['cache-control'] !== undefined && { 'cache-control': headers['cache-control'] }),
  }
  if (isKnown(sent['if-none-match'], etag)) return { status: 304, headers: common }
  return { status: 200, headers: { ...headers, ...common }, body }
}

async function block(asked: Asked): Promise<Answer> {
  const { serving, question, address, signal } = asked
  const { cid, bytes } = await serving.block(address, { signal })
  const headers = {
    'content-type': RAW_TYPE,
    'content-length': bytes.byteLength,
    'content-disposition': dispositionOf('attachment', question.filename ?? `${cid}.bin`),
    ...located(question, { format: 'raw' }),
  }
  return good(asked, `"${cid}.raw"`, headers, bytes)
}

async function car(asked: Asked, wanted: Extract<Question, { format: 'car' }>['car']): Promise<Answer> {
  const { serving, question, address, signal } = asked
  const given = await serving.car(address, { ...wanted, signal })
  const dups = given.dups ? 'y' : 'n'
  const headers = {
    'content-type': `${CAR_TYPE}; version=1; order=${given.order}; dups=${dups}`,
    'content-disposition': dispositionOf('attachment', question.filename ?? `${given.cid}.car`),
    ...located(question, { format: 'car', 'car-version': '1', 'car-order': given.order, 'car-dups': dups }),
  }
  const { scope, bytes } = wanted
  const etag = etagOf(`${given.cid}`, 'car', `${address.cid}`, address.path, scope, bytes, given.order, dups)
  return good(asked, etag, headers, given.bytes)
}

/** The same answer by its address alone, for caches that know nothing of `Accept`. */
function located({ path, query, negotiated }: Question, added: Readonly<Record<string, string>>): Headers {
  if (!negotiated) return {}
  const parameters = new URLSearchParams(query)
  for (const [name, value] of Object.entries(added)) parameters.set(name, value)
  return { 'content-location': `${path}?${parameters}` }
}

async function entry(asked: Asked): Promise<Answer> {
  const { serving, question, address, signal } = asked
  const found = await serving.entry(address, { signal })
  if (found.kind === 'file') return file(asked, found)
  if (found.kind === 'symlink') return symlink(asked, found)
  if (!question.path.endsWith('/'))
    return told(301, `it is a directory: ${question.path}/`, { location: `${question.path}/${question.query}` })
  const index = await indexOf(asked)
  return index?.kind === 'file' ? file(asked, index) : directory(asked, found)
}

async function indexOf({ serving, address, signal }: Asked): Promise<ServedEntry | undefined> {
  try {
    return await serving.entry({ ...address, path: [...address.path, 'index.html'] }, { signal })
  } catch (error) {
    if (error instanceof FormatError && error.code === 'no-such-path') return undefined
    throw error
  }
}

function file(asked: Asked, found: ServedEntry): Answer {
  const { serving, question, headers: sent, signal } = asked
  const { cid, byteLength } = found
  const etag = `"${cid}"`
  const name = question.filename ?? found.name
  const type = mediaTypeOf({ name, mediaType: found.mediaType })
  const headers = {
    'content-type': type,
    'content-length': byteLength,
    'accept-ranges': 'bytes',
    'content-disposition': dispositionOf(question.download ? 'attachment' : 'inline', name ?? `${cid}`),
    ...confined(type),
  }
  const range = rangeOf(sent, etag, byteLength)
  const whole = good(asked, etag, headers, serving.read(cid, { signal }))
  if (range === 'all' || whole.status !== 200) return whole
  if (range === 'none') return told(416, `the file has ${byteLength} bytes`, { 'content-range': `bytes */${byteLength}` })
  const { offset, length } = range
  return {
    status: 206,
    headers: { ...whole.headers, 'content-length': length, 'content-range': `bytes ${offset}-${offset + length - 1}/${byteLength}` },
    body: serving.read(cid, { range, signal }),
  }
}

/** A page of the archive gets no origin, so that it reaches nothing else on this machine; readers of PDF do not start when they are confined. */
function confined(type: string): Headers {
  return { 'referrer-policy': 'no-referrer', ...(!PDF.test(type) && { 'content-security-policy': 'sandbox' }) }
}

function symlink(asked: Asked, { cid, target = '' }: ServedEntry): Answer {
  const body = Buffer.from(target)
  return good(asked, `"${cid}"`, { 'content-type': 'inode/symlink', 'content-length': body.byteLength, ...confined('') }, body)
}

async function directory(asked: Asked, { cid }: ServedEntry): Promise<Answer> {
  const { serving, address, signal } = asked
  const page = Buffer.from(await listingOf({ cid: `${address.cid}`, path: address.path }, serving.list(cid, { signal })))
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-length': page.byteLength,
    'cache-control': FOR_A_WEEK,
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; sandbox",
  }
  return good(asked, etagOf(`${cid}`, 'listing', LISTING_VERSION, `${address.cid}`, address.path), headers, page)
}
