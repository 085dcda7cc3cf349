/** Storage providers, as the registry and the service contract have them. Anybody may write to the registry: what makes no sense there is passed over. */
import type { Chain } from '@filoz/synapse-core/chains'
import type { AbortOptions } from '../../../contracts.ts'
import type { Hex, Provider } from '../port.ts'
import type { Pinned } from './pinned.ts'

const PDP = 0
const PAGE = 50n
const MOST_PAGES = 40
const MOST_TEXT = 200

interface Page {
  readonly providers: readonly Entry[]
  readonly hasMore: boolean
}

interface Entry {
  readonly providerId: bigint
  readonly providerInfo: { readonly serviceProvider: Hex; readonly payee: Hex; readonly name: string; readonly isActive: boolean }
  readonly product: { readonly capabilityKeys: readonly string[]; readonly isActive: boolean }
  readonly productCapabilityValues: readonly Hex[]
}

export async function providersOf(chain: Chain, pinned: Pinned, options: AbortOptions): Promise<readonly Provider[]> {
  const { serviceProviderRegistry: registry, fwssView } = chain.contracts
  const at = await pinned.epoch(options)
  const found: Entry[] = []
  const [approved] = await pinned.many([{ ...fwssView, functionName: 'getApprovedProviders', args: [0n, 0n] }], { ...options, at })
  for (let page = 0n; page < MOST_PAGES; page++) {
    const question = { ...registry, functionName: 'getProvidersByProductType', args: [PDP, true, page * PAGE, PAGE] }
    const [answer] = await pinned.many([question], { ...options, at })
    const { providers = [], hasMore = false } = (answer ?? {}) as Partial<Page>
    found.push(...providers)
    if (!hasMore) break
  }
  const isApproved = new Set((approved ?? []) as readonly bigint[])
  return found.flatMap((entry) => providerOf(entry, isApproved.has(entry.providerId)) ?? [])
}

function providerOf({ providerId, providerInfo, product, productCapabilityValues }: Entry, isApproved: boolean): Provider | undefined {
  const values = new Map(product.capabilityKeys.map((key, place) => [key, productCapabilityValues[place] ?? '0x']))
  const text = (key: string) =>
    Buffer.from((values.get(key) ?? '0x').slice(2), 'hex')
      .toString('utf8')
      .slice(0, MOST_TEXT)
  const number = (key: string) => BigInt(values.get(key) === '0x' ? 0 : (values.get(key) ?? 0))
  const url = URL.parse(text('serviceURL'))
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  return {
    id: providerId,
    name: providerInfo.name.slice(0, MOST_TEXT),
    address: providerInfo.serviceProvider,
    payee: providerInfo.payee,
    url: url.href.replace(/\/+$/, ''),
    location: text('location'),
    minPieceBytes: number('minPieceSizeInBytes'),
    maxPieceBytes: number('maxPieceSizeInBytes'),
    price: number('storagePricePerTibPerDay'),
    isActive: providerInfo.isActive && product.isActive,
    isApproved,
  }
}
