/** A client of the Pinning Service API 1.0.0 (https://ipfs.github.io/pinning-services-api-spec/), on fetch. */
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { ask, type Host, type Request } from './exchange.ts'
import { listPins, type PinQuery } from './list.ts'
import { type Pin, type PinStatus, pinPageOf, pinStatusOf } from './pins.ts'

export interface PinningClientOptions {
  /** The address that `/pins` follows, e.g. `https://api.pinata.cloud/psa`. */
  readonly endpoint: string
  /** Goes into the header of each request and nowhere else. */
  readonly token: string
  readonly fetch?: typeof fetch | undefined
  /** How errors name the service; default its host. */
  readonly id?: string | undefined
}

/** Each call is one request, `list` one a page, and none is repeated. All throw VaultErrors. */
export interface PinningClient {
  /** Asks for a pin; resolves when the service has taken it down, long before it has a block. Asked twice, it makes two pins. */
  add(pin: Pin, options?: AbortOptions): Promise<PinStatus>
  /** Throws `absent` where there is no such request. */
  get(requestid: string, options?: AbortOptions): Promise<PinStatus>
  /** Every pin that meets the query, the newest first. */
  list(query?: PinQuery, options?: AbortOptions): AsyncIterable<PinStatus>
  /** Removes one pin and adds another, which has a request id of its own. */
  replace(requestid: string, pin: Pin, options?: AbortOptions): Promise<PinStatus>
  /** Resolves as well where it was gone before. */
  remove(requestid: string, options?: AbortOptions): Promise<void>
}

const MAX_NAME = 255
const MAX_ORIGINS = 20

/** Throws VaultError `invalid` for an endpoint or a token that cannot be one; asks the service nothing. */
export function pinningClient(options: PinningClientOptions): PinningClient {
  const host = hostOf(options)
  const { id } = host

  const askFor = async <T>(request: Request, read: (value: unknown) => T | undefined, { signal }: AbortOptions): Promise<T> => {
    const answer = read(parsed(id, request.doing, await ask(host, request, { signal })))
    if (answer === undefined)
      throw new VaultError('unsupported', id, `${request.doing}: the answer does not follow Pinning Service API 1.0.0; check the endpoint`)
    return answer
  }

  return {
    add: async (pin, options = {}) =>
      askFor({ method: 'POST', path: '/pins', body: checked(id, pin), doing: `pinning ${pin.cid}` }, pinStatusOf, options),
    async get(requestid, options = {}) {
      const doing = `asking for pin ${requestid}`
      const status = await askFor({ method: 'GET', path: pathOf(id, requestid), doing }, pinStatusOf, options)
      if (status.requestid === requestid) return status
      throw new VaultError('unsupported', id, `${doing}: the answer is about another pin; ask the service about it`)
    },
    list: (query = {}, options = {}) =>
      listPins(id, (path, each) => askFor({ method: 'GET', path, doing: 'listing pins' }, pinPageOf, each), query, options),
    replace: async (requestid, pin, options = {}) =>
      askFor(
        { method: 'POST', path: pathOf(id, requestid), body: checked(id, pin), doing: `replacing pin ${requestid} by ${pin.cid}` },
        pinStatusOf,
        options,
      ),
    async remove(requestid, { signal } = {}) {
      try {
        await ask(host, { method: 'DELETE', path: pathOf(id, requestid), doing: `removing pin ${requestid}` }, { signal })
      } catch (error) {
        if (!(error instanceof VaultError && error.code === 'absent')) throw error
      }
    },
  }
}

function hostOf({ endpoint, token, id, fetch: given = fetch }: PinningClientOptions): Host {
  const url = URL.parse(endpoint)
  const name = id ?? (url?.host || 'pinning')
  if (!url || !/^https?:$/.test(url.protocol))
    throw new VaultError('invalid', name, 'the endpoint is no http(s) URL; it looks like https://api.example.com/psa')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new VaultError(
      'invalid',
      name,
      'the endpoint has credentials, a query or a fragment in it; give the token as `token`, and the address alone',
    )
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new VaultError('invalid', name, 'the token is empty, or has spaces, line ends or letters no header takes; copy it anew')
  return { id: name, endpoint: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, token, fetch: given }
}

function pathOf(id: string, requestid: string): string {
  // Without an id, or with one that is a step in a path, the request would be about all pins.
  if (requestid === '' || requestid === '.' || requestid === '..')
    throw new VaultError('invalid', id, `${JSON.stringify(requestid)} is no request id; take one that the service gave`)
  return `/pins/${encodeURIComponent(requestid)}`
}

function checked(id: string, { cid, name, origins, meta }: Pin): Pin {
  if (name !== undefined && [...name].length > MAX_NAME)
    throw new VaultError('invalid', id, `a name of more than ${MAX_NAME} characters; give a shorter one`)
  if (origins && origins.length > MAX_ORIGINS)
    throw new VaultError('invalid', id, `${origins.length} origins; give the best ${MAX_ORIGINS}`)
  return { cid, name, origins, meta }
}

function parsed(id: string, doing: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new VaultError('unreachable', id, `${doing}: the answer is no JSON, so it is not the service's; check the endpoint and proxies`)
  }
}
