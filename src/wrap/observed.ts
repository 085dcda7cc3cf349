/** Tells a listener what is asked of a vault, how long it took and how it ended. */
import type { Clock, Vault } from '../contracts.ts'
import { PerdureError } from '../errors.ts'

export type Verb = Exclude<keyof Vault, 'profile'>

export type VaultEvent =
  | { readonly type: 'called'; readonly vault: string; readonly verb: Verb }
  /** `byteLength`: of the pack put or the bytes read; `items`: of a listing. A stream its consumer left early has finished. */
  | {
      readonly type: 'finished'
      readonly vault: string
      readonly verb: Verb
      readonly ms: number
      readonly byteLength?: number
      readonly items?: number
    }
  /** `code` is that of the error where it is one of ours. */
  | {
      readonly type: 'failed'
      readonly vault: string
      readonly verb: Verb
      readonly ms: number
      readonly code?: string
      readonly error: unknown
    }

type Facts = { byteLength?: number; items?: number }
type Observer = {
  promise<T>(verb: Verb, work: () => Promise<T>, facts?: Facts): Promise<T>
  stream<T>(verb: Verb, work: () => AsyncIterable<T>, count: (facts: Facts, item: T) => void): AsyncIterable<T>
}

/** The same vault, watched. A listener that throws changes nothing. `called` comes when work begins: for streams with the first item asked for. */
export function observed(vault: Vault, onEvent: (event: VaultEvent) => void, { clock = Date.now }: { readonly clock?: Clock } = {}): Vault {
  const { promise, stream } = observer(vault.profile.id, onEvent, clock)
  const { open, list, remove, abandon, attest, quote, renew, retention, warmth, thaw, close } = vault
  return {
    ...vault,
    put: (pack, call) => promise('put', () => vault.put(pack, call), { byteLength: pack.byteLength }),
    locate: (name, call) => promise('locate', () => vault.locate(name, call)),
    status: (at, call) => promise('status', () => vault.status(at, call)),
    read: (at, span, call) =>
      stream(
        'read',
        () => vault.read(at, span, call),
        (facts, bytes) => {
          facts.byteLength = (facts.byteLength ?? 0) + bytes.byteLength
        },
      ),
    ...(list && {
      list: (call) =>
        stream(
          'list',
          () => list(call),
          (facts) => {
            facts.items = (facts.items ?? 0) + 1
          },
        ),
    }),
    ...(open && { open: (call) => promise('open', () => open(call)) }),
    ...(remove && { remove: (at, call) => promise('remove', () => remove(at, call)) }),
    ...(abandon && { abandon: (name, call) => promise('abandon', () => abandon(name, call)) }),
    ...(attest && { attest: (at, challenge, call) => promise('attest', () => attest(at, challenge, call)) }),
    ...(quote && { quote: (byteLength, call) => promise('quote', () => quote(byteLength, call)) }),
    ...(renew && { renew: (at, until, call) => promise('renew', () => renew(at, until, call)) }),
    ...(retention && { retention: (at, call) => promise('retention', () => retention(at, call)) }),
    ...(warmth && { warmth: (at, call) => promise('warmth', () => warmth(at, call)) }),
    ...(thaw && { thaw: (at, call) => promise('thaw', () => thaw(at, call)) }),
    ...(close && { close: () => promise('close', () => close()) }),
  } satisfies Vault
}

function observer(vault: string, onEvent: (event: VaultEvent) => void, clock: Clock): Observer {
  const tell = (event: VaultEvent) => {
    try {
      onEvent(event)
    } catch {
      // The listener's own bug is not the vault's.
      return
    }
  }
  const failed = (verb: Verb, since: number, error: unknown) => {
    const code = error instanceof PerdureError ? { code: error.code } : {}
    tell({ type: 'failed', vault, verb, ms: clock() - since, ...code, error })
  }

  return {
    async promise(verb, work, facts = {}) {
      const since = clock()
      tell({ type: 'called', vault, verb })
      try {
        const result = await work()
        tell({ type: 'finished', vault, verb, ms: clock() - since, ...facts })
        return result
      } catch (error) {
        failed(verb, since, error)
        throw error
      }
    },
    async *stream(verb, work, count) {
      const since = clock()
      const facts: Facts = {}
      let broken = false
      tell({ type: 'called', vault, verb })
      try {
        for await (const item of work()) {
          count(facts, item)
          yield item
        }
      } catch (error) {
        broken = true
        failed(verb, since, error)
        throw error
      } finally {
        if (!broken) tell({ type: 'finished', vault, verb, ms: clock() - since, ...facts })
      }
    },
  }
}
