/** A vault with faults on request, for tests. Change the `faults` object at any time. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Listed, Locator, Span, Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'

export type FaultyVerb = Exclude<keyof Vault, 'profile'>

/**
 * Which reads a fault meets: all, or those that touch one of these. Text: a span's CID, a pack's name, a locator. A span: any read of bytes that overlap
 * it (also when neighbours are read together).
 */
export type Where = 'all' | readonly (string | CID | Span)[]

export interface Faults {
  /** Replicas end after so many bytes of the pack. */
  truncate?: { where: Where; length: number } | undefined
  /** The byte at this offset of the pack comes back with one bit flipped (default bit 0). */
  flip?: { where: Where; offset: number; bit?: number } | undefined
  /** An HTML page comes back instead of bytes, cut to the span. */
  html?: Where | undefined
  /** Reads never answer; they settle only on abort. */
  hang?: Where | undefined
  /** These verbs never answer either, whatever they are asked. */
  hangVerbs?: readonly FaultyVerb[] | undefined
  /** Bytes are read by others too: `list` shows these, `locate` and `status` say they are there; `read` finds nothing. */
  ghosts?: readonly Listed[] | undefined
  /** From this call on (0: the next) every call is denied. Counts down; set undefined to lift it. */
  denied?: number | undefined
  /** `true`: nothing is reachable; a number: the next so many calls are not. */
  unreachable?: boolean | number | undefined
  /** Sent with `unreachable`. */
  retryAfterMs?: number | undefined
  /** Reads of these break off as unreachable after so many bytes, `times` times. */
  breakOff?: { where: Where; after: number; times: number } | undefined
  /** Milliseconds before every answer. */
  slow?: number | undefined
  /** The next so many puts fail as unreachable, nothing is stored. */
  putFails?: number | undefined
  /** The next so many puts store the pack, then fail as unreachable. */
  failAfterPut?: number | undefined
  /** Says that it removed, and keeps everything. */
  removesNothing?: boolean | undefined
  /** Calls so far, failed ones too. */
  calls: Partial<Record<FaultyVerb, number>>
  /** Bytes that reads have yielded so far. */
  bytesRead: number
}

/** No faults, nothing counted. */
export const noFaults = (): Faults => ({ calls: {}, bytesRead: 0 })

const PAGE = new TextEncoder().encode('<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>\n'.repeat(64))

/** The vault, with the faults of the moment. Capabilities it lacks stay absent. */
export function faulty(vault: Vault, faults: Faults): Vault {
  const { id } = vault.profile
  const unreachable = (why: string) => new VaultError('unreachable', id, `${why} (fault)`, { retryAfterMs: faults.retryAfterMs })

  async function begin(verb: FaultyVerb, { signal }: AbortOptions = {}): Promise<void> {
    faults.calls[verb] = (faults.calls[verb] ?? 0) + 1
    signal?.throwIfAborted()
    if (faults.hangVerbs?.includes(verb)) await never(signal)
    if (faults.slow !== undefined) await after(faults.slow, signal)
    if (faults.denied !== undefined && faults.denied-- <= 0) throw new VaultError('denied', id, '403 (fault)')
    if (faults.unreachable === true) throw unreachable('connection refused')
    if (typeof faults.unreachable === 'number' && faults.unreachable > 0) {
      faults.unreachable--
      throw unreachable('connection refused')
    }
  }
  const ghost = (match: (listed: Listed) => boolean) => faults.ghosts?.find(match)
  const { open, list, remove, abandon, attest, quote, renew, retention, warmth, thaw } = vault

  return {
    ...vault,
    put: async (pack, call) => {
      await begin('put', call)
      if (faults.putFails !== undefined && faults.putFails > 0) {
        faults.putFails--
        throw unreachable('put failed before a byte was stored')
      }
      const at = await vault.put(pack, call)
      if (faults.failAfterPut !== undefined && faults.failAfterPut > 0) {
        faults.failAfterPut--
        throw unreachable('the answer to put was lost')
      }
      return at
    },
    locate: async (name, call) => {
      await begin('locate', call)
      return (await vault.locate(name, call)) ?? ghost((listed) => listed.name.equals(name))?.at
    },
    status: async (at, call) => {
      await begin('status', call)
      return ghost((listed) => listed.at === at) ? 'held' : vault.status(at, call)
    },
    read: async function* (at, span, call) {
      await begin('read', call)
      for await (const chunk of damagedRead(vault, faults, at, span, call)) {
        faults.bytesRead += chunk.byteLength
        yield chunk
      }
    },
    ...(open && { open: (call) => begin('open', call).then(() => open(call)) }),
    ...(list && {
      list: async function* (call) {
        await begin('list', call)
        yield* list(call)
        yield* (faults.ghosts ?? []).filter(({ kind }) => call?.kind === undefined || call.kind === kind)
      },
    }),
    ...(remove && { remove: (at, call) => begin('remove', call).then(() => (faults.removesNothing ? undefined : remove(at, call))) }),
    ...(abandon && { abandon: (name, call) => begin('abandon', call).then(() => abandon(name, call)) }),
    ...(attest && { attest: (at, challenge, call) => begin('attest', call).then(() => attest(at, challenge, call)) }),
    ...(quote && { quote: (byteLength, call) => begin('quote', call).then(() => quote(byteLength, call)) }),
    ...(renew && { renew: (at, until, call) => begin('renew', call).then(() => renew(at, until, call)) }),
    ...(retention && { retention: (at, call) => begin('retention', call).then(() => retention(at, call)) }),
    ...(warmth && { warmth: (at, call) => begin('warmth', call).then(() => warmth(at, call)) }),
    ...(thaw && { thaw: (at, call) => begin('thaw', call).then(() => thaw(at, call)) }),
  } satisfies Vault
}

async function* damagedRead(vault: Vault, faults: Faults, at: Locator, span: Span, call?: AbortOptions): AsyncIterable<Uint8Array> {
  const { hang, html, truncate, flip, breakOff } = faults
  if (meets(hang, at, span)) await never(call?.signal)
  if (meets(html, at, span)) return yield PAGE.slice(0, span.length)
  const limit = truncate && meets(truncate.where, at, span) ? Math.max(0, truncate.length - span.offset) : Number.POSITIVE_INFINITY
  let offset = span.offset
  let left = limit
  for await (const chunk of vault.read(at, span, call)) {
    const bytes = chunk.slice(0, Math.min(chunk.byteLength, left))
    if (flip && meets(flip.where, at, span)) flipBit(bytes, flip.offset - offset, flip.bit)
    if (breakOff && breakOff.times > 0 && meets(breakOff.where, at, span)) {
      breakOff.times--
      if (breakOff.after > 0) yield bytes.slice(0, breakOff.after)
      throw new VaultError('unreachable', vault.profile.id, 'connection reset (fault)', { retryAfterMs: faults.retryAfterMs })
    }
    if (bytes.byteLength > 0) yield bytes
    offset += chunk.byteLength
    left -= bytes.byteLength
  }
}

function meets(where: Where | undefined, at: Locator, span: Span): boolean {
  if (where === undefined || where === 'all') return where === 'all'
  return where.some((one) => {
    if (typeof one === 'object' && 'offset' in one) return one.offset < span.offset + span.length && span.offset < one.offset + one.length
    const text = one.toString()
    return text === span.cid.toString() || at.includes(text)
  })
}

function flipBit(bytes: Uint8Array, index: number, bit = 0): void {
  const byte = bytes[index]
  if (byte !== undefined) bytes[index] = byte ^ (1 << bit)
}

function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function after(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => reject(clearTimeout(timer) ?? signal.reason), { once: true })
  })
}
