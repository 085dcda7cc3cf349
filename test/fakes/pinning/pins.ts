/** The pins of a fake service: each waits, gets its blocks by bitswap, and keeps them until no pin needs them. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CID } from 'multiformats/cid'
import type { EmbeddedNode } from '../../../src/ipfs.ts'
import type { Pin, PinState, PinStatus } from '../../../src/vaults/ipfs/pinning/pins.ts'
import { type Blocks, type Get, getDag, keyOf } from './blocks.ts'
import type { Lie } from './lies.ts'
import { notFound } from './wire.ts'

interface Entry {
  readonly requestid: string
  readonly created: string
  readonly pin: Pin
  readonly stop: AbortController
  status: PinState
  info: Record<string, string>
  /** What it keeps from being collected. */
  keys: Set<string>
}

export interface Pins {
  all(): readonly PinStatus[]
  get(requestid: string): PinStatus
  add(pin: Pin): PinStatus
  replace(requestid: string, pin: Pin): PinStatus
  remove(requestid: string): void
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>
}

export interface PinsOptions {
  readonly node: EmbeddedNode
  readonly blocks: Blocks
  /** CIDs of blocks that came from peers, in their order. */
  readonly pulled: string[]
  readonly lie: () => Lie
  /** How long a pin waits for a peer, and for a block, in milliseconds. */
  readonly patienceMs: number
}

export function pinsOf(options: PinsOptions): Pins {
  const { node, blocks, lie } = options
  const entries = new Map<string, Entry>()
  const running = new Set<Promise<void>>()
  let last = 0

  const statusOf = ({ requestid, created, status, pin, info }: Entry): PinStatus => {
    const { origins: _, ...kept } = pin
    return { requestid, status, created, pin: kept, delegates: node.addresses, info }
  }
  const entryOf = (requestid: string): Entry => {
    const entry = entries.get(requestid)
    if (!entry) throw notFound()
    return entry
  }
  const collect = () => {
    if (lie().forgetsPins) return
    const needed = new Set([...entries.values()].flatMap(({ keys }) => [...keys]))
    for (const key of blocks.keys()) if (!needed.has(key)) blocks.delete(key)
  }
  const drop = (entry: Entry) => {
    entries.delete(entry.requestid)
    entry.stop.abort()
  }

  const run = async (entry: Entry) => {
    if (!(await pull(options, entry))) return
    if (lie().forgetsPins && entry.status === 'pinned') entries.delete(entry.requestid)
    collect()
  }

  const add = (pin: Pin, keys: ReadonlySet<string> = new Set()): PinStatus => {
    // Unique, since pages are told apart by it.
    last = Math.max(Date.now(), last + 1)
    const entry: Entry = {
      requestid: randomUUID(),
      created: new Date(last).toISOString(),
      pin,
      stop: new AbortController(),
      status: 'queued',
      info: {},
      keys: new Set(keys),
    }
    entries.set(entry.requestid, entry)
    if (!lie().stalls) {
      const work: Promise<void> = new Promise<void>((resolve) => setImmediate(resolve))
        .then(() => run(entry))
        .finally(() => running.delete(work))
      running.add(work)
    }
    return statusOf(entry)
  }

  return {
    all: () => [...entries.values()].map(statusOf),
    get: (requestid) => statusOf(entryOf(requestid)),
    add: (pin) => add(pin),
    replace(requestid, pin) {
      const old = entryOf(requestid)
      const status = add(pin, old.keys)
      drop(old)
      return status
    },
    remove(requestid) {
      drop(entryOf(requestid))
      collect()
    },
    async close() {
      for (const entry of entries.values()) drop(entry)
      await Promise.all(running)
    },
  }
}

/** Gets what there is to get for a pin, and says in the pin how it went; resolves false where the pin was removed meanwhile. */
async function pull(options: PinsOptions, entry: Entry): Promise<boolean> {
  const { signal } = entry.stop
  const { pull: pulls = getDag, settle } = options.lie()
  entry.status = 'pinning'
  try {
    const keys = await pulls(CID.parse(entry.pin.cid), getFor(options, entry))
    signal.throwIfAborted()
    entry.keys = new Set(keys)
    settle?.(options.blocks, keys)
    entry.status = 'pinned'
  } catch (error) {
    if (signal.aborted) return false
    entry.status = 'failed'
    entry.info = { status_details: error instanceof Error ? error.message : `${error}` }
    entry.keys = new Set()
  }
  return true
}

function getFor({ node, blocks, pulled, patienceMs }: PinsOptions, entry: Entry): Get {
  const { signal } = entry.stop
  let met: Promise<void> | undefined
  return async (cid) => {
    const key = keyOf(cid)
    entry.keys.add(key)
    const there = blocks.get(key)
    if (there) return there.bytes
    met ??= meet(node, entry, patienceMs)
    await met
    const bytes = await node.fetch(cid, { signal, timeoutMs: patienceMs })
    pulled.push(key)
    if (!signal.aborted) blocks.set(key, { cid, bytes })
    return bytes
  }
}

/** Origins that do not answer do not matter while one does; without any, the client may call by itself. */
async function meet(node: EmbeddedNode, { pin, stop: { signal } }: Entry, patienceMs: number): Promise<void> {
  await Promise.allSettled((pin.origins ?? []).map((address) => node.connect(address, { signal })))
  for (let waited = 0; node.peers().length === 0 && waited < patienceMs; waited += 20) await sleep(20, undefined, { signal })
}
