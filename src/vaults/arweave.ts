/** A vault on Arweave: paid once, kept for ever, and shown by what was signed rather than by what a gateway says. */
import type { AbortOptions, Journal, Pack, Vault, VaultPutOptions } from '../contracts.ts'
import { arOf } from './arweave/amount.ts'
import { attest } from './arweave/attest.ts'
import { attestItem, readItem, standingOfItem } from './arweave/bundle/show.ts'
import { decodeItem, goesBundled, uploadItem } from './arweave/bundle/upload.ts'
import { inclusionOf, standingOf } from './arweave/inclusion.ts'
import { list, locate } from './arweave/locate.ts'
import { type At, locatorOf, parseLocator } from './arweave/locator.ts'
import { balanceOf, quoteOf } from './arweave/money.ts'
import { type ArweaveOptions, type Settings, settingsOf } from './arweave/options.ts'
import { readSpan } from './arweave/read.ts'
import { upload } from './arweave/upload.ts'
import { admit } from './body.ts'
import { type Journals, journalOf } from './journals.ts'
import { inTurn, type Turns } from './turns.ts'

export type { ArweaveBundler, ArweaveOptions } from './arweave/options.ts'

/**
 * Packs as transactions of one wallet. Nothing is asked before the first call, and nothing is paid but by `put`. What was paid cannot be undone or removed:
 * sealed content is safe there as long as its key is, public content is public for ever.
 */
export function arweave(options: ArweaveOptions): Vault {
  const settings = settingsOf(options)
  const { id, network, profile } = settings
  const journals: Journals = new Map()
  const turns: Turns = new Map()
  return {
    profile,
    open: async ({ signal } = {}) => {
      const { address } = await settings.wallet()
      await balanceOf(network, address, { signal })
      return { ...profile, labels: { wallet: address, ...profile.labels } }
    },
    put: async (pack, putOptions = {}) => {
      admit(profile, pack)
      const journal = putOptions.journal ?? journalOf(journals, pack)
      // Two at once would sign two transactions for one pack.
      return inTurn(turns, pack.name.toString(), async () => locatorOf(await bring(settings, pack, { ...putOptions, journal })), putOptions)
    },
    locate: (name, locateOptions) => locate(settings, name, locateOptions),
    status: async (locator, { signal } = {}) => {
      const at = parseLocator(id, locator)
      return at.kind === 'item' ? standingOfItem(settings, at, { signal }) : standingOf(await inclusionOf(network, at.id, { signal }), id)
    },
    read: (locator, span, readOptions) => {
      const at = parseLocator(id, locator)
      return at.kind === 'item' ? readItem(settings, at, span, readOptions) : readSpan(network, at, span, readOptions)
    },
    readsFrom: () => ({
      from: network.nodes.map(({ host }) => host).join(', '),
      doubt: 'that the transaction stays in the chain is what gateways agree on',
    }),
    list: (listOptions) => list(settings, listOptions),
    attest: async (locator, challenge, { signal } = {}) => {
      const at = parseLocator(id, locator)
      const shown = at.kind === 'item' ? attestItem(settings, at, challenge, { signal }) : attest(settings, at, challenge, { signal })
      return { ...(await shown), at: settings.clock() }
    },
    quote: (byteLength, { signal } = {}) => quoteOf(settings, byteLength, { signal }),
  }
}

/** As it was begun; else as an item where the bundler takes it, and as a transaction of its own. */
async function bring(settings: Settings, pack: Pack, options: VaultPutOptions & { readonly journal: Journal }): Promise<At> {
  const begun = await options.journal.load()
  const isItem = begun ? decodeItem(begun) !== undefined : await goesBundled(settings, pack, options)
  return isItem ? uploadItem(settings, pack, options) : upload(settings, pack, options)
}

export interface WalletBalance {
  readonly vault: string
  readonly address: string
  /** In AR, as a decimal number. */
  readonly balance: string
}

/** What the wallet of a vault has, by the middle of what its gateways say. */
export async function balanceOfWallet(options: ArweaveOptions, { signal }: AbortOptions = {}): Promise<WalletBalance> {
  const { id, network, wallet } = settingsOf(options)
  const { address } = await wallet()
  return { vault: id, address, balance: arOf(await balanceOf(network, address, { signal })) }
}
