/** Holds a vault to so many calls at a time and so many bytes per second. */

import { pause, type Sleep } from '../bytes/pause.ts'
import type { AbortOptions, Clock, Pack, Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { bucket, type Take } from './bucket.ts'
import { type Enter, queue } from './queue.ts'

export interface LimitedOptions {
  /** Calls at a time; default: no limit. A read counts until its last byte, a listing only while it fetches. */
  readonly concurrency?: number | undefined
  /** Bytes of packs and reads together; default: no limit. A pack adopted by a local vault moves no bytes. */
  readonly bytesPerSecond?: number | undefined
  readonly clock?: Clock | undefined
  readonly sleep?: Sleep | undefined
}

/** The same vault, slower. Calls wait in order of arrival; an abort leaves the queue. */
export function limited(vault: Vault, options: LimitedOptions = {}): Vault {
  const { concurrency, bytesPerSecond, clock = Date.now, sleep = pause } = options
  for (const limit of [concurrency, bytesPerSecond]) {
    if (limit !== undefined && !(limit > 0))
      throw new VaultError('invalid', vault.profile.id, `a limit of ${limit} lets nothing through; give a positive one`)
  }
  const enter: Enter = concurrency === undefined ? async () => () => undefined : queue(concurrency)
  const take = bytesPerSecond === undefined ? undefined : bucket(bytesPerSecond, { clock, sleep })
  const { open, list, remove, abandon, attest, quote, renew, retention, warmth, thaw } = vault

  async function within<T>(call: AbortOptions | undefined, work: () => Promise<T>): Promise<T> {
    const leave = await enter({ signal: call?.signal })
    try {
      return await work()
    } finally {
      leave()
    }
  }

  return {
    ...vault,
    put: (pack, call) => within(call, () => vault.put(take ? throttledPack(pack, take) : pack, call)),
    locate: (name, call) => within(call, () => vault.locate(name, call)),
    status: (at, call) => within(call, () => vault.status(at, call)),
    read: async function* (at, span, call = {}) {
      const leave = await enter({ signal: call.signal })
      try {
        const bytes = vault.read(at, span, call)
        yield* take ? throttled(bytes, take, call) : bytes
      } finally {
        leave()
      }
    },
    ...(open && { open: (call) => within(call, () => open(call)) }),
    ...(list && { list: (call) => fetchedOneByOne(list(call), (work) => within(call, work)) }),
    ...(remove && { remove: (at, call) => within(call, () => remove(at, call)) }),
    ...(abandon && { abandon: (name, call) => within(call, () => abandon(name, call)) }),
    ...(attest && { attest: (at, challenge, call) => within(call, () => attest(at, challenge, call)) }),
    ...(quote && { quote: (byteLength, call) => within(call, () => quote(byteLength, call)) }),
    ...(renew && { renew: (at, until, call) => within(call, () => renew(at, until, call)) }),
    ...(retention && { retention: (at, call) => within(call, () => retention(at, call)) }),
    ...(warmth && { warmth: (at, call) => within(call, () => warmth(at, call)) }),
    ...(thaw && { thaw: (at, call) => within(call, () => thaw(at, call)) }),
  } satisfies Vault
}

function throttledPack(pack: Pack, take: Take): Pack {
  const { adopt } = pack
  return {
    name: pack.name,
    kind: pack.kind,
    root: pack.root,
    byteLength: pack.byteLength,
    open: (call) => throttled(pack.open(call), take, call),
    spans: () => pack.spans(),
    ...(adopt && { adopt: (path) => adopt.call(pack, path) }),
  }
}

async function* throttled(bytes: AsyncIterable<Uint8Array>, take: Take, call: AbortOptions = {}): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    await take(chunk.byteLength, { signal: call.signal })
    yield chunk
  }
}

/** A consumer may call the vault between two items: a slot held meanwhile would lock it out for ever. */
async function* fetchedOneByOne<T>(
  items: AsyncIterable<T>,
  within: (work: () => Promise<IteratorResult<T>>) => Promise<IteratorResult<T>>,
) {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await within(() => iterator.next())
      if (done) return
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}
