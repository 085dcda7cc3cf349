/** What a gateway's answer means where it is not the bytes: by status, header and error code, never by sentence. */
import type { CID } from 'multiformats/cid'
import { VaultError, type VaultErrorCode } from '../../../errors.ts'
import type { GatewayResponse } from './connect.ts'

const MOST_RETRY_AFTER_SECONDS = 24 * 3600
const AGAIN = 'try again later, or ask another gateway'

type Meaning = readonly [VaultErrorCode, string]

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  400: ['unsupported', 'it does not take this request; it may serve other CIDs, or be no trustless gateway'],
  401: ['denied', 'give its token in `headers`'],
  402: ['exhausted', 'the account has to be paid'],
  403: ['denied', 'check the token in `headers`, or whether it serves this content'],
  404: ['absent', 'it does not have it; ask another gateway'],
  406: ['unsupported', 'it does not give this format; it is no trustless gateway'],
  410: ['absent', 'it does not give it any more; ask another gateway'],
  451: ['denied', 'it may not give it, for legal reasons; ask another gateway'],
  501: ['unsupported', 'it does not give this format; it is no trustless gateway'],
}

/** What was asked for: it is in every message. */
export interface Question {
  readonly host: string
  readonly cid: CID
  readonly onlyIfCached: boolean
}

/** The error of an answer that is no success. */
export function refusal({ host, cid, onlyIfCached }: Question, { status, headers }: GatewayResponse): VaultError {
  if (status === 412 && onlyIfCached)
    return new VaultError('absent', host, `${cid} is not in its cache (HTTP 412); ask without onlyIfCached and it may fetch it`)
  const [code, advice] = BY_STATUS[status] ?? otherwise(status)
  return new VaultError(code, host, `asked for ${cid} it answered HTTP ${status}; ${advice}`, {
    retryAfterMs: retryAfter(headers.get('retry-after')),
  })
}

function otherwise(status: number): Meaning {
  if (status === 408 || status === 429 || status >= 500) return ['unreachable', AGAIN]
  // A success without the bytes, or a redirect to nowhere, tells as little as a failure of the server.
  if (status < 400) return ['unreachable', 'this is not the answer of a trustless gateway; check its URL']
  return ['invalid', 'it does not take this request; check its URL']
}

/** The error of a page for people in place of the bytes; undefined for anything else. */
export function htmlRefusal({ host, cid }: Question, { headers }: GatewayResponse): VaultError | undefined {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'text/html' && type !== 'application/xhtml+xml') return undefined
  return new VaultError(
    'unreachable',
    host,
    `asked for ${cid} it answered with a web page; check its URL, and whether it wants a login first`,
  )
}

/** Seconds only; the date form depends on two clocks. */
function retryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Math.min(Number(header), MOST_RETRY_AFTER_SECONDS) * 1_000 : undefined
}
