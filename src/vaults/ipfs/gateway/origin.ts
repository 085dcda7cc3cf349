/** Where a gateway is, checked before anything is asked, and where it may send us. */
import { isIP } from 'node:net'
import { isPublicAddress } from '../../../bytes/public-address.ts'
import { VaultError } from '../../../errors.ts'

export interface OriginRules {
  /** Are headers sent that may be secrets? */
  readonly secrets: boolean
  readonly allowPrivate: boolean
}

/** The origin of a gateway's URL. Throws VaultError `invalid`; a password in it is not repeated. */
export function originOf(text: string, { secrets, allowPrivate }: OriginRules): URL {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('gateway', 'this is no URL of a gateway; pass its origin, e.g. https://gateway.example')
  if (url.username !== '' || url.password !== '') throw invalid(url.host, 'the URL holds a password; give it in `headers`')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw invalid(url.host, `pass its origin alone, ${url.origin}; tokens belong in \`headers\``)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && !isPublicAddress(host) && !allowPrivate) throw privateNetwork(url.host)
  if (secrets && url.protocol === 'http:' && !allowPrivate) throw invalid(url.host, 'the headers would travel in clear; use https')
  return url
}

/** Where a redirect leads, when that is the same host with no less protection; undefined for anywhere else. */
export function redirectWithin(from: URL, location: string): URL | undefined {
  const to = URL.parse(location, from)
  if (to?.username !== '' || to.password !== '') return undefined
  const upgraded =
    from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname && from.port === '' && to.port === ''
  return to.origin === from.origin || upgraded ? to : undefined
}

export const privateNetwork = (host: string, cause?: unknown) =>
  new VaultError(
    'invalid',
    host,
    'it is on a private network; if it is yours, set `allowPrivate`, or pass --allow-private to `perdure import`',
    { cause },
  )

const invalid = (host: string, message: string) => new VaultError('invalid', host, message)
