/** Blocks from peers: asked of those named and of no others, hashed, and refused where they are too large, too late or another block. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError, VaultError } from '../../../errors.ts'
import { assertHash, inlined, keyOf, keyOfSent, MAX_BLOCK_BYTES } from './block-id.ts'
import { encodeMessage, type Message, type Want } from './message.ts'
import type { Send } from './serve.ts'

const DEFAULT_TIMEOUT_MS = 30_000
/** Blocks that were asked for lately: one that comes again, or too late, is no wrong block. */
const RECENT = 4_096

export interface FetchOptions extends AbortOptions {
  /** Peer id of the only peer that is asked; default: every peer that is connected, and the first answer counts. */
  readonly from?: string | undefined
  /** Larger blocks are refused; default and most 2 MiB. */
  readonly maxBytes?: number | undefined
  /** How long an answer may take, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
}

export interface Fetcher {
  fetch(cid: CID, options?: FetchOptions): Promise<Uint8Array>
  receive(peer: string, message: Message): void
  forget(peer: string): void
  close(): void
}

interface Waiter {
  readonly cid: CID
  readonly maxBytes: number
  /** Peers that were asked. */
  readonly asked: ReadonlySet<string>
  /** Those of them that may still answer. */
  readonly open: Set<string>
  readonly take: (bytes: Uint8Array) => void
  readonly fail: (error: Error) => void
}

export function blockFetcher(id: string, peers: () => readonly string[], send: Send): Fetcher {
  const waiting = new Map<string, Set<Waiter>>()
  const recent = new Map<string, true>()
  const outbox = new Map<string, Want[]>()
  const stop = new AbortController()

  const remember = (key: string) => {
    recent.delete(key)
    recent.set(key, true)
    for (const oldest of recent.keys()) {
      if (recent.size <= RECENT) break
      recent.delete(oldest)
    }
  }

  const everyone = function* (peer: string): Generator<Waiter> {
    for (const waiters of [...waiting.values()]) for (const waiter of [...waiters]) if (waiter.open.has(peer)) yield waiter
  }

  /** That peer will not answer; the last one's reason ends the wait. */
  const without = (waiter: Waiter, peer: string, error: () => Error) => {
    if (waiter.open.delete(peer) && waiter.open.size === 0) waiter.fail(error())
  }

  /** Wants of one moment travel together. */
  const post = (peer: string, want: Want) => {
    const wants = outbox.get(peer)
    if (wants) {
      wants.push(want)
      return
    }
    const fresh = [want]
    outbox.set(peer, fresh)
    queueMicrotask(() => {
      outbox.delete(peer)
      send(peer, [encodeMessage({ wants: fresh })], { signal: stop.signal }).catch((cause: unknown) => {
        const failed = new Set(fresh.map(({ cid }) => Buffer.from(cid).toString('latin1')))
        for (const waiter of everyone(peer)) {
          if (failed.has(Buffer.from(waiter.cid.bytes).toString('latin1')))
            without(waiter, peer, () => new VaultError('unreachable', id, `peer ${peer} could not be asked for ${waiter.cid}`, { cause }))
        }
      })
    })
  }

  const took = (peer: string, key: string | undefined, bytes: Uint8Array) => {
    const waiters = key === undefined ? [] : [...(waiting.get(key) ?? [])].filter(({ asked }) => asked.has(peer))
    for (const waiter of waiters) {
      if (bytes.byteLength > waiter.maxBytes) waiter.fail(tooLarge(waiter.cid, bytes.byteLength, waiter.maxBytes))
      // A copy of its own: what came lies in a message with others.
      else waiter.take(bytes.slice())
    }
    if (waiters.length > 0 || (key !== undefined && recent.has(key))) return
    // Nobody asked for it: of a peer that was asked for one block only, it can only stand in its place.
    const [only, ...more] = everyone(peer)
    if (!only || more.length > 0) return
    const lie = () =>
      new VaultError('damaged', id, `peer ${peer} sent ${bytes.byteLength} bytes for ${only.cid}, and they do not hash to it`)
    without(only, peer, lie)
  }

  async function ask(cid: CID, options: FetchOptions): Promise<Uint8Array> {
    const { from, signal, timeoutMs = DEFAULT_TIMEOUT_MS, maxBytes = MAX_BLOCK_BYTES } = options
    const connected = peers()
    const asked = from === undefined ? connected : connected.filter((peer) => peer === from)
    if (asked.length === 0)
      throw new VaultError('unreachable', id, `${from === undefined ? 'no peer' : `peer ${from}`} is connected; connect first`)
    const key = keyOf(cid)
    const waiters = waiting.get(key) ?? new Set<Waiter>()
    waiting.set(key, waiters)
    remember(key)
    const want = { cid: cid.bytes, haveOnly: false, sendDontHave: true }
    let timer: NodeJS.Timeout | undefined
    let onAbort: (() => void) | undefined
    let waiter: Waiter | undefined
    try {
      return await new Promise<Uint8Array>((take, fail) => {
        const own = { cid, maxBytes: Math.min(maxBytes, MAX_BLOCK_BYTES), asked: new Set(asked), open: new Set(asked), take, fail }
        waiter = own
        waiters.add(own)
        timer = setTimeout(() => fail(silent(id, cid, [...own.open], timeoutMs)), timeoutMs)
        onAbort = () => fail(signal?.reason)
        signal?.addEventListener('abort', onAbort, { once: true })
        for (const peer of asked) post(peer, { ...want, cancel: false })
      })
    } finally {
      clearTimeout(timer)
      if (onAbort) signal?.removeEventListener('abort', onAbort)
      if (waiter) waiters.delete(waiter)
      if (waiters.size === 0 && waiting.get(key) === waiters) {
        waiting.delete(key)
        const left = new Set(peers())
        for (const peer of waiter?.open ?? []) if (left.has(peer) && !stop.signal.aborted) post(peer, { ...want, cancel: true })
      }
    }
  }

  return {
    async fetch(cid, options = {}) {
      options.signal?.throwIfAborted()
      if (stop.signal.aborted) throw new VaultError('unreachable', id, 'the embedded node is closed; start another')
      assertHash(cid)
      return inlined(cid) ?? ask(cid, options)
    },
    receive(peer, { blocks, presences }) {
      for (const { prefix, bytes } of blocks) took(peer, keyOfSent(prefix, bytes), bytes)
      for (const { cid, has } of presences) {
        if (has) continue
        const named = Buffer.from(cid).toString('latin1')
        for (const waiter of everyone(peer)) {
          if (Buffer.from(waiter.cid.bytes).toString('latin1') === named)
            without(waiter, peer, () => new VaultError('absent', id, `none of the peers that were asked has ${waiter.cid}`))
        }
      }
    },
    forget(peer) {
      for (const waiter of everyone(peer))
        without(waiter, peer, () => new VaultError('unreachable', id, `peer ${peer} went away before it sent ${waiter.cid}`))
    },
    close() {
      stop.abort(new DOMException('the node is closed', 'AbortError'))
      for (const waiters of [...waiting.values()])
        for (const waiter of [...waiters]) waiter.fail(new VaultError('unreachable', id, 'the embedded node was closed'))
    },
  }
}

const tooLarge = (cid: CID, length: number, most: number) =>
  new FormatError('limit', `the block of ${cid} has ${length} bytes; at most ${most} are taken from a peer`)

const silent = (id: string, cid: CID, peers: readonly string[], timeoutMs: number) =>
  new VaultError(
    'unreachable',
    id,
    `${peers.length === 1 ? `peer ${peers[0]}` : `${peers.length} peers`} did not send ${cid} within ${timeoutMs} ms`,
  )
