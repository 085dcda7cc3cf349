/** Remote peers: a stock Helia with its own bitswap, and one that says what it is told to. */
import { Readable } from 'node:stream'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { identify } from '@libp2p/identify'
import type { Connection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import type { CID } from 'multiformats/cid'
import { onTestFinished } from 'vitest'
import { framesOf, sendFrame } from '../../../src/vaults/ipfs/embedded/frames.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../src/vaults/ipfs/embedded/message.ts'
import { bytesOf } from '../../flow/house.ts'

const PROTOCOL = '/ipfs/bitswap/1.2.0'

const light = () =>
  withLibp2pLight(createHeliaLight(), {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })

/** Helia as it comes, keeping blocks in memory. */
export async function stockPeer() {
  const node = withBitswap(light())
  await node.start()
  const stop = async () => void (await node.stop())
  onTestFinished(stop)
  return {
    helia: node,
    peerId: node.libp2p.peerId.toString(),
    addresses: node.libp2p.getMultiaddrs().map(String),
    connect: async (address: string) => void (await node.libp2p.dial(multiaddr(address))),
    get: (cid: CID, signal = AbortSignal.timeout(20_000)) => bytesOf(Readable.from(node.blockstore.get(cid, { signal }))),
    put: async (cid: CID, bytes: Uint8Array) => void (await node.blockstore.put(cid, bytes)),
    stop,
  }
}

export interface Script {
  /** Called with every message; what it returns is sent back, or the bytes as they are. */
  readonly answer: (message: Message) => Partial<Message> | Uint8Array | undefined
  /** Takes streams and reads nothing of them. */
  readonly deaf?: boolean
}

/** A peer that speaks bitswap by script. */
export async function scriptedPeer({ answer, deaf = false }: Script) {
  const node = light()
  await node.start()
  const seen: Message[] = []
  const say = async (connection: Connection, bytes: Uint8Array) => {
    const stream = await connection.newStream(PROTOCOL)
    await sendFrame(stream, bytes)
    await stream.close()
  }
  await node.libp2p.handle(PROTOCOL, async (stream, connection) => {
    if (deaf) return
    for await (const frame of framesOf(stream)) {
      const message = decodeMessage(frame)
      seen.push(message)
      const reply = answer(message)
      if (reply) await say(connection, reply instanceof Uint8Array ? reply : encodeMessage(reply)).catch(() => undefined)
    }
    await stream.close().catch(() => undefined)
  })
  const stop = async () => void (await node.stop())
  onTestFinished(stop)
  return {
    seen,
    peerId: node.libp2p.peerId.toString(),
    addresses: node.libp2p.getMultiaddrs().map(String),
    connect: async (address: string) => node.libp2p.dial(multiaddr(address)),
    /** Sends bytes of the caller's choice on a stream of their own. */
    async raw(connection: Connection, bytes: Uint8Array) {
      const stream = await connection.newStream(PROTOCOL)
      stream.send(bytes)
      return stream
    },
    say,
    stop,
  }
}
