/** Lists pins page by page, from the newest back to the oldest. */
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { compareCreated, PIN_STATES, type PinPage, type PinState, type PinStatus } from './pins.ts'

/** The service's own limit is 1000; a page of that many pins with origins and metadata may be too long an answer. */
const PAGE = 100
const MAX_PAGE = 1000
const MAX_CIDS = 10

/** Pins that meet all of what is given. */
export interface PinQuery {
  /** One, or up to 10; as they were pinned, since services compare text. */
  readonly cid?: string | readonly string[] | undefined
  readonly name?: string | undefined
  /** How `name` is compared; default `exact`. */
  readonly match?: 'exact' | 'iexact' | 'partial' | 'ipartial' | undefined
  /** Default every state. */
  readonly status?: PinState | readonly PinState[] | undefined
  /** RFC 3339: created earlier, or later, than this. */
  readonly before?: string | undefined
  readonly after?: string | undefined
  /** Pins asked for at a time, 1 to 1000; default 100. */
  readonly limit?: number | undefined
  /** Pins whose metadata has all of this. */
  readonly meta?: Readonly<Record<string, string>> | undefined
}

/**
 * Every pin once. Pages are told apart by `created`, which the specification wants to be unique; where a service repeats a page instead of going on,
 * VaultError `unsupported` is thrown, so that an end is never taken for the whole.
 */
export async function* listPins(
  id: string,
  page: (path: string, options: AbortOptions) => Promise<PinPage>,
  query: PinQuery,
  options: AbortOptions,
): AsyncGenerator<PinStatus, void, undefined> {
  const parameters = parametersOf(id, query)
  const seen = new Set<string>()
  for (let oldest: string | undefined; ; ) {
    const { count, results } = await page(`/pins?${parameters}`, options)
    const fresh = results.filter(({ requestid }) => !seen.has(requestid))
    if (fresh.length === 0) {
      // Some count what lies behind as well, so after the first page an empty one is the end. Where `before` includes its moment, the last pin comes again.
      if (count <= results.length || (results.length === 0 && seen.size > 0)) return
      throw new VaultError(
        'unsupported',
        id,
        `listing pins: the service counts ${count} more pins and shows none of them; ask it about paging`,
      )
    }
    for (const pin of fresh) {
      if (seen.has(pin.requestid)) continue
      seen.add(pin.requestid)
      if (oldest === undefined || compareCreated(pin.created, oldest) < 0) oldest = pin.created
      yield pin
    }
    if (oldest !== undefined) parameters.set('before', oldest)
  }
}

function parametersOf(id: string, query: PinQuery): URLSearchParams {
  const { name, match, before, after, meta, limit = PAGE } = query
  const cids = listOf(query.cid)
  // Without it a service shows what is pinned and hides the rest.
  const states = listOf(query.status) ?? PIN_STATES
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new VaultError('invalid', id, `a limit of ${limit}; ask for 1 to ${MAX_PAGE} pins at a time`)
  if (cids && (cids.length < 1 || cids.length > MAX_CIDS))
    throw new VaultError('invalid', id, `${cids.length} CIDs in one query; give 1 to ${MAX_CIDS}`)
  if (states.length < 1) throw new VaultError('invalid', id, 'a query for no state at all; name one, or leave `status` out')
  const parameters = new URLSearchParams({ status: states.join(','), limit: `${limit}` })
  if (cids) parameters.set('cid', cids.join(','))
  if (meta !== undefined) parameters.set('meta', JSON.stringify(meta))
  for (const [key, value] of Object.entries({ name, match, before, after })) if (value !== undefined) parameters.set(key, value)
  return parameters
}

const listOf = <T extends string>(value: T | readonly T[] | undefined): readonly T[] | undefined =>
  typeof value === 'string' ? [value] : (value as readonly T[] | undefined)
