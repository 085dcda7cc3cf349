/**
 * The RPC API of a Kubo node on the loopback interface, as far as the vault asks it, with what Kubo 0.39 was seen to do: it does not write a block again that
 * it takes for stored, does not check what it stores, pins by whole CID, and says everything with HTTP 500.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CarReader } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { addressOf, RAW } from '../../src/format/address.ts'
import { reachable } from './dag-vault.ts'

export type KuboFault = 'full' | 'cut' | 'denied' | 'silent' | 'redirect'

export interface FakeKubo {
  readonly api: string
  /** By CIDs of version 1 with the codec raw: one block has one place, whatever names it. */
  readonly blocks: Map<string, Uint8Array>
  readonly pins: Set<string>
  /** Commands, in order. */
  readonly log: string[]
  readonly authorizations: (string | undefined)[]
  fault: KuboFault | undefined
  gc(): void
  [Symbol.asyncDispose](): Promise<void>
}

const keyOf = (cid: CID | string) => `${CID.createV1(RAW, CID.parse(`${cid}`).multihash)}`

class Refusal extends Error {}

export async function fakeKubo(): Promise<FakeKubo> {
  const server = createServer((request, response) => {
    answer(fake, request, response).catch((error: unknown) => {
      if (!(error instanceof Refusal)) return void response.destroy()
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ Message: error.message, Code: 0, Type: 'error' }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeKubo = {
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    blocks: new Map(),
    pins: new Set(),
    log: [],
    authorizations: [],
    fault: undefined,
    gc() {
      const kept = keptBy(fake)
      for (const key of [...fake.blocks.keys()]) if (!kept.has(key)) fake.blocks.delete(key)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}

/** Keys of what the pins reach. Throws RangeError where a link leads nowhere. */
function keptBy({ blocks, pins }: FakeKubo): ReadonlySet<string> {
  const named = { get: (cid: string) => blocks.get(keyOf(cid)) }
  return new Set([...reachable(named, pins)].map(keyOf))
}

async function answer(fake: FakeKubo, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const url = new URL(request.url ?? '/', fake.api)
  const command = url.pathname.replace('/api/v0/', '')
  const arg = url.searchParams.get('arg') ?? ''
  fake.log.push(command)
  fake.authorizations.push(request.headers.authorization)
  if (fake.fault === 'silent') return
  if (fake.fault === 'denied') return response.writeHead(403, { 'content-type': 'text/plain' }).end('Kubo RPC Access Denied')
  if (fake.fault === 'redirect') return response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()
  const lines = (...values: object[]) => response.end(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
  switch (command) {
    case 'id':
      return lines({ ID: '12D3KooWFake' })
    case 'pin/ls':
      if (!fake.pins.has(arg)) throw new Refusal(`path '${arg}' is not pinned`)
      return lines({ Keys: { [arg]: { Type: 'recursive', Name: '' } } })
    case 'pin/rm':
      if (!fake.pins.delete(arg)) throw new Refusal('not pinned or pinned indirectly')
      return lines({ Pins: [arg] })
    case 'block/get': {
      const bytes = fake.blocks.get(keyOf(arg))
      if (!bytes) throw new Refusal(`block was not found locally (offline): ipld: could not find ${arg}`)
      return response.end(bytes)
    }
    case 'block/rm':
      return lines({ Hash: arg, ...removed(fake, arg) })
    case 'block/put': {
      const bytes = await fileIn(fake, request)
      const key = `${addressOf(bytes, RAW)}`
      if (!fake.blocks.has(key)) fake.blocks.set(key, bytes)
      return lines({ Key: key, Size: bytes.byteLength })
    }
    case 'dag/import':
      return lines(...(await imported(fake, await fileIn(fake, request))))
    default:
      throw new Refusal(`unknown command ${command}`)
  }
}

function removed(fake: FakeKubo, arg: string): { readonly Error?: string } {
  const named = { get: (cid: string) => fake.blocks.get(keyOf(cid)) }
  try {
    if (reachable(named, fake.pins).has(arg)) return { Error: 'pinned via a root' }
  } catch (error) {
    return { Error: `pin check failed: ${String(error)}` }
  }
  fake.blocks.delete(keyOf(arg))
  return {}
}

async function imported(fake: FakeKubo, car: Uint8Array): Promise<readonly object[]> {
  const reader = await CarReader.fromBytes(car)
  let BlockCount = 0
  for await (const { cid, bytes } of reader.blocks()) {
    BlockCount++
    const key = keyOf(`${cid}`)
    if (!fake.blocks.has(key)) fake.blocks.set(key, bytes)
  }
  const [root] = await reader.getRoots()
  const wasPinned = fake.pins.has(`${root}`)
  fake.pins.add(`${root}`)
  let PinErrorMsg = ''
  try {
    keptBy(fake)
  } catch (error) {
    if (!wasPinned) fake.pins.delete(`${root}`)
    PinErrorMsg = String(error)
  }
  return [{ Root: { Cid: { '/': `${root}` }, PinErrorMsg } }, { Stats: { BlockCount, BlockBytesCount: car.byteLength } }]
}

/** The one file of a multipart form. */
async function fileIn(fake: FakeKubo, request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    if (fake.fault === 'cut') throw new RangeError('the fake goes down')
    pieces.push(piece)
  }
  if (fake.fault === 'full') throw new Refusal('write /repo/blocks/put-1: no space left on device')
  const form = new Response(Buffer.concat(pieces), { headers: { 'content-type': request.headers['content-type'] ?? '' } })
  const file = (await form.formData()).get('file')
  if (!(file instanceof File)) throw new Refusal('file argument required')
  return new Uint8Array(await file.arrayBuffer())
}
