/** What our servers have in common: they listen on this machine, answer who calls them by its address, and end when told. */
import type { Server } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { ConfigError } from '../errors.ts'

/** `localhost`, `::1` and 127.0.0.0/8. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

/** By its `Host`. A page in a browser on this machine can make its own name lead here; then it calls by that name. */
export function callsLoopback(host = ''): boolean {
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
  return url !== undefined && isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'))
}

/** Resolves to where it listens. Throws ConfigError `invalid` for an address that is taken or cannot be listened on. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'another program listens there' : `it cannot be listened on (${cause.code})`
      reject(new ConfigError('invalid', `${host}:${port}: ${why}; choose another address`, { cause }))
    })
    server.listen({ host, port, exclusive: true }, resolve)
  })
  const { address, port: bound } = server.address() as AddressInfo
  return `http://${address.includes(':') ? `[${address}]` : address}:${bound}`
}

/** Takes no more requests, and cuts off what is still under way after `graceMs`. */
export async function end(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), graceMs).unref()
  })
}
