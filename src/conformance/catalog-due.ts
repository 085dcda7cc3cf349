/** Cases of what is due when, and of what a watch keeps. */
import assert from 'node:assert/strict'
import type { ObjectState, VaultPause } from '../contracts.ts'
import { type CatalogCase, evidence, object, putOne, sealed, staged } from './catalog-fixtures.ts'

const NEVER = Number.MAX_SAFE_INTEGER

export const dueCases: readonly CatalogCase[] = [
  {
    name: 'a new object is due at once, and afterwards when it was said to be',
    async run({ open, reopen }) {
      const first = await open()
      const { id } = await putOne(first, 'a')
      assert.deepEqual(await first.due({ at: 1, horizon: 1_000, limit: 9 }), [{ id, state: 'at-risk', dueAt: 0 }])
      await first.setStates([{ object: id, state: 'satisfied', freshUntil: 900, dueAt: 500 }])
      assert.deepEqual(await first.due({ at: 499, horizon: 1_000, limit: 9 }), [])
      assert.equal(await first.nextDue({ at: 499, horizon: 1_000 }), 500)
      // A state that is said anew without a date leaves the date as it is.
      await first.setStates([{ object: id, state: 'degraded', freshUntil: 900 }])
      const again = await reopen(first)
      assert.deepEqual(await again.due({ at: 500, horizon: 1_000, limit: 9 }), [{ id, state: 'degraded', dueAt: 500 }])
      assert.equal(await again.nextDue({ at: 500, horizon: 1_000 }), undefined)
    },
  },
  {
    name: 'what is due comes by state, the longest overdue first, and so many of each state',
    async run({ open }) {
      const catalog = await open()
      const wanted: readonly (readonly [ObjectState, number])[] = [
        ['satisfied', 30],
        ['satisfied', 10],
        ['damaged', 40],
        ['satisfied', 20],
        ['at-risk', 5],
        ['unknown', 99],
      ]
      const ids: number[] = []
      for (const [index, [state, dueAt]] of wanted.entries()) {
        const { id } = await putOne(catalog, `object ${index}`)
        ids.push(id)
        await catalog.setStates([{ object: id, state, freshUntil: 0, dueAt }])
      }
      const found = await catalog.due({ at: 50, horizon: 1_000, limit: 2 })
      assert.deepEqual(
        found.map(({ id, dueAt }) => [ids.indexOf(id), dueAt]),
        [
          [4, 5],
          [2, 40],
          [1, 10],
          [3, 20],
        ],
      )
    },
  },
  {
    name: 'a date beyond the horizon is not believed, and what is never due stays out',
    async run({ open }) {
      const catalog = await open()
      const far = await putOne(catalog, 'far')
      const never = await putOne(catalog, 'never')
      await catalog.setStates([
        { object: far.id, state: 'satisfied', freshUntil: 0, dueAt: 5_000 },
        { object: never.id, state: 'satisfied', freshUntil: 0, dueAt: NEVER },
      ])
      assert.deepEqual(await catalog.due({ at: 10, horizon: 5_000, limit: 9 }), [])
      assert.equal(await catalog.nextDue({ at: 10, horizon: 5_000 }), 5_000)
      assert.deepEqual(await catalog.due({ at: 10, horizon: 4_999, limit: 9 }), [{ id: far.id, state: 'satisfied', dueAt: 5_000 }])
      assert.equal(await catalog.nextDue({ at: 10, horizon: 4_999 }), undefined)
      assert.equal(await catalog.hasten({ state: 'satisfied', at: 10, limit: 9 }), 1)
      assert.equal(await catalog.hasten({ state: 'satisfied', at: 10, limit: 9 }), 0)
      assert.deepEqual(await catalog.due({ at: 10, horizon: 4_999, limit: 9 }), [{ id: far.id, state: 'satisfied', dueAt: 10 }])
    },
  },
  {
    name: 'an object that is put again because its packs are gone is due again',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      await catalog.setStates([{ object: id, state: 'satisfied', freshUntil: 9, dueAt: 900 }])
      await catalog.unspooled(pack)
      const other = await catalog.stagePack(staged('b', 4))
      await catalog.seal('b', [sealed('b', other)], [object('a', [{ start: 0, pack: other, first: 0, count: 4 }])])
      assert.deepEqual(await catalog.due({ at: 1, horizon: 1_000, limit: 9 }), [{ id, state: 'at-risk', dueAt: 0 }])
    },
  },
  {
    name: 'pauses of vaults and marks outlive a restart, the newest of each',
    async run({ open, reopen }) {
      const first = await open()
      const pause: VaultPause = { vault: 'v', reason: 'silent', failures: 1, since: 1, at: 2, until: 3, silentMs: 0 }
      await first.pauseVault(pause)
      await first.pauseVault({ ...pause, failures: 2, silentMs: 40, detail: 'refused' })
      await first.pauseVault({ ...pause, vault: 'w', reason: 'denied' })
      await first.setMark('cycle', { at: 5, detail: 'one' })
      await first.setMark('cycle', { at: 6, detail: 'two' })
      const again = await reopen(first)
      assert.deepEqual(await again.vaultPauses(), [
        { ...pause, failures: 2, silentMs: 40, detail: 'refused' },
        { ...pause, vault: 'w', reason: 'denied' },
      ])
      await again.resumeVault('v')
      assert.deepEqual(
        (await again.vaultPauses()).map(({ vault }) => vault),
        ['w'],
      )
      assert.deepEqual(await again.mark('cycle'), { at: 6, detail: 'two' })
      assert.equal(await again.mark('renew'), undefined)
    },
  },
  {
    name: 'evidence of a vault is told in few rows: how many replicas stand under which verdict, and since when',
    async run({ open }) {
      const catalog = await open()
      for (const [index, at] of [10, 30, 20].entries()) {
        const { pack } = await putOne(catalog, `object ${index}`)
        await catalog.placed(pack, 'v', 'there', 1)
        await catalog.placed(pack, 'w', 'there', 1)
        await catalog.recordEvidence([evidence(pack, 'v', at, index === 2 ? { verdict: 'damaged' } : {})])
      }
      assert.deepEqual(await catalog.vaultEvidence(), [
        { vault: 'v', verdict: 'damaged', replicas: 1, oldestAt: 20, newestAt: 20 },
        { vault: 'v', verdict: 'intact', replicas: 2, oldestAt: 10, newestAt: 30 },
        { vault: 'w', verdict: undefined, replicas: 3, oldestAt: undefined, newestAt: undefined },
      ])
    },
  },
]
