/** Decodes `aws-chunked` bodies with unsigned chunks and checksum trailers. */
import { Refusal } from './wire.ts'

const STREAMING = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

type Headers = Readonly<Record<string, string | undefined>>

/** The body that was meant, and its trailers as if they had been headers. */
export function decodedBody(headers: Headers, raw: Buffer): { readonly body: Buffer; readonly headers: Headers } {
  if (headers['x-amz-content-sha256'] !== STREAMING) return { body: raw, headers }
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const line = raw.indexOf('\r\n', at)
    const length = line < 0 ? Number.NaN : Number.parseInt(raw.toString('latin1', at, line), 16)
    if (Number.isNaN(length)) throw incomplete()
    at = line + 2
    if (length === 0) break
    chunks.push(raw.subarray(at, at + length))
    at += length + 2
  }
  const body = Buffer.concat(chunks)
  if (body.byteLength !== Number(headers['x-amz-decoded-content-length'])) throw incomplete()
  return { body, headers: { ...headers, ...trailers(raw.toString('latin1', at)) } }
}

function trailers(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
}

function incomplete(): Refusal {
  return new Refusal(400, 'IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.')
}
