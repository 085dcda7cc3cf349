/** A vault that locks and freezes, over any other: what the conformance cases of those capabilities are tried on. */
import type { Locator, Retention, Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'

export interface KeepingOptions {
  /** Everything freezes as it is put. Default false. */
  readonly cold?: boolean
}

/** Shares what it remembers between instances only through `locks` and `thawing`. */
export interface Kept {
  readonly locks: Map<Locator, Retention>
  readonly thawing: Set<Locator>
}

export const nothingKept = (): Kept => ({ locks: new Map(), thawing: new Set() })

export function keeping(vault: Vault, { locks, thawing }: Kept, { cold = false }: KeepingOptions = {}): Vault {
  const { id } = vault.profile
  const profile = { ...vault.profile, canRetain: true, canForget: false, term: 'renewable' as const, termDays: 10, cold }
  const retain = (at: Locator, wish: Retention) => {
    const until = new Date(Math.max(wish.until.getTime(), locks.get(at)?.until.getTime() ?? 0))
    const compliance = wish.mode === 'compliance' || locks.get(at)?.mode === 'compliance'
    const legalHold = wish.legalHold === true || locks.get(at)?.legalHold === true
    locks.set(at, { until, mode: compliance ? 'compliance' : 'governance', ...(legalHold && { legalHold }) })
    return at
  }
  return {
    ...vault,
    profile,
    open: async () => profile,
    put: async (pack, call = {}) => {
      const at = await vault.put(pack, call)
      return call.retain ? retain(at, call.retain) : at
    },
    read: async function* (at, span, call) {
      if (cold) throw new VaultError('unsupported', id, 'it is frozen; thaw it first')
      yield* vault.read(at, span, call)
    },
    remove: async (at, call) => {
      const lock = locks.get(at)
      if (lock && (lock.legalHold || lock.until.getTime() > Date.now()))
        throw new VaultError('denied', id, `${at} is retained until ${lock.until.toISOString()}`)
      await vault.remove?.(at, call)
    },
    renew: async (at, until, call = {}) => retain(at, { until, mode: call.mode, legalHold: call.legalHold }),
    retention: async (at) => locks.get(at),
    warmth: async (at) => ({ state: !cold ? 'readable' : thawing.has(at) ? 'thawing' : 'frozen' }),
    thaw: async (at, { days }) => {
      if (!(days >= 1)) throw new VaultError('invalid', id, 'a restore is for at least one day')
      if (!cold) return { state: 'readable' }
      thawing.add(at)
      return { state: 'thawing' }
    },
  }
}
