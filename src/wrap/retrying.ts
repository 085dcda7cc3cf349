/** Asks an unreachable vault again, but only for what can be asked twice: a put, a renewal or a restore may have been paid for. */
import type { AbortOptions, Span, Vault } from '../contracts.ts'
import { type BackoffOptions, backoff } from './backoff.ts'

export type RetryingOptions = BackoffOptions

/**
 * The same vault, more patient: locate, status, quote, attest, retention, warmth, reads and listings are repeated when they end with `unreachable`; put,
 * remove, abandon, renew and thaw never are. A read that breaks off goes on where it stopped if the vault reads by offset; otherwise, like a listing, it is only repeated before its
 * first item.
 */
export function retrying(vault: Vault, options: RetryingOptions = {}): Vault {
  const { list, attest, quote, retention, warmth } = vault

  async function again<T>(call: AbortOptions | undefined, work: () => Promise<T>): Promise<T> {
    const afterFailure = backoff(options, call)
    for (;;) {
      try {
        return await work()
      } catch (error) {
        await afterFailure(error)
      }
    }
  }

  return {
    ...vault,
    locate: (name, call) => again(call, () => vault.locate(name, call)),
    status: (at, call) => again(call, () => vault.status(at, call)),
    read: (at, span, call) => {
      let reached = 0
      const byOffset = vault.profile.addressing === 'offset'
      return resumed(backoff(options, call), {
        open: () => vault.read(at, after(span, reached), call),
        passed: (chunk) => {
          reached += chunk.byteLength
        },
        mayGoOn: () => reached === 0 || (byOffset && reached < span.length),
      })
    },
    ...(list && {
      list: (call) => {
        let listed = 0
        return resumed(backoff(options, call), {
          open: () => list(call),
          passed: () => {
            listed++
          },
          mayGoOn: () => listed === 0,
        })
      },
    }),
    ...(attest && { attest: (at, challenge, call) => again(call, () => attest(at, challenge, call)) }),
    ...(quote && { quote: (byteLength, call) => again(call, () => quote(byteLength, call)) }),
    ...(retention && { retention: (at, call) => again(call, () => retention(at, call)) }),
    ...(warmth && { warmth: (at, call) => again(call, () => warmth(at, call)) }),
  } satisfies Vault
}

/** What is left of a span; its CID still names the whole block. */
function after(span: Span, reached: number): Span {
  return reached === 0 ? span : { cid: span.cid, offset: span.offset + reached, length: span.length - reached }
}

interface Source<T> {
  open(): AsyncIterable<T>
  passed(item: T): void
  /** Can it be opened again after what has passed already? */
  mayGoOn(): boolean
}

async function* resumed<T>(afterFailure: (error: unknown) => Promise<void>, source: Source<T>): AsyncIterable<T> {
  for (;;) {
    try {
      for await (const item of source.open()) {
        source.passed(item)
        yield item
      }
      return
    } catch (error) {
      if (!source.mayGoOn()) throw error
      await afterFailure(error)
    }
  }
}
