/** Where the RPC API of a node is. */
import { isIP } from 'node:net'
import { VaultError } from '../../../errors.ts'

const MULTIADDR = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(?:\/(http|https|tls\/http))?\/?$/

/** The origin of a URL or multiaddr. Throws VaultError `invalid`; a password in it is not repeated. */
export function apiOf(id: string, text: string): URL {
  const refuse = (why: string) => new VaultError('invalid', id, why)
  const url = URL.parse(text.startsWith('/') ? (fromMultiaddr(text) ?? '') : text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw refuse('`api` is not the address of an RPC API; give it as http://127.0.0.1:5001 or /ip4/127.0.0.1/tcp/5001')
  if (url.username !== '' || url.password !== '') throw refuse('`api` holds a password; give it in `auth`')
  if (!/^\/(?:api\/v0\/?)?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    throw refuse(`give the origin of the API alone in \`api\`, ${url.origin}`)
  return new URL(url.origin)
}

/** Is it this machine, by its address or as `localhost`? */
export function isLoopback({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function fromMultiaddr(text: string): string | undefined {
  const [, kind, host = '', port, end = 'http'] = MULTIADDR.exec(text) ?? []
  if (kind === undefined) return undefined
  const family = isIP(host)
  if (kind.startsWith('ip') ? family !== Number(kind.slice(2)) : family !== 0) return undefined
  return `${end === 'http' ? 'http' : 'https'}://${family === 6 ? `[${host}]` : host}:${port}`
}
