/** Answers to what peers want: a batch of blocks at a time and peer, read when it is their turn, so that memory does not grow with what is wanted. */
import { CID } from 'multiformats/cid'
import { inlined, keyOf, prefixOf } from './block-id.ts'
import { encodeMessage, type Message, type Presence, type SentBlock, type Want } from './message.ts'
import type { Sources } from './sources.ts'

/** Wants of one peer that wait at the same time; what comes beyond is answered as not there. */
const MAX_WANTS = 1_024
/** A message is sent when it holds this many bytes of blocks, so at most that and one block more are in it, which is what other nodes read. */
const BATCH_BYTES = 1.75 * 1024 * 1024
const BATCH_ENTRIES = 256
/** Peers that are served at the same time; the others wait. */
const AT_ONCE = 8

/** Sends messages one after the other on one stream; asks for the next when there is room for it. */
export type Send = (
  peer: string,
  messages: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: { readonly signal: AbortSignal },
) => Promise<void>

export interface Server {
  receive(peer: string, message: Message): void
  /** What was not there may be there now: peers that still want it are answered. */
  recheck(): void
  forget(peer: string): void
  close(): void
}

interface Wanted {
  readonly cid: CID
  readonly haveOnly: boolean
  readonly sendDontHave: boolean
}

interface Peer {
  readonly id: string
  readonly wants: Map<string, Wanted>
  /** Wanted still, and not there when it was looked for. */
  readonly lacking: Map<string, Wanted>
  readonly stop: AbortController
  serving: boolean
}

export function blockServer(sources: Sources, send: Send): Server {
  const peers = new Map<string, Peer>()
  const waiting: (() => void)[] = []
  let busy = 0

  const enter = async () => {
    if (busy >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    else busy++
  }
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else busy--
  }

  /** A turn lasts from the first block that is read to the moment there is room for the next message. */
  async function* answers(peer: Peer): AsyncGenerator<Uint8Array> {
    while (peer.wants.size > 0 && !peer.stop.signal.aborted) {
      await enter()
      try {
        const message = await batchFor(peer, sources)
        if (message) yield message
      } finally {
        leave()
      }
    }
  }

  const serve = async (peer: Peer) => {
    if (peer.serving) return
    peer.serving = true
    try {
      // What is wanted while the last stream closes begins another.
      while (peer.wants.size > 0 && !peer.stop.signal.aborted) await serveNow(peer)
    } catch {
      // It takes nothing any more, or went away; one that is still there asks again.
      peer.wants.clear()
    } finally {
      peer.serving = false
    }
  }

  const serveNow = async (peer: Peer) => {
    const messages = answers(peer)
    try {
      const first = await messages.next()
      // Silence needs no stream.
      if (!first.done) await send(peer.id, before(first.value, messages), { signal: peer.stop.signal })
    } finally {
      await messages.return(undefined)
    }
  }

  const forget = (id: string) => {
    peers.get(id)?.stop.abort(new DOMException('the peer has gone', 'AbortError'))
    peers.delete(id)
  }

  return {
    receive(id, { wants, full }) {
      if (wants.length === 0 && !full) return
      const peer = peers.get(id) ?? { id, wants: new Map(), lacking: new Map(), stop: new AbortController(), serving: false }
      peers.set(id, peer)
      if (full) {
        peer.wants.clear()
        peer.lacking.clear()
      }
      const refused = wants.flatMap((want) => note(peer, want))
      if (refused.length > 0) void send(id, [encodeMessage({ presences: refused })], { signal: peer.stop.signal }).catch(() => undefined)
      void serve(peer)
    },
    recheck() {
      for (const peer of peers.values()) {
        for (const [key, wanted] of peer.lacking) peer.wants.set(key, { ...wanted, sendDontHave: false })
        peer.lacking.clear()
        void serve(peer)
      }
    },
    forget,
    close() {
      for (const id of [...peers.keys()]) forget(id)
    },
  }
}

async function* before<T>(first: T, others: AsyncIterable<T>): AsyncGenerator<T> {
  yield first
  yield* others
}

/** Keeps a want in mind; resolves to the refusal when there are too many, or it is for something that is no CID. */
function note(peer: Peer, { cid: bytes, cancel, haveOnly, sendDontHave }: Want): readonly Presence[] {
  const cid = decoded(bytes)
  if (!cid) return []
  const key = keyOf(cid)
  peer.lacking.delete(key)
  if (cancel) peer.wants.delete(key)
  else if (peer.wants.size >= MAX_WANTS && !peer.wants.has(key)) return sendDontHave ? [{ cid: bytes, has: false }] : []
  else peer.wants.set(key, { cid, haveOnly, sendDontHave })
  return []
}

function decoded(bytes: Uint8Array): CID | undefined {
  try {
    const cid = CID.decode(bytes)
    return inlined(cid) ? undefined : cid
  } catch {
    return undefined
  }
}

async function batchFor(peer: Peer, sources: Sources): Promise<Uint8Array | undefined> {
  const blocks: SentBlock[] = []
  const presences: Presence[] = []
  const { signal } = peer.stop
  let size = 0
  for (const [key, wanted] of peer.wants) {
    peer.wants.delete(key)
    const { cid, haveOnly, sendDontHave } = wanted
    const bytes = haveOnly ? undefined : await sources.block(cid, { signal })
    if (bytes) {
      blocks.push({ prefix: prefixOf(cid), bytes })
      size += bytes.byteLength
    } else if (haveOnly && (await sources.has(cid, { signal }))) presences.push({ cid: cid.bytes, has: true })
    else {
      if (sendDontHave) presences.push({ cid: cid.bytes, has: false })
      lack(peer, key, wanted)
    }
    if (size >= BATCH_BYTES || blocks.length + presences.length >= BATCH_ENTRIES) break
  }
  return blocks.length + presences.length > 0 ? encodeMessage({ blocks, presences }) : undefined
}

function lack({ lacking }: Peer, key: string, wanted: Wanted): void {
  lacking.set(key, wanted)
  for (const oldest of lacking.keys()) {
    if (lacking.size <= MAX_WANTS) break
    lacking.delete(oldest)
  }
}
