/** The objects of the Pinning Service API 1.0.0, and what of an answer is one of them. */

export const PIN_STATES = ['queued', 'pinning', 'pinned', 'failed'] as const
export type PinState = (typeof PIN_STATES)[number]

export interface Pin {
  /** Pinned with everything below it. */
  readonly cid: string
  /** Up to 255 characters. */
  readonly name?: string | undefined
  /** Up to 20 multiaddrs, each with its `/p2p/<peer id>`, of nodes that have the blocks. */
  readonly origins?: readonly string[] | undefined
  readonly meta?: Readonly<Record<string, string>> | undefined
}

export interface PinStatus {
  readonly requestid: string
  /** What the service says, and no more than that. */
  readonly status: PinState
  /** RFC 3339, as the service wrote it. */
  readonly created: string
  readonly pin: Pin
  /** Multiaddrs of nodes of the service that take the blocks. */
  readonly delegates: readonly string[]
  readonly info: Readonly<Record<string, string>>
}

export interface PinPage {
  /** How many there are for the query, on this page or not. */
  readonly count: number
  readonly results: readonly PinStatus[]
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/i

/** The PinStatus in a parsed answer, or undefined where there is none. Services write `null` for what is optional and not there. */
export function pinStatusOf(value: unknown): PinStatus | undefined {
  if (!isRecord(value)) return undefined
  const { requestid, status, created, delegates } = value
  const pin = pinOf(value.pin)
  if (typeof requestid !== 'string' || requestid === '' || !isPinState(status) || !pin || !isStrings(delegates)) return undefined
  if (typeof created !== 'string' || !RFC_3339.test(created) || Number.isNaN(Date.parse(created))) return undefined
  return { requestid, status, created, pin, delegates, info: isRecord(value.info) ? stringsIn(value.info) : {} }
}

export function pinPageOf(value: unknown): PinPage | undefined {
  if (!isRecord(value) || !Array.isArray(value.results)) return undefined
  const { count } = value
  const results = value.results.map(pinStatusOf)
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) return undefined
  return results.every((each) => each !== undefined) ? { count, results } : undefined
}

/** Negative where `a` is the earlier one, down to the last digit that was written. */
export function compareCreated(a: string, b: string): number {
  const [earlier, later] = [instantOf(a), instantOf(b)]
  if (earlier.second !== later.second) return earlier.second - later.second
  const digits = Math.max(earlier.fraction.length, later.fraction.length)
  const [x, y] = [earlier.fraction.padEnd(digits, '0'), later.fraction.padEnd(digits, '0')]
  return x < y ? -1 : x > y ? 1 : 0
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pinOf(value: unknown): Pin | undefined {
  if (!isRecord(value)) return undefined
  const { cid } = value
  const [name, origins, meta] = [value.name ?? undefined, value.origins ?? undefined, value.meta ?? undefined]
  if (typeof cid !== 'string' || cid === '') return undefined
  if (name !== undefined && typeof name !== 'string') return undefined
  if (origins !== undefined && !isStrings(origins)) return undefined
  if (meta !== undefined && !isTexts(meta)) return undefined
  return { cid, ...(name !== undefined && { name }), ...(origins !== undefined && { origins }), ...(meta !== undefined && { meta }) }
}

function instantOf(created: string): { readonly second: number; readonly fraction: string } {
  return { second: Math.floor(Date.parse(created) / 1000), fraction: RFC_3339.exec(created)?.[1] ?? '' }
}

const isPinState = (value: unknown): value is PinState => PIN_STATES.some((state) => state === value)

const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((each) => typeof each === 'string')

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === 'string')

const stringsIn = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
