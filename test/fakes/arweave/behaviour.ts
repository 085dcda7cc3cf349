/** The faults and lies of one fake Arweave node; a test changes them at any time. */
import type { Reply } from './wire.ts'
import { text } from './wire.ts'

export type ChunkRefusal =
  | 'invalid_json'
  | 'chunk_too_big'
  | 'data_path_too_big'
  | 'offset_too_big'
  | 'data_size_too_big'
  | 'chunk_proof_ratio_not_attractive'
  | 'data_root_not_found'
  | 'exceeds_disk_pool_size_limit'
  | 'invalid_proof'

export interface Behaviour {
  /** Before every answer. */
  latencyMs: number
  /** The n-th request from now (1 is the next) and all later ones find a cut connection; counts down. With `handled`, the n-th takes effect first. */
  failFrom: number | { readonly request: number; readonly handled: true } | undefined
  /** One such request is cut off, before it is handled (the default) or after: then only the answer is lost. */
  failOnce: { readonly method: string; readonly path: RegExp; readonly when?: 'before' | 'after' } | undefined
  /** The status line comes, the other headers never do; the connection is cut after so long. */
  slowHeadersMs: number | undefined
  /** 429 with Retry-After: 1. A number counts down the requests. */
  rateLimited: boolean | number
  /** 403 to everything. */
  denied: boolean
  /** 200 with a web page to everything. */
  html: boolean

  /** Everything of these ids is 404, and GraphQL does not list them. */
  hidesTx: readonly string[]
  /** The data of these ids is 404, their headers are fine. */
  hides: readonly string[]
  /** `/tx/{id}/status` says deeply confirmed of any id, in a block that is made up. */
  confirmsAnything: boolean
  /** The text of every price. */
  wrongPrice: string | undefined
  /** GET `/chunk` is 404. */
  noChunks: boolean
  /** The next so many chunks posted are refused with this. */
  refuseChunks: { readonly error: ChunkRefusal; readonly times: number } | undefined
  /** Chunks are taken with 303, as nodes answer that keep them for a while only. */
  keepsChunksShortly: boolean
  /** 208 is for recently seen transactions: forgetful nodes answer 400 to a second post, in words that depend on the anchor and on where it is. */
  forgetsSeen: boolean

  /** Gateway: serves data as soon as it is uploaded. */
  optimistic: boolean
  /** Gateway: answers a range with 200 and the whole, slowly, piece by piece. */
  rangeIgnored: boolean
  /** Gateway: the right bytes under a Content-Range that is one byte off. */
  wrongContentRange: boolean
  /** One bit of all data served, chunks included; counting goes round. */
  flipInData: number | undefined
  /** GraphQL adds a hit of another owner and one whose tags do not match. */
  listsForeign: boolean
}

export const honest = (): Behaviour => ({
  latencyMs: 0,
  failFrom: undefined,
  failOnce: undefined,
  slowHeadersMs: undefined,
  rateLimited: false,
  denied: false,
  html: false,
  hidesTx: [],
  hides: [],
  confirmsAnything: false,
  wrongPrice: undefined,
  noChunks: false,
  refuseChunks: undefined,
  keepsChunksShortly: false,
  forgetsSeen: false,
  optimistic: false,
  rangeIgnored: false,
  wrongContentRange: false,
  flipInData: undefined,
  listsForeign: false,
})

/** Is this request to be cut off, and on which side of its handling? */
export function cut(behaviour: Behaviour, method: string, path: string): 'before' | 'after' | undefined {
  const { failFrom, failOnce } = behaviour
  if (failFrom !== undefined) {
    const [request, handled] = typeof failFrom === 'number' ? [failFrom, false] : [failFrom.request, failFrom.handled]
    if (request <= 1) {
      behaviour.failFrom = 1
      return handled ? 'after' : 'before'
    }
    behaviour.failFrom = handled ? { request: request - 1, handled } : request - 1
  }
  if (failOnce?.method === method && failOnce.path.test(path)) {
    behaviour.failOnce = undefined
    return failOnce.when ?? 'before'
  }
  return undefined
}

const PAGE = '<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Welcome to the permaweb</h1></body></html>'

/** An answer that does not depend on what was asked. */
export function blanket(behaviour: Behaviour): Reply | undefined {
  if (behaviour.denied) return text(403, 'Forbidden')
  const { rateLimited } = behaviour
  if (rateLimited === true || (typeof rateLimited === 'number' && rateLimited > 0)) {
    if (rateLimited !== true) behaviour.rateLimited = rateLimited - 1
    return { status: 429, headers: { 'content-type': 'text/plain', 'retry-after': '1' }, body: 'Too Many Requests' }
  }
  return behaviour.html ? { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: PAGE } : undefined
}

export const isHidden = ({ hidesTx }: Behaviour, id: string): boolean => hidesTx.includes(id)
export const hidesData = ({ hidesTx, hides }: Behaviour, id: string): boolean => hidesTx.includes(id) || hides.includes(id)
