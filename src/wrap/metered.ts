/** Counts what is asked of a vault, at its interface: one number per call and per chunk, nothing is written here. */
import type { Usage, Vault } from '../contracts.ts'

/** Hears of use as it happens. */
export interface Meter {
  add(usage: Partial<Usage>): void
  /** Requests that one put of so many bytes takes. */
  writesOf(byteLength: number): number
  /** Called before a put that has been counted, and waited for: from then on the network may charge. */
  beforePut(): Promise<void>
  charged(charge: { readonly amount: string; readonly currency: string; readonly detail?: string }): void
}

/** Errors after which nothing was stored and nothing can have been. */
const REFUSALS: ReadonlySet<unknown> = new Set(['denied', 'exhausted', 'unsupported', 'invalid'])

/** The same vault, counted. */
export function metered(vault: Vault, meter: Meter): Vault {
  const { list, remove, abandon, attest, quote, renew, retention, warmth, thaw } = vault
  const asked = <T>(work: () => Promise<T>, usage: Partial<Usage>): Promise<T> => {
    meter.add(usage)
    return work().catch((error: unknown) => {
      meter.add({ failed: 1 })
      throw error
    })
  }
  const reads = { reads: 1 }
  const writes = { writes: 1 }
  return {
    ...vault,
    put: async (pack, call) => {
      const { byteLength } = pack
      meter.add({ writes: meter.writesOf(byteLength), storedBytes: byteLength })
      await meter.beforePut()
      try {
        const onCharge = (charge: Parameters<Meter['charged']>[0]) => {
          meter.charged(charge)
          call?.onCharge?.(charge)
        }
        return await vault.put(pack, { ...call, onCharge })
      } catch (error) {
        const refused = REFUSALS.has((error as { readonly code?: unknown } | null)?.code)
        meter.add({ failed: 1, ...(refused && { storedBytes: -byteLength }) })
        throw error
      }
    },
    locate: (name, call) => asked(() => vault.locate(name, call), reads),
    status: (at, call) => asked(() => vault.status(at, call), reads),
    read: (at, span, call) => counted(vault.read(at, span, call), meter),
    ...(list && {
      list: (call) => {
        meter.add(writes)
        return list(call)
      },
    }),
    ...(remove && { remove: (at, call) => asked(() => remove(at, call), writes) }),
    ...(abandon && { abandon: (name, call) => asked(() => abandon(name, call), writes) }),
    ...(attest && { attest: (at, challenge, call) => asked(() => attest(at, challenge, call), reads) }),
    ...(quote && { quote: (byteLength, call) => asked(() => quote(byteLength, call), reads) }),
    ...(renew && { renew: (at, until, call) => asked(() => renew(at, until, call), writes) }),
    ...(retention && { retention: (at, call) => asked(() => retention(at, call), reads) }),
    ...(warmth && { warmth: (at, call) => asked(() => warmth(at, call), reads) }),
    ...(thaw && { thaw: (at, call) => asked(() => thaw(at, call), writes) }),
  } satisfies Vault
}

/** Passes an iterator's promises on and adds no generator of its own: every byte of every audit comes through here. */
function counted(bytes: AsyncIterable<Uint8Array>, meter: Meter): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = bytes[Symbol.asyncIterator]()
      meter.add({ reads: 1 })
      const take = (step: IteratorResult<Uint8Array>) => {
        if (!step.done) meter.add({ readBytes: step.value.byteLength })
        return step
      }
      const fail = (error: unknown): never => {
        meter.add({ failed: 1 })
        throw error
      }
      return {
        next: () => inner.next().then(take, fail),
        ...(inner.return && { return: (value?: unknown) => inner.return?.(value) ?? Promise.resolve({ done: true, value: undefined }) }),
      } as AsyncIterator<Uint8Array>
    },
  }
}
