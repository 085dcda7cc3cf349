/** Blocks in the order of a walk, the next few requested while the first is used. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import { inlined } from './address.ts'
import type { GetBlock } from './unixfs-node.ts'

type Settled = { readonly bytes: Uint8Array } | { readonly error: unknown }

/** What is to come: a block, or with `bytes: false` only its turn. */
export interface Coming<Step> {
  readonly cid: CID
  readonly step: Step
  readonly bytes?: boolean
}

interface Pending<Step> extends Coming<Step> {
  arriving: Promise<Settled> | undefined
}

/** Blocks requested at the same time unless the caller says otherwise. */
export const READ_AHEAD = 32

/** How far ahead a walk looks for blocks to request: directories may list thousands of steps that need none. */
const LOOK_AHEAD = 64

const NOTHING = new Uint8Array(0)

/** A stack of blocks to come, so that a walk needs no recursion. */
export interface Walk<Step> {
  /** Puts steps before everything that is still to come, in their order. */
  push(steps: readonly Coming<Step>[]): void
  /** The next step with its block, requesting up to `readAhead` beyond it. */
  next(): Promise<{ readonly cid: CID; readonly step: Step; readonly bytes: Uint8Array } | undefined>
  /** Lets go of what is still requested. */
  stop(): void
}

export interface WalkOptions extends AbortOptions {
  /** Blocks requested at the same time. */
  readonly readAhead: number
}

export function walk<Step>(get: GetBlock, { readAhead, signal }: WalkOptions): Walk<Step> {
  const stopped = new AbortController()
  const combined = signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal
  const stack: Pending<Step>[] = []
  let requested = 0

  const request = (pending: Pending<Step>) => {
    requested++
    pending.arriving = settled(get, pending.cid, combined)
  }

  /** Not one for one: those that are requested together can travel together. */
  const fill = () => {
    if (requested > readAhead / 2) return
    const end = Math.max(0, stack.length - LOOK_AHEAD)
    for (let index = stack.length - 1; index >= end && requested < readAhead; index--) {
      const pending = stack[index]
      if (pending && pending.bytes !== false && !pending.arriving) request(pending)
    }
  }

  return {
    push(steps) {
      for (let index = steps.length - 1; index >= 0; index--) {
        const step = steps[index]
        if (step) stack.push({ ...step, arriving: undefined })
      }
    },
    async next() {
      signal?.throwIfAborted()
      const pending = stack.at(-1)
      if (!pending) return undefined
      if (pending.bytes === false) {
        stack.pop()
        return { cid: pending.cid, step: pending.step, bytes: NOTHING }
      }
      if (!pending.arriving) request(pending)
      fill()
      const result = await pending.arriving
      signal?.throwIfAborted()
      stack.pop()
      requested--
      if (!result || 'error' in result) throw result?.error
      return { cid: pending.cid, step: pending.step, bytes: result.bytes }
    },
    stop: () => stopped.abort(),
  }
}

async function settled(get: GetBlock, cid: CID, signal: AbortSignal): Promise<Settled> {
  try {
    return { bytes: inlined(cid) ?? (await get(cid, { signal })) }
  } catch (error) {
    return { error }
  }
}
