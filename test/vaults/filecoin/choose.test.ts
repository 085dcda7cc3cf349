import { describe, expect, it } from 'vitest'
import { ranked, type Wishes } from '../../../src/vaults/filecoin/choose.ts'
import type { Provider } from '../../../src/vaults/filecoin/port.ts'

const provider = (id: number, differs: Partial<Provider> = {}): Provider => ({
  id: BigInt(id),
  name: `provider ${id}`,
  address: '0x01',
  payee: '0x02',
  url: `https://p${id}.example`,
  location: 'C=DE;ST=Berlin;L=Berlin',
  minPieceBytes: 127n,
  maxPieceBytes: 1000n,
  price: 100n,
  isActive: true,
  isApproved: true,
  ...differs,
})

const order = (providers: readonly Provider[], wishes: Partial<Wishes> = {}) =>
  ranked(providers, { byteLength: 500, providers: [], ...wishes }).map(({ id }) => Number(id))

describe('the choice of a provider', () => {
  it('leaves out who is not active, not approved, or takes no piece of that size', () => {
    const all = [
      provider(1, { isActive: false }),
      provider(2, { isApproved: false }),
      provider(3, { minPieceBytes: 501n }),
      provider(4, { maxPieceBytes: 499n }),
      provider(5, { minPieceBytes: 500n, maxPieceBytes: 500n }),
    ]
    expect(order(all)).toEqual([5])
  })

  it('keeps to the list of the user and its order, also without approval, but not without activity', () => {
    const all = [provider(1), provider(2, { isApproved: false }), provider(3, { price: 1n }), provider(4, { isActive: false })]
    expect(order(all, { providers: [4n, 2n, 1n] })).toEqual([2, 1])
  })

  it('puts the cheaper one first, and of two equal ones always the same', () => {
    expect(order([provider(3), provider(2), provider(1, { price: 101n })])).toEqual([2, 3, 1])
  })

  it('counts one that did half of what it was asked as twice as dear', () => {
    const scoreOf = (id: bigint) => (id === 1n ? 0.5 : 1)
    expect(order([provider(1), provider(2, { price: 199n })], { scoreOf })).toEqual([2, 1])
    expect(order([provider(1), provider(2, { price: 201n })], { scoreOf })).toEqual([1, 2])
  })

  it('prefers the better one where both cost nothing', () => {
    const free = { price: 0n }
    expect(order([provider(1, free), provider(2, free)], { scoreOf: (id) => (id === 1n ? 0.2 : 1) })).toEqual([2, 1])
  })

  it.each(['C=US', 'us', 'US'])('puts the region %s before price, and others after it', (region) => {
    const all = [provider(1, { price: 1n, location: 'C=AUS;L=Bus' }), provider(2, { location: 'C=US;ST=Ohio' })]
    expect(order(all, { region })).toEqual([2, 1])
  })

  it('prefers one that has a data set of ours', () => {
    expect(order([provider(1, { price: 1n }), provider(2)], { known: new Set([2n]) })).toEqual([2, 1])
  })

  it('puts one that failed in this put last, whatever else speaks for it', () => {
    const failed = new Set([1n])
    expect(order([provider(1, { price: 1n }), provider(2)], { failed, known: new Set([1n]) })).toEqual([2, 1])
    expect(order([provider(1), provider(2)], { failed, providers: [1n, 2n] })).toEqual([2, 1])
  })
})
