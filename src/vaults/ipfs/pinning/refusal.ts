/** Turns the refusals of a pinning service into VaultErrors: by HTTP status and the service's own reason, never by sentence. */
import { oneLine } from '../../../bytes/one-line.ts'
import { retryAfter } from '../../../bytes/retry-after.ts'
import { VaultError, type VaultErrorCode } from '../../../errors.ts'
import { isRecord } from './pins.ts'

type Verdict = readonly [VaultErrorCode, string]

const AGAIN = 'try again later'
const ELSEWHERE = 'this is not the answer of a pinning service; check the endpoint and proxies'
const MONEY = 'pay, or raise the quota, at the service'
const MAX_TEXT = 200

const BY_STATUS: Readonly<Record<number, Verdict>> = {
  400: ['invalid', 'the service does not take this request; check the CID, the name and the endpoint'],
  401: ['denied', 'check the token, or get a new one'],
  402: ['exhausted', MONEY],
  403: ['denied', 'grant the token the right to do it at the service'],
  404: ['absent', 'nothing goes by that name there'],
  405: ['unsupported', 'the service does not do this; check the endpoint'],
  408: ['unreachable', AGAIN],
  409: ['invalid', 'the service does not take this request in the state it is in; look there for the pin'],
  413: ['invalid', 'make the name or the metadata smaller'],
  429: ['unreachable', 'slow down'],
  501: ['unsupported', 'the service does not do this'],
  507: ['exhausted', MONEY],
}

/** `doing` continues "vault x: ", e.g. `pinning bafy…`; `text` is the body, as far as it was read; what is in it is shown without the token. */
export function refusal(id: string, doing: string, response: Response, text: string, clean: (text: string) => string): VaultError {
  const { status, headers } = response
  const failure = failureIn(text)
  const [code, advice] = verdictOf(status, failure)
  const said = failure
    ? ` (${[failure.reason, failure.details]
        .filter((part) => part !== '')
        .map((part) => shown(clean(part)))
        .join(': ')})`
    : ''
  const retryAfterMs = retryAfter(headers.get('retry-after'))
  return new VaultError(code, id, `${doing} failed with HTTP ${status}${said}; ${advice}`, { retryAfterMs })
}

interface Failure {
  readonly reason: string
  readonly details: string
}

function verdictOf(status: number, failure: Failure | undefined): Verdict {
  // Only the service itself can say that something is not there; a 404 of anything else came from a wrong address.
  if (status === 404 && !failure) return ['unreachable', ELSEWHERE]
  // What the specification names 409 for.
  if (status === 409 && failure?.reason === 'INSUFFICIENT_FUNDS') return ['exhausted', MONEY]
  const known = BY_STATUS[status]
  if (known) return known
  return status >= 400 && status < 500 ? ['invalid', 'the service does not take this request'] : ['unreachable', AGAIN]
}

function failureIn(text: string): Failure | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    const error = isRecord(answer) ? answer.error : undefined
    if (!isRecord(error) || typeof error.reason !== 'string') return undefined
    return { reason: error.reason, details: typeof error.details === 'string' ? error.details : '' }
  } catch {
    return undefined
  }
}

/** What the service says, on one line. */
export const shown = (text: string): string => oneLine(text, MAX_TEXT)
