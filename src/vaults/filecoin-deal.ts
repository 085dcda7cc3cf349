/** Deals that were made elsewhere on classic Filecoin, watched: nothing is stored, read or removed, and what the chain shows of them is attested. */
import type { Locator, Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { currentHead, gradeOf } from './filecoin-deal/grade.ts'
import type { Entry } from './filecoin-deal/listed.ts'
import { locatorOf, nameOf, parseLocator } from './filecoin-deal/locator.ts'
import { type FilecoinDealOptions, type Settings, settingsOf } from './filecoin-deal/options.ts'

export type { FilecoinDeal } from './filecoin-deal/listed.ts'
export type { FilecoinDealOptions } from './filecoin-deal/options.ts'

const HOW = 'make a deal for its piece with a provider, and add it at the end of `deals`'

/**
 * Deals of the storage market and claims of the verified registry, by a list of yours. Counts only where the policy accepts `proven`: no byte is ever
 * read, and that pack and piece belong together is your word. A put of a pack that is listed takes the deal on; every other one is `unsupported`.
 */
export function filecoinDeal(options: FilecoinDealOptions): Vault {
  const settings = settingsOf(options)
  const { id, profile, entries } = settings
  const listed = async (at: Locator): Promise<Entry | undefined> =>
    [...(await entries()).values()].find((entry) => locatorOf(entry.at) === at)
  const grade = async (locator: Locator, signal: AbortSignal | undefined) => {
    const at = parseLocator(id, locator)
    return gradeOf(settings, at, { until: (await listed(locator))?.until, signal })
  }
  return {
    profile,
    open: async ({ signal } = {}) => {
      await entries()
      await currentHead(settings, { signal })
      return profile
    },
    put: async ({ name }, { retain, signal } = {}) => {
      signal?.throwIfAborted()
      if (retain)
        throw new VaultError('unsupported', id, 'a deal cannot be locked; use vaults that can, such as S3 buckets with Object Lock')
      const entry = (await entries()).get(name.toString())
      if (!entry)
        throw new VaultError('unsupported', id, `it stores nothing, it only watches deals, and none is listed for pack ${name}; ${HOW}`)
      const { standing, detail } = await gradeOf(settings, entry.at, { until: entry.until, signal })
      if (standing !== 'absent') return locatorOf(entry.at)
      throw new VaultError(
        'unsupported',
        id,
        `it stores nothing, it only watches deals, and the one for pack ${name} does not hold: ${detail}; ${HOW}`,
      )
    },
    locate: async (name, { signal } = {}) => {
      signal?.throwIfAborted()
      const entry = (await entries()).get(name.toString())
      return entry && locatorOf(entry.at)
    },
    status: async (at, { signal } = {}) => (await grade(at, signal)).standing,
    read: (at, _span, { signal } = {}) => unreadable(id, at, signal),
    warmth: async (at) => {
      parseLocator(id, at)
      return { state: 'frozen' }
    },
    list: async function* ({ kind, signal } = {}) {
      for (const entry of (await entries()).values()) {
        signal?.throwIfAborted()
        if (kind === undefined || kind === entry.kind)
          yield { name: entry.pack, kind: entry.kind, at: locatorOf(entry.at), byteLength: entry.at.byteLength }
      }
    },
    attest: async (at, { name }, { signal } = {}) => {
      const stamp = settings.clock()
      if (!(await listed(at))?.pack.equals(name))
        return { verdict: 'unproven', at: stamp, detail: `${nameOf(parseLocator(id, at))} is not what is listed for pack ${name} now` }
      const { verdict, detail } = await grade(at, signal)
      return { verdict, at: stamp, detail }
    },
    renew: (at, until, { signal } = {}) => renewed(settings, at, until, signal),
    retention: async (at, { signal } = {}) => {
      const { until } = await grade(at, signal)
      return until === undefined ? undefined : { until: new Date(until) }
    },
  }
}

// biome-ignore lint/correctness/useYield: there is nothing to yield, ever.
async function* unreadable(id: string, at: Locator, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted()
  parseLocator(id, at)
  throw new VaultError(
    'unsupported',
    id,
    'it only watches deals and reads no bytes; fetch the piece from its provider, or read another copy',
  )
}

/** Only by another deal for the same piece that was listed meanwhile: its locator. */
async function renewed(settings: Settings, locator: Locator, until: Date, signal: AbortSignal | undefined): Promise<Locator> {
  const { id } = settings
  const at = parseLocator(id, locator)
  const own = (ends: number | undefined) => ends !== undefined && ends >= until.getTime()
  for (const entry of (await settings.entries()).values()) {
    if (entry.at.piece.root !== at.piece.root || entry.at.byteLength !== at.byteLength) continue
    const { standing, until: ends } = await gradeOf(settings, entry.at, { until: entry.until, signal })
    if (standing !== 'absent' && own(ends)) return locatorOf(entry.at)
  }
  const day = until.toISOString().slice(0, 10)
  throw new VaultError(
    'unsupported',
    id,
    `${nameOf(at)} cannot be renewed from here until ${day}: extend it where it was made, or make another deal and add it at the end of \`deals\``,
  )
}
