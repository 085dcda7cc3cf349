/** How a gateway says that it has no answer. The text tells the client what it asked for; what vaults said is for whoever runs the gateway. */
import { ArchiveError, FormatError, VaultError } from '../errors.ts'
import type { Answer } from './gateway-answers.ts'
import { Unanswerable } from './gateway-question.ts'

/** One line of text, never cached. */
export function told(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(`${text}\n`)
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': body.byteLength,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
    body,
  }
}

/** What an error comes to. `onlyIfCached`: then what is not here is not 404 but 412. */
export function failed(error: unknown, { onlyIfCached }: { readonly onlyIfCached: boolean }): Answer {
  if (error instanceof Unanswerable) return told(error.status, error.message)
  if (error instanceof FormatError) return misread(error)
  if (error instanceof ArchiveError && error.code === 'unknown-root')
    return onlyIfCached ? told(412, 'this gateway does not hold that block') : told(404, 'this gateway does not hold that block')
  if (error instanceof ArchiveError && error.code === 'conflict')
    return told(503, 'the archive changed meanwhile; ask again', { 'retry-after': '1' })
  if ((error instanceof ArchiveError && error.code === 'unavailable') || error instanceof VaultError)
    return told(502, 'no vault of the archive gives intact bytes of a block that it takes')
  return told(500, 'the archive could not be read')
}

function misread({ code, message }: FormatError): Answer {
  if (code === 'no-such-path' || code === 'not-a-directory') return told(404, message)
  if (code === 'bad-range' || code === 'invalid-cid' || code === 'not-a-file') return told(400, message)
  if (code === 'unsupported') return told(406, message)
  return told(500, message)
}
