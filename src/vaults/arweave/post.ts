/** Bytes sent from where they lie: of thousands of chunks, a `fetch` each leaves more garbage than V8 collects in time. */
import { once } from 'node:events'
import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { collect } from '../../bytes/collect.ts'
import type { Answer } from './network.ts'

interface Posting {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** A longer answer is a FormatError. */
  readonly limit: number
  readonly signal: AbortSignal
}

/** Follows no redirect. The bytes are not looked at again once it has settled. */
export async function post(url: string, { body, headers, limit, signal }: Posting): Promise<Answer> {
  const open = url.startsWith('https:') ? secure : plain
  const sending = open(url, { method: 'POST', headers, signal })
  // Also after the answer has begun, which tells of it then.
  sending.on('error', () => undefined)
  try {
    const answered = once(sending, 'response')
    sending.end(body)
    const [response] = (await answered) as [IncomingMessage]
    const { statusCode: status = 0 } = response
    return { status, headers: headersOf(response), bytes: await collect(response, limit) }
  } finally {
    // Answered before it was sent: the rest of it must not follow.
    if (!sending.writableFinished) sending.destroy()
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) for (const value of values) headers.append(name, value)
  return headers
}
