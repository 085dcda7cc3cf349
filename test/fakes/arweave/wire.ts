/** Requests and answers of the fake Arweave servers, free of sockets. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** These bytes are data of a transaction, and so what a lie about data touches. */
  readonly isData?: boolean
}

export interface Asked {
  readonly method: string
  /** Path alone, without the query. */
  readonly path: string
  readonly range: string | undefined
  readonly body: Buffer
}

export const text = (status: number, body: string): Reply => ({ status, headers: { 'content-type': 'text/plain' }, body })
export const json = (status: number, body: unknown): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(body),
})

export const NOT_FOUND = text(404, 'Not Found.')
export const PENDING = text(202, 'Pending')
export const TOO_LARGE = text(413, 'Payload too large')

/** Undefined unless it is a JSON object. */
export function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
