/** Bitswap on connections of libp2p: messages come and go on streams of their own, and only to peers that are connected. */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { VaultError } from '../../../errors.ts'
import { framesOf, sendFrame } from './frames.ts'
import { decodeMessage, type Message } from './message.ts'
import type { Send } from './serve.ts'

const PROTOCOL = '/ipfs/bitswap/1.2.0'
/** Streams that one connection may have open towards us; each holds at most one message. */
const MAX_STREAMS = 16
/** A message is sent, or the next one comes, within this time; else the stream ends. In milliseconds. */
const PATIENCE_MS = 10_000

export interface Exchange {
  peers(): readonly string[]
  readonly send: Send
  listen(receive: (peer: string, message: Message) => void): Promise<void>
}

export function exchangeOn(id: string, libp2p: Libp2p): Exchange {
  const open = () => libp2p.getConnections().filter(({ status }) => status === 'open')
  return {
    peers: () => [...new Set(open().map(({ remotePeer }) => remotePeer.toString()))],
    async send(peer, messages, { signal }) {
      const connection = open().find(({ remotePeer }) => remotePeer.toString() === peer)
      if (!connection) throw new VaultError('unreachable', id, `peer ${peer} is not connected any more`)
      const limited = () => ({ signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) })
      const stream = await connection.newStream(PROTOCOL, limited())
      try {
        for await (const message of messages) await sendFrame(stream, message, limited())
        await stream.close(limited())
      } catch (error) {
        stream.abort(error instanceof Error ? error : new VaultError('unreachable', id, 'the message could not be sent', { cause: error }))
        throw error
      }
    },
    async listen(receive) {
      const handler = (stream: Stream, connection: Connection) => void readAll(id, stream, connection.remotePeer.toString(), receive)
      await libp2p.handle(PROTOCOL, handler, { maxInboundStreams: MAX_STREAMS, runOnLimitedConnection: false })
    },
  }
}

/** What is no message ends its stream and nothing else. */
async function readAll(id: string, stream: Stream, peer: string, receive: (peer: string, message: Message) => void): Promise<void> {
  const late = () => stream.abort(new VaultError('unreachable', id, `peer ${peer} sent nothing for ${PATIENCE_MS} ms`))
  const timer = setTimeout(late, PATIENCE_MS)
  try {
    for await (const frame of framesOf(stream)) {
      timer.refresh()
      receive(peer, decodeMessage(frame))
    }
    await stream.close({ signal: AbortSignal.timeout(PATIENCE_MS) })
  } catch (error) {
    stream.abort(error instanceof Error ? error : new VaultError('unreachable', id, 'the stream broke off', { cause: error }))
  } finally {
    clearTimeout(timer)
  }
}
