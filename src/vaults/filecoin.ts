/** A vault on Filecoin's Onchain Cloud: pieces in data sets of one payer, their possession proven to the chain and their bytes asked of the provider. */
import type { AbortOptions, Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { admit } from './body.ts'
import { afford } from './filecoin/afford.ts'
import { decimalOf } from './filecoin/amount.ts'
import { connected } from './filecoin/connect.ts'
import { putDeal } from './filecoin/deal.ts'
import { type Dealing, providerOf } from './filecoin/dealing.ts'
import { grade } from './filecoin/grade.ts'
import { nodeOf, type ProviderNode } from './filecoin/http.ts'
import type { KnownPacks } from './filecoin/known-packs.ts'
import { list, locate } from './filecoin/locate.ts'
import { type At, parseLocator } from './filecoin/locator.ts'
import { EPOCHS_PER_DAY } from './filecoin/money.ts'
import { type FilecoinOptions, type Settings, settingsOf } from './filecoin/options.ts'
import type { ChainReader, ChainWriter } from './filecoin/port.ts'
import { quoteOf } from './filecoin/quote.ts'
import { readPiece } from './filecoin/read.ts'
import { hashedWhole } from './filecoin/read-whole.ts'
import { remove } from './filecoin/remove.ts'
import { type Renew, renewer } from './filecoin/renew.ts'
import type { Charge } from './filecoin/state.ts'
import { status } from './filecoin/status.ts'
import { paidUntil } from './filecoin/term.ts'
import { type Journals, journalOf } from './journals.ts'
import { readOnce } from './read-once.ts'
import { inTurn, type Turns } from './turns.ts'

export type { Balance } from './filecoin/balance.ts'
export type { Funded, FundPlan } from './filecoin/fund.ts'
export type { FilecoinOptions } from './filecoin/options.ts'
export { filecoinBalance, fundFilecoin, planFilecoinFunding } from './filecoin/purse.ts'

/** A provider that moves says so in the registry, and is found there then. */
const ADDRESS_MS = 5 * 60_000

/** What speaks to the chain, made with the first question. */
interface Wired {
  readonly reader: ChainReader
  readonly writer: ChainWriter
  readonly renew: Renew
}

export function filecoinVault(options: FilecoinOptions, newHasher: Settings['newHasher']): Vault {
  const settings = settingsOf(options, newHasher)
  const { id, profile, horizonDays, clock } = settings
  const journals: Journals = new Map()
  const [packTurns, setTurns]: [Turns, Turns] = [new Map(), new Map()]
  const addresses = new Map<bigint, { readonly node: ProviderNode; readonly until: number }>()
  const removed = new Set<string>()
  const knownPacks: KnownPacks = new Map()
  let wiring: Promise<Wired> | undefined
  const wired = (): Promise<Wired> => {
    wiring ??= wire(settings)
    const own = wiring
    // A key file that is mended is read again.
    own.catch(() => {
      if (wiring === own) wiring = undefined
    })
    return own
  }
  const known = async (locator: string): Promise<Wired & { readonly at: At }> => {
    const both = await wired()
    return { ...both, at: parseLocator(id, both.reader.chainId, locator) }
  }
  const addressOf = async (reader: ChainReader, dataSetId: bigint, readOptions: AbortOptions): Promise<ProviderNode> => {
    const before = addresses.get(dataSetId)
    if (before && before.until > clock()) return before.node
    const node = await providerNode(settings, reader, dataSetId, readOptions)
    addresses.set(dataSetId, { node, until: clock() + ADDRESS_MS })
    return node
  }
  return {
    profile,
    open: async ({ signal } = {}) => {
      const { reader } = await wired()
      await reader.epoch({ signal })
      return { ...profile, labels: { payer: reader.payer, ...profile.labels } }
    },
    put: async (pack, putOptions = {}) => {
      admit(profile, pack)
      if (putOptions.retain)
        throw new VaultError('unsupported', id, 'nothing can be retained here: who pays can end it; put it into a vault that locks')
      const { reader, writer } = await wired()
      const journal = putOptions.journal ?? journalOf(journals, pack)
      const dealing: Dealing = {
        settings,
        reader,
        writer,
        turns: setTurns,
        afford: (byteLength, affordOptions) => afford(reader, settings, byteLength, affordOptions),
        chargeOf: (chargeOptions) => feeOf(reader, chargeOptions),
      }
      // Two at once would sign twice for one pack.
      return inTurn(
        packTurns,
        pack.name.toString(),
        async () => {
          const at = await putDeal(dealing, await readOnce(pack, id, putOptions), { ...putOptions, journal })
          removed.delete(at)
          return at
        },
        putOptions,
      )
    },
    locate: async (name, locateOptions = {}) => locate({ ...(await wired()), settings, known: knownPacks }, name, locateOptions),
    status: async (locator, statusOptions = {}) => {
      const { reader, at } = await known(locator)
      return status(reader, at, statusOptions)
    },
    async *read(locator, span, readOptions = {}) {
      const { reader, at } = await known(locator)
      // Its provider serves it until the period ends.
      if (removed.has(locator)) throw new VaultError('absent', id, `piece ${at.pieceId} of data set ${at.dataSetId} was removed`)
      const bytes = readPiece(await addressOf(reader, at.dataSetId, readOptions), at, span, readOptions)
      const isWhole = span.offset === 0 && span.length >= at.byteLength
      yield* isWhole ? hashedWhole(settings, at, bytes) : bytes
    },
    async *list(listOptions = {}) {
      yield* list({ ...(await wired()), settings }, listOptions)
    },
    remove: async (locator, removeOptions = {}) => {
      const { reader, writer, at } = await known(locator)
      await remove({ reader, writer, settings }, at, removeOptions)
      removed.add(locator)
    },
    attest: async (locator, _challenge, attestOptions = {}) => {
      const { reader, at } = await known(locator)
      const state = await reader.proofState(at.dataSetId, [at.pieceId], attestOptions)
      const horizon = BigInt(Math.round(horizonDays)) * EPOCHS_PER_DAY
      return { ...grade(state, { pieceId: at.pieceId, cid: at.cid, horizon }), at: clock() }
    },
    quote: async (byteLength, quoteOptions = {}) => quoteOf((await wired()).reader, byteLength, quoteOptions),
    renew: async (locator, until, renewOptions = {}) => (await wired()).renew(locator, until, renewOptions),
    retention: async (locator, retentionOptions = {}) => {
      const { reader, at } = await known(locator)
      return paidUntil(reader, at, retentionOptions)
    },
  }
}

/** What opening a data set takes once; storage is paid by the epoch, out of the deposit. */
async function feeOf(
  reader: ChainReader,
  { isNewDataSet, signal }: AbortOptions & { readonly isNewDataSet: boolean },
): Promise<Charge | undefined> {
  if (!isNewDataSet) return undefined
  const [{ perDataSet }, { symbol, decimals }] = await Promise.all([reader.price({ signal }), reader.funds({ signal })])
  return perDataSet ? { amount: decimalOf(perDataSet, decimals), currency: symbol, detail: 'a new data set' } : undefined
}

async function wire(settings: Settings): Promise<Wired> {
  const { reader, writer } = await connected(settings)
  return { reader, writer: await writer(), renew: renewer(reader, writer, settings) }
}

async function providerNode(settings: Settings, reader: ChainReader, dataSetId: bigint, options: AbortOptions): Promise<ProviderNode> {
  const { id } = settings
  const set = await reader.dataSet(dataSetId, options)
  if (!set) throw new VaultError('absent', id, `there is no data set ${dataSetId}; repair stores its packs again`)
  const provider = await providerOf(reader, set.providerId, options)
  if (!provider)
    throw new VaultError(
      'unreachable',
      id,
      `provider ${set.providerId} of data set ${dataSetId} is not in the registry any more, and nobody else serves its pieces; evacuate them`,
    )
  return nodeOf(id, provider.url, settings)
}
