/** Cases of the sums that metrics are made of: whatever is done to replicas, they are what a recount would find. */
import assert from 'node:assert/strict'
import type { ArchiveTallies, ReplicaTally } from '../contracts.ts'
import { type CatalogCase, evidence, putOne } from './catalog-fixtures.ts'

const DAY = 86_400_000

const flat = ({ replicas }: ArchiveTallies) =>
  replicas.map(({ vault, state, verdict, day, replicas: count }) => [vault, state, verdict, day, count]).sort()

export const tallyCases: readonly CatalogCase[] = [
  {
    name: 'replicas are counted by vault, state, verdict and the day on which they last showed their bytes',
    async run({ open, reopen }) {
      let catalog = await open()
      const a = await putOne(catalog, 'a')
      const b = await putOne(catalog, 'b')
      for (const { pack } of [a, b]) {
        await catalog.intend(pack, 'v', 1)
        await catalog.intend(pack, 'v', 2)
      }
      assert.deepEqual(flat(await catalog.tallies(1)), [['v', 'intended', undefined, undefined, 2]])
      for (const { pack } of [a, b]) await catalog.placed(pack, 'v', 'there', 1)
      await catalog.placed(a.pack, 'v', 'elsewhere', 2)
      await catalog.placed(a.pack, 'w', 'there', 1)
      await catalog.recordEvidence([evidence(a.pack, 'v', 2 * DAY), evidence(b.pack, 'v', 5 * DAY + 1)])
      // Neither a listing nor a proof of possession shows bytes, and silence takes nothing back.
      await catalog.recordEvidence([evidence(a.pack, 'w', 2 * DAY, { retrieval: 'none', possession: 'proven' })])
      await catalog.recordEvidence([evidence(a.pack, 'w', 3 * DAY, { retrieval: 'none', verdict: 'unproven' })])
      await catalog.recordEvidence([evidence(a.pack, 'v', 9 * DAY, { retrieval: 'none', verdict: 'unreachable' })])
      catalog = await reopen(catalog)
      const found = await catalog.tallies(1)
      assert.deepEqual(flat(found), [
        ['v', 'placed', 'intact', 5, 1],
        ['v', 'placed', 'unreachable', 2, 1],
        ['w', 'placed', 'unproven', undefined, 1],
      ])
      assert.deepEqual(found.evidence, [{ vault: 'v', oldestAt: 2 * DAY, newestAt: 5 * DAY + 1 }])
      assert.ok(found.replicas.every(({ byteLength, replicas }) => byteLength === 459 * replicas))
    },
  },
  {
    name: 'a replica that is known to be bad has no evidence to its name, and one that is gone is counted no more',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      await catalog.placed(a.pack, 'v', 'there', 1)
      await catalog.placed(a.pack, 'w', 'there', 1)
      await catalog.recordEvidence([evidence(a.pack, 'v', DAY)])
      await catalog.recordEvidence([evidence(a.pack, 'v', 2 * DAY, { verdict: 'damaged' })])
      const damaged = await catalog.tallies(1)
      assert.deepEqual(damaged.evidence, [])
      assert.ok(damaged.replicas.some(({ verdict, day }) => verdict === 'damaged' && day === 1))
      await catalog.dropReplica(a.pack, 'v')
      await catalog.dropReplica(a.pack, 'v')
      assert.deepEqual(flat(await catalog.tallies(1)), [['w', 'placed', undefined, undefined, 1]])
      await catalog.forget(a.id)
      await catalog.dropPack(a.pack)
      assert.deepEqual(flat(await catalog.tallies(1)), [])
    },
  },
  {
    name: 'the sums are those of totals, and what has lapsed is unknown',
    async run({ open }) {
      const catalog = await open()
      const states = ['satisfied', 'satisfied', 'degraded', 'lost', 'damaged'] as const
      for (const [index, state] of states.entries()) {
        const { id, pack } = await putOne(catalog, `${index}`)
        await catalog.placed(pack, index % 2 ? 'v' : 'w', 'there', 1)
        await catalog.setStates([{ object: id, state, freshUntil: 10 * (index + 1) }])
      }
      for (const at of [1, 10, 25, 99]) {
        const [totals, found] = [await catalog.totals(at), await catalog.tallies(at)]
        assert.deepEqual(found.states, totals.states)
        assert.deepEqual([found.objects, found.byteLength, found.spooledBytes], [totals.objects, totals.byteLength, totals.spooledBytes])
        assert.deepEqual(
          bytesByVault(found.replicas),
          totals.vaults.map(({ vault, packBytes }) => [vault, packBytes]),
        )
      }
      assert.deepEqual([(await catalog.tallies(25)).lapsed, (await catalog.tallies(99)).lapsed], [2, 3])
    },
  },
]

const bytesByVault = (tallies: readonly ReplicaTally[]) =>
  [...Map.groupBy(tallies, ({ vault }) => vault)]
    .map(([vault, rows]) => [vault, rows.reduce((sum, { byteLength }) => sum + byteLength, 0)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
