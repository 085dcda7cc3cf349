/** What the parts of the fake S3 server say to one another: requests, responses and refusals. */

/** A request as it arrived, authenticated and with its body decoded. */
export interface S3Request {
  readonly op: string
  readonly method: string
  readonly key: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export interface S3Response {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface RefusalOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Further elements of the error document. */
  readonly details?: Readonly<Record<string, string>>
}

/** An S3 error: its code and HTTP status, as the API reference lists them. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  readonly details: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, { headers = {}, details = {} }: RefusalOptions = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
    this.details = details
  }
}
