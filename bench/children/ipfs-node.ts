/** `node ipfs-node DOOR perdure|helia MIB`: a node of ours, or Helia as it comes, in a process of its own; prints the figures as JSON. */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

interface Node {
  readonly address: string
  fetch(cid: CID): Promise<number>
  close(): Promise<void>
}
type Start = (blocks: ReadonlyMap<string, Uint8Array>, peer: string | undefined) => Promise<Node>

const [, , door = '', side = '', size = '64'] = process.argv
const RAW = 0x55
const SHA2_256 = 0x12
const BLOCK_BYTES = 1024 * 1024
const AHEAD = 16
const MEMORY = () => process.memoryUsage.rss()

async function ours(): Promise<Start> {
  const { heliaNode } = (await import(new URL('ipfs.js', door).href)) as typeof import('../../src/ipfs.ts')
  return async (blocks, peer) => {
    const source = { has: async (cid: CID) => blocks.has(`${cid}`), block: async (cid: CID) => blocks.get(`${cid}`) }
    const node = await heliaNode({ blocks: [source], ...(peer !== undefined && { bootstrap: [peer] }) })
    const [address = ''] = node.addresses
    return { address, fetch: async (cid) => (await node.fetch(cid)).byteLength, close: () => node.close() }
  }
}

async function stock(): Promise<Start> {
  const [{ createHeliaLight }, { withLibp2pLight }, { withBitswap }, { tcp }, { noise }, { yamux }, { identify }, { multiaddr }] =
    await Promise.all([
      import('helia'),
      import('@helia/libp2p'),
      import('@helia/bitswap'),
      import('@libp2p/tcp'),
      import('@libp2p/noise'),
      import('@libp2p/yamux'),
      import('@libp2p/identify'),
      import('@multiformats/multiaddr'),
    ])
  return async (blocks, peer) => {
    const light = withLibp2pLight(createHeliaLight(), {
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() },
    })
    const node = withBitswap(light)
    await node.start()
    for (const [name, bytes] of blocks) await node.blockstore.put(CID.parse(name), bytes)
    if (peer !== undefined) await node.libp2p.dial(multiaddr(peer))
    const fetch = async (cid: CID) => {
      let length = 0
      for await (const piece of node.blockstore.get(cid)) length += piece.byteLength
      return length
    }
    return { address: String(node.libp2p.getMultiaddrs()[0]), fetch, close: async () => void (await node.stop()) }
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const at = performance.now()
  const value = await work()
  return { ms: performance.now() - at, value }
}

const before = MEMORY()
// The first start loads the packages; those after it are what a start costs.
const first = await timed(async () => {
  const start = await (side === 'perdure' ? ours() : stock())
  return { start, node: await start(new Map(), undefined) }
})
const addedBytes = MEMORY() - before
const { start } = first.value
await first.value.node.close()
const second = await timed(() => start(new Map(), undefined))
await second.value.close()

const blocks = new Map<string, Uint8Array>()
for (let at = 0; at < Number(size); at++) {
  const bytes = Buffer.alloc(BLOCK_BYTES, `${at} `)
  blocks.set(`${CID.createV1(RAW, Digest.create(SHA2_256, createHash('sha256').update(bytes).digest()))}`, bytes)
}
const server = await start(blocks, undefined)
const client = await start(new Map(), server.address)
const wanted = [...blocks.keys()].map((name) => CID.parse(name)).values()
const transfer = await timed(async () => {
  const lane = async () => {
    for (const cid of wanted) await client.fetch(cid)
  }
  await Promise.all(Array.from({ length: AHEAD }, lane))
})
await client.close()
await server.close()
process.stdout.write(JSON.stringify({ firstMs: first.ms, startMs: second.ms, addedBytes, transferMs: transfer.ms }))
