/** Bytes of a piece, from the provider that is paid for keeping it: what proofs say nothing of. */
import { collect } from '../../bytes/collect.ts'
import { retryAfter } from '../../bytes/retry-after.ts'
import type { AbortOptions, Span } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { patienceOf } from '../patience.ts'
import type { ProviderNode } from './http.ts'
import type { At } from './locator.ts'

/** One span is asked for in parts of that size, so that no answer is held whole. */
const PART_BYTES = 4 * 1024 * 1024

/** Yields the span, as far as the pack goes. Throws `absent` when the provider says that it has no such piece. */
export async function* readPiece(
  node: ProviderNode,
  at: Pick<At, 'cid' | 'byteLength'>,
  { offset, length }: Pick<Span, 'offset' | 'length'>,
  { signal }: AbortOptions = {},
): AsyncGenerator<Uint8Array> {
  const end = Math.min(at.byteLength, offset + length)
  for (let from = offset; from < end; from += PART_BYTES)
    yield await part(node, at, { from, length: Math.min(PART_BYTES, end - from) }, { signal })
}

interface Window {
  readonly from: number
  readonly length: number
}

/** Only 206 with the very range that was asked for counts, or the whole where the whole was wanted. */
async function part(node: ProviderNode, { cid }: Pick<At, 'cid'>, { from, length }: Window, { signal }: AbortOptions): Promise<Uint8Array> {
  const doing = `reading bytes ${from} to ${from + length - 1} of piece ${cid}`
  const range = `bytes ${from}-${from + length - 1}/`
  signal?.throwIfAborted()
  const patience = patienceOf(node.timeoutMs, { signal })
  const misread = (what: string, cause?: unknown) =>
    new VaultError('unreachable', node.id, `${doing}: ${node.host} ${what}; try again later, or verify its proofs`, { cause })
  try {
    const response = await node.fetch(`${node.base}/piece/${cid}`, {
      headers: { range: `bytes=${from}-${from + length - 1}` },
      redirect: 'manual',
      signal: patience.signal,
    })
    const { status, headers, body } = response
    // A proxy's page on the way says nothing of the piece, be it "not found".
    const isPage = headers.get('content-type')?.startsWith('text/html') === true
    if (isPage && (response.ok || status === 404 || status === 410))
      throw misread(`answers with HTTP ${status} and a page, not as a storage provider does`)
    if (status === 404 || status === 410)
      throw new VaultError('absent', node.id, `${doing}: ${node.host} says that it has no such piece; repair stores it again`)
    if (status === 401 || status === 403)
      throw new VaultError('denied', node.id, `${doing}: ${node.host} answers with HTTP ${status}; it may block this address`)
    if (status === 402)
      throw new VaultError('exhausted', node.id, `${doing}: ${node.host} answers with HTTP 402; it wants to be paid for reads`)
    if (status === 429 || status >= 500)
      throw new VaultError('unreachable', node.id, `${doing}: ${node.host} answers with HTTP ${status}; try again later`, {
        retryAfterMs: retryAfter(headers.get('retry-after')),
      })
    const isWhole = status === 200 && from === 0 && headers.get('content-length') === `${length}`
    const isRange = status === 206 && headers.get('content-range')?.startsWith(range) === true
    if (!isWhole && !isRange) throw misread(`answers with HTTP ${status} and no such range`)
    const bytes = body ? await collect(body, length, { signal: patience.signal }) : new Uint8Array(0)
    if (bytes.byteLength < length) throw misread(`sends ${bytes.byteLength} of ${length} bytes`)
    return bytes
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) throw error
    if (error instanceof FormatError) throw misread(`sends more than ${length} bytes`, error)
    throw misread(patience.isOver() ? `gave no answer within ${node.timeoutMs} ms` : 'gave no whole answer', error)
  } finally {
    // What was not read must not go on arriving.
    patience.end()
  }
}
