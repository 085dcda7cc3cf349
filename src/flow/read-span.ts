/** Asking a vault for one block and hashing the answer: the only way bytes of a vault come in. */
import type { Locator, Span, Vault, VaultReadOptions } from '../contracts.ts'
import { FormatError, VaultError } from '../errors.ts'
import { matchesAhead } from '../format/address.ts'

/** What came of asking: only `intact` carries bytes, and they were hashed. */
export type Answer =
  | { readonly outcome: 'intact'; readonly bytes: Uint8Array }
  | { readonly outcome: 'damaged' | 'absent' | 'denied' | 'silent'; readonly error: Error }

export interface ReadSpanOptions extends VaultReadOptions {
  /** Longest silence between two pieces of the answer, in milliseconds. */
  readonly timeoutMs: number
}

/** Reads and hashes one span. Rejects only when the caller's own signal ends it; everything a vault can do wrong is an outcome. */
export async function readSpan(vault: Vault, at: Locator, span: Span, options: ReadSpanOptions): Promise<Answer> {
  const bytes = await readRange(vault, at, span, options)
  return bytes instanceof Uint8Array ? hashed(vault, span, bytes) : bytes
}

/** Bytes that came for a span, judged by their hash. */
export async function hashed(vault: Vault, span: Span, bytes: Uint8Array): Promise<Answer> {
  if (await matchesAhead(span.cid, bytes)) return { outcome: 'intact', bytes }
  return {
    outcome: 'damaged',
    error: new VaultError('damaged', vault.profile.id, `${bytes.byteLength} bytes came for ${span.cid}, and they do not hash to it`),
  }
}

/** Unverified bytes of a range, or what went wrong. For callers that hash each block of it. */
export async function readRange(
  vault: Vault,
  at: Locator,
  range: Span,
  options: ReadSpanOptions,
): Promise<Uint8Array | Exclude<Answer, { outcome: 'intact' }>> {
  const { signal } = options
  try {
    return await gather(vault, at, range, options)
  } catch (error) {
    signal?.throwIfAborted()
    const known = error instanceof Error ? error : new VaultError('unreachable', vault.profile.id, 'the read failed', { cause: error })
    return { outcome: outcomeOf(error), error: known }
  }
}

function outcomeOf(error: unknown): 'damaged' | 'absent' | 'denied' | 'silent' {
  if (error instanceof FormatError) return 'damaged'
  if (!(error instanceof VaultError)) return 'silent'
  if (error.code === 'absent' || error.code === 'denied' || error.code === 'damaged') return error.code
  return 'silent'
}

async function gather(vault: Vault, at: Locator, span: Span, options: ReadSpanOptions): Promise<Uint8Array> {
  let whole: Uint8Array | undefined
  let filled = 0
  await streamed(vault, at, span, options, (piece) => {
    if (filled === 0 && piece.byteLength === span.length) whole = piece
    else {
      whole ??= options.into?.subarray(0, span.length) ?? Buffer.allocUnsafe(span.length)
      // Where the vault has read into that memory itself, the piece lies there already.
      whole.set(piece, filled)
    }
    filled += piece.byteLength
  })
  return filled === span.length && whole ? whole : (whole ?? new Uint8Array(0)).subarray(0, filled)
}

/** The reason a vault sees when its answer is not wanted any more; one for all, since nobody reads it. */
const LEFT = new DOMException('the answer is not wanted any more', 'AbortError')

/**
 * Hands over the pieces of a range as they come, at most `range.length` bytes, not hashed. Rejects after `timeoutMs` of silence, at once when the
 * signal aborts, and with whatever the vault or `onPiece` throws. A vault that ignores its signal is left behind.
 */
export function streamed(
  vault: Vault,
  at: Locator,
  range: Span,
  { signal, timeoutMs, into, audit }: ReadSpanOptions,
  onPiece: (piece: Uint8Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = new AbortController()
    const pieces = vault.read(at, range, { signal: stop.signal, into, ...(audit && { audit }) })[Symbol.asyncIterator]()
    let over = false
    let left = range.length
    const end = () => {
      over = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (reason: unknown) => {
      if (over) return
      end()
      stop.abort(LEFT)
      Promise.resolve(pieces.return?.()).catch(() => undefined)
      reject(reason)
    }
    const onAbort = () => fail(signal?.reason)
    const timer = setTimeout(() => fail(silence(vault, timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    const pump = async () => {
      for (let step = await pieces.next(); !step.done && !over; step = await pieces.next()) {
        timer.refresh()
        left -= step.value.byteLength
        if (left < 0) throw new FormatError('limit', `more than the ${range.length} bytes of the span came`)
        onPiece(step.value)
      }
      if (over) return
      end()
      resolve()
    }
    pump().catch(fail)
  })
}

const silence = (vault: Vault, timeoutMs: number) =>
  new VaultError('unreachable', vault.profile.id, `nothing came for ${timeoutMs} ms; the span is asked for again at the next check`)
