/** Cases of spending: sums, charges and reservations. */
import assert from 'node:assert/strict'
import type { CostRow, MonthOfCosts } from '../contracts.ts'
import { type CatalogCase, putOne } from './catalog-fixtures.ts'

const row = (given: Partial<CostRow> = {}): CostRow => ({
  month: '2026-01',
  vault: 'v',
  activity: 'put',
  writes: 1,
  reads: 2,
  storedBytes: 3,
  readBytes: 4,
  failed: 0,
  ...given,
})

const sum = ({ reserved }: MonthOfCosts) => reserved.reduce((total, { amount }) => total + Number(amount), 0)

export const costCases: readonly CatalogCase[] = [
  {
    name: 'costs add up by month, vault, activity and prices, and survive',
    async run({ open, reopen }) {
      let catalog = await open()
      const prices = { currency: 'USD', egressPerGiB: 0.1 }
      await catalog.addCosts([row(), row({ prices }), row({ month: '2026-02' })])
      await catalog.addCosts([
        row({ prices: { egressPerGiB: 0.1, currency: 'USD', storagePerGiBOnce: undefined } }),
        row({ storedBytes: -3, failed: 1 }),
      ])
      catalog = await reopen(catalog)
      const [plain, priced, later, ...rest] = await catalog.costs()
      assert.deepEqual(rest, [])
      assert.deepEqual(plain, row({ writes: 2, reads: 4, storedBytes: 0, readBytes: 8, failed: 1 }))
      assert.deepEqual(priced, row({ writes: 2, reads: 4, storedBytes: 6, readBytes: 8, prices }))
      assert.equal(later?.month, '2026-02')
      assert.deepEqual(
        (await catalog.costs({ since: '2026-02', until: '2026-02' })).map(({ month }) => month),
        ['2026-02'],
      )
    },
  },
  {
    name: 'charges are kept one by one, to the last digit',
    async run({ open, reopen }) {
      let catalog = await open()
      const charge = {
        at: Date.UTC(2026, 1, 3),
        vault: 'v',
        activity: 'put' as const,
        amount: '0.000000000000000001',
        currency: 'AR',
        detail: 'tx',
      }
      await catalog.addCosts([], [charge, { ...charge, at: Date.UTC(2026, 2, 1) }])
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.charges({ until: '2026-02' }), [charge])
      assert.equal((await catalog.charges()).length, 2)
    },
  },
  {
    name: 'what is held is summed by vault, and intents are not',
    async run({ open }) {
      const catalog = await open()
      const [one, other] = [await putOne(catalog, 'a'), await putOne(catalog, 'b')]
      await catalog.placed(one.pack, 'v', 'there', 1)
      await catalog.intend(other.pack, 'v', 1)
      const byteLength = (await catalog.pack(one.pack))?.byteLength ?? 0
      assert.deepEqual(await catalog.heldBytes(), [{ vault: 'v', byteLength }])
      await catalog.placed(one.pack, 'v', 'elsewhere', 2)
      await catalog.placed(other.pack, 'v', 'there', 2)
      await catalog.placed(other.pack, 'w', 'there', 2)
      assert.deepEqual(
        await catalog.heldBytes(),
        (await catalog.totals(9)).vaults.map(({ vault, packBytes }) => ({ vault, byteLength: packBytes })),
      )
      await catalog.dropReplica(one.pack, 'v')
      await catalog.dropReplica(one.pack, 'v')
      assert.equal((await catalog.heldBytes()).find(({ vault }) => vault === 'v')?.byteLength, (await catalog.pack(other.pack))?.byteLength)
      await catalog.forget(other.id)
      await catalog.dropPack(other.pack)
      assert.deepEqual(await catalog.heldBytes(), [])
    },
  },
  {
    name: 'a reservation is seen by the next one until it ends, and one that is refused leaves nothing',
    async run({ open }) {
      const catalog = await open()
      const ask = (key: string, amount: string, most = 5) =>
        catalog.reserve({ key, month: '2026-01', amounts: [{ amount, currency: 'USD' }] }, (month) =>
          sum(month) + Number(amount) > most ? sum(month) : undefined,
        )
      assert.equal(await ask('a', '3'), undefined)
      assert.equal(await ask('b', '3'), 3)
      assert.equal(await ask('c', '2'), undefined)
      await catalog.unreserve('a')
      await catalog.unreserve('nobody')
      assert.equal(await ask('d', '3'), undefined)
      assert.equal(await ask('e', '1'), 5)
    },
  },
  {
    name: 'of many that ask at once, no more are promised than there is',
    async run({ open }) {
      const catalog = await open()
      const refusals = await Promise.all(
        Array.from({ length: 12 }, (_, nth) =>
          catalog.reserve({ key: `${nth}`, month: '2026-01', amounts: [{ amount: '1', currency: 'USD' }] }, (month) =>
            sum(month) >= 5 ? 'no more' : undefined,
          ),
        ),
      )
      assert.equal(refusals.filter((refusal) => refusal === undefined).length, 5)
    },
  },
]
