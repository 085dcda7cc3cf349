import type { Chain } from '@filoz/synapse-core/chains'
import { expect, it } from 'vitest'
import type { Pinned, Question } from '../../../../src/vaults/filecoin/chain/pinned.ts'
import { providersOf } from '../../../../src/vaults/filecoin/chain/registry.ts'

const hex = (text: string) => `0x${Buffer.from(text).toString('hex')}` as const
const CHAIN = { contracts: { serviceProviderRegistry: {}, fwssView: {} } } as unknown as Chain

const entry = (providerId: bigint, capabilities: Readonly<Record<string, `0x${string}`>>, isActive = true) => ({
  providerId,
  providerInfo: { serviceProvider: '0x01', payee: '0x02', name: `p${providerId}`, isActive },
  product: { capabilityKeys: Object.keys(capabilities), isActive: true },
  productCapabilityValues: Object.values(capabilities),
})
const SOUND = {
  serviceURL: hex('https://sp.example/'),
  location: hex('C=DE;ST=Berlin;L=Berlin'),
  minPieceSizeInBytes: '0x7f',
  maxPieceSizeInBytes: '0x3f800000',
  storagePricePerTibPerDay: '0x0a',
} as const

type Page = { readonly providers: readonly unknown[]; readonly hasMore: boolean }

/** A registry of those pages; further ones are like the last. */
function registryOf(pages: readonly Page[], approved: readonly bigint[] = []) {
  const asked: Question[] = []
  const pinned: Pinned = {
    epoch: async () => ({ number: 1n, at: 0 }),
    ask: () => Promise.reject(new Error('nothing else was to be asked')),
    many: async (questions) =>
      questions.map((question) => {
        if (question.functionName === 'getApprovedProviders') return approved
        asked.push(question)
        return pages[Math.min(asked.length, pages.length) - 1]
      }),
  }
  return { asked, providers: () => providersOf(CHAIN, pinned, {}) }
}

it('decodes what a provider says of itself', async () => {
  const { providers } = registryOf([{ providers: [entry(1n, SOUND), entry(2n, SOUND, false)], hasMore: false }], [2n])
  expect(await providers()).toMatchObject([
    {
      id: 1n,
      name: 'p1',
      url: 'https://sp.example',
      location: 'C=DE;ST=Berlin;L=Berlin',
      minPieceBytes: 127n,
      maxPieceBytes: 0x3f800000n,
      price: 10n,
      isActive: true,
      isApproved: false,
    },
    { id: 2n, isActive: false, isApproved: true },
  ])
})

const { serviceURL: _, ...addressless } = SOUND
it.each([
  ['no address', addressless],
  ['an empty address', { ...SOUND, serviceURL: '0x' }],
  ['an address that is none', { ...SOUND, serviceURL: hex('sp.example') }],
  ['an address of another kind', { ...SOUND, serviceURL: hex('file:///etc/passwd') }],
  ['bytes that are no text', { ...SOUND, serviceURL: '0xfffe00' }],
] as const)('passes over a provider with %s, and not over the others', async (_, broken) => {
  const { providers } = registryOf([{ providers: [entry(1n, broken), entry(2n, SOUND)], hasMore: false }])
  expect((await providers()).map(({ id }) => id)).toEqual([2n])
})

it.each([
  ['keys without values', { ...entry(1n, SOUND), productCapabilityValues: [] }, []],
  ['numbers that are empty', entry(1n, { ...SOUND, minPieceSizeInBytes: '0x', storagePricePerTibPerDay: '0x' }), [1n]],
  ['numbers of any length', entry(1n, { ...SOUND, maxPieceSizeInBytes: `0x${'ff'.repeat(1000)}` }), [1n]],
] as const)('survives %s', async (_, odd, left) => {
  const { providers } = registryOf([{ providers: [odd], hasMore: false }])
  expect((await providers()).map(({ id }) => id)).toEqual(left)
})

it('reads page after page, and stops also where a node has more for ever', async () => {
  const two = registryOf([
    { providers: [entry(1n, SOUND)], hasMore: true },
    { providers: [entry(2n, SOUND)], hasMore: false },
  ])
  expect((await two.providers()).map(({ id }) => id)).toEqual([1n, 2n])
  expect(two.asked.map(({ args }) => args?.[2])).toEqual([0n, 50n])
  const endless = registryOf([{ providers: [entry(1n, SOUND)], hasMore: true }])
  await endless.providers()
  expect(endless.asked.length).toBeLessThanOrEqual(40)
})
