/** Two nodes exchange a block and rest a while; prints every place that anything in this process bound, called or asked for. */
import dgram from 'node:dgram'
import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const bound: string[] = []
const called: string[] = []
const asked: string[] = []

function watch(owner: object, name: string, note: (args: readonly unknown[]) => void): void {
  const original = Reflect.get(owner, name)
  if (typeof original !== 'function') return
  Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
    note(args)
    return Reflect.apply(original, this, args)
  })
}

const place = (args: readonly unknown[]): string => {
  const [first, second] = args.flat() as [unknown, unknown]
  if (typeof first === 'object' && first !== null) return String('host' in first ? first.host : 'path' in first ? first.path : 'any')
  return typeof second === 'string' ? second : 'any'
}

watch(net.Server.prototype, 'listen', (args) => bound.push(place(args)))
watch(net.Socket.prototype, 'connect', (args) => called.push(place(args)))
watch(dgram, 'createSocket', () => bound.push('udp'))
for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(owner).filter((each) => /^(lookup|resolve|reverse)/.test(each)))
    watch(owner, name, (args) => {
      // An address is no name: looking it up asks nobody.
      if (net.isIP(String(args[0])) === 0) asked.push(String(args[0]))
    })
}
for (const owner of [http, https]) for (const name of ['request', 'get']) watch(owner, name, (args) => asked.push(String(args[0])))
watch(globalThis, 'fetch', (args) => asked.push(String(args[0])))
syncBuiltinESMExports()

const { heliaNode } = await import('../../../src/ipfs.ts')
const { addressOf, RAW } = await import('../../../src/format/address.ts')
const bytes = new Uint8Array(1000)
const one = await heliaNode({ blocks: [{ has: async () => true, block: async () => bytes }] })
const other = await heliaNode({ bootstrap: one.addresses })
const came = await other.fetch(addressOf(bytes, RAW))
await new Promise((resolve) => setTimeout(resolve, 1_500))
await other.close()
await one.close()
console.log(JSON.stringify({ bound, called, asked, came: came.byteLength }))
