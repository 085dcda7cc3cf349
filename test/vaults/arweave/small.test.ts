import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { arOf, middle, winstonIn, winstonOf } from '../../../src/vaults/arweave/amount.ts'
import { decodeItem } from '../../../src/vaults/arweave/bundle/upload.ts'
import { type At, locatorOf, parseLocator } from '../../../src/vaults/arweave/locator.ts'
import { withMargin } from '../../../src/vaults/arweave/money.ts'
import { decodeState, encodeState } from '../../../src/vaults/arweave/state.ts'
import { filterFor, packIn, tagsOf } from '../../../src/vaults/arweave/tagged.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

describe('sums of AR', () => {
  it('are read as they are written', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (winston) => winstonOf('v', 'maxPrice', arOf(winston)) === winston))
    expect([0n, 1n, 10n ** 12n, 1_500_000_000_000n].map(arOf)).toEqual(['0', '0.000000000001', '1', '1.5'])
    expect([0.5, 1, 1e-7].map((amount) => winstonOf('v', 'maxPrice', amount))).toEqual([500_000_000_000n, 1_000_000_000_000n, 100_000n])
  })

  it.each(['', '-1', '1,5', '1.', '.5', '0x1', '1e3', '1'.repeat(10), '0.0000000000001', ' 1'])('%j is none', (text) => {
    expect(() => winstonOf('v', 'maxPrice', text)).toThrow(/maxPrice must be a sum of AR/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('nor is %j', (amount) => {
    expect(() => winstonOf('v', 'maxPrice', amount)).toThrow(/maxPrice must be a sum of AR/)
  })

  it('of nodes: whole numbers alone, and the middle one of several', () => {
    expect(['7', ' 7\n', '', '7.5', '<html>', '-7', '9'.repeat(25)].map(winstonIn)).toEqual([7n, 7n, ...Array(5).fill(undefined)])
    expect(middle([])).toBeUndefined()
    expect([[5n], [1n, 9n], [9n, 1n, 5n], [1n, 1n, 10n ** 20n]].map(middle)).toEqual([5n, 9n, 5n, 1n])
  })

  it('with their margin are rounded up', () => {
    expect([withMargin(100n, 10), withMargin(1n, 10), withMargin(0n, 10), withMargin(1000n, 0.5)]).toEqual([110n, 2n, 0n, 1005n])
  })
})

describe('locators on Arweave', () => {
  it('are read as they are written', () => {
    const tx = fc.record({ kind: fc.constant('tx' as const), id: hash, root: hash, byteLength: count })
    fc.assert(
      fc.property(tx, ({ root, ...rest }) => {
        const at: At = { ...rest, dataRoot: Buffer.from(root, 'base64url') }
        expect(parseLocator('v', locatorOf(at))).toEqual(at)
      }),
    )
    const item = fc.record({ kind: fc.constant('item' as const), id: hash, byteLength: count, deadline: fc.nat() })
    fc.assert(
      fc.property(item, (at) => {
        expect(parseLocator('v', locatorOf(at))).toEqual(at)
      }),
    )
  })

  it('are nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseLocator('v', text)).toThrow(/is no place on Arweave/)
      }),
    )
  })
})

describe('tags', () => {
  const name = CID.parse('bafyreihvfhrcjh5fxm2lhcvzeg7y7xajduvvidglai7e3ovyxm2j7lnaym')
  const root = CID.parse('bafkreihexfu6mnuwr5w3j7admi2znfqbydsycm56tvuzvw7pl5tip4rzje')

  it('say which pack it is, in CIDs alone', () => {
    const tags = tagsOf({ name, root, kind: 'content' })
    expect(tags.map((tag) => `${tag.name}: ${tag.value}`)).toEqual([
      'App-Name: perdure',
      'App-Version: 1',
      'Content-Type: application/vnd.ipld.car; version=1',
      `Pack-CID: ${name}`,
      'Pack-Kind: content',
      `Root-CID: ${root}`,
    ])
    expect(packIn(tags)).toMatchObject({ kind: 'content' })
    expect(packIn(tags)?.name.equals(name)).toBe(true)
    expect(filterFor({ name, kind: 'index' })).toEqual([
      { name: 'App-Name', values: ['perdure'] },
      { name: 'Pack-CID', values: [`${name}`] },
      { name: 'Pack-Kind', values: ['index'] },
    ])
  })

  it.each([
    ['another program', [{ name: 'App-Name', value: 'other' }]],
    ['a CID that is none', [{ name: 'Pack-CID', value: 'bafy' }]],
    ['a kind that is none', [{ name: 'Pack-Kind', value: 'header' }]],
  ])('of %s are not ours', (_, changed) => {
    const tags = tagsOf({ name, root, kind: 'content' }).map((tag) => changed.find((other) => other.name === tag.name) ?? tag)
    expect(packIn(tags)).toBeUndefined()
  })
})

describe('what an upload remembers', () => {
  const transaction = { id: 'i'.repeat(43), data_root: 'r'.repeat(43) } as Parameters<typeof encodeState>[0]['transaction']

  it('comes back, and is never taken for something else', () => {
    const state = { transaction, height: 5, posted: true, cursor: 3 }
    expect(decodeState('v', encodeState(state))).toEqual(state)
    expect(decodeItem(encodeState(state))).toBeUndefined()
  })

  it.each(['', '{}', 'null', '{"version":2}', '{"version":1,"transaction":{"id":"x"}}', '[1]'])(
    '%j is kept, and nothing is signed anew',
    (text) => {
      expect(() => decodeState('v', Buffer.from(text))).toThrow(expect.objectContaining({ code: 'conflict' }))
    },
  )
})
