/** Cases of events, and of the outbox that tells hooks of them. */
import assert from 'node:assert/strict'
import type { Announcement, ArchiveEvent, Catalog, Severity } from '../contracts.ts'
import { type CatalogCase, evidence, putOne } from './catalog-fixtures.ts'

export function event(id: string, severity: Severity = 'warning', at = 1_000): ArchiveEvent {
  return { type: 'object-removed', root: id, id, at: new Date(at).toISOString(), severity }
}

const announcement = (told: ArchiveEvent, hooks: Readonly<Record<string, number>>): Announcement => ({
  event: told,
  hooks: Object.entries(hooks).map(([id, maxWaiting]) => ({ id, maxWaiting })),
})

const waiting = async (catalog: Catalog, hook: string) => (await catalog.waitingFor(hook)).map(({ event: { id } }) => id)

export const eventCases: readonly CatalogCase[] = [
  {
    name: 'events wait for their hooks in the order of announcement, also after the catalog was closed',
    async run({ open, reopen }) {
      let catalog = await open()
      await catalog.announce([announcement(event('b'), { h: 9, i: 9 }), announcement(event('a'), { h: 9 })])
      await catalog.announce([announcement(event('c'), { h: 9 })])
      catalog = await reopen(catalog)
      assert.deepEqual(await waiting(catalog, 'h'), ['b', 'a', 'c'])
      assert.deepEqual(await waiting(catalog, 'i'), ['b'])
      const [first] = await catalog.waitingFor('h', { limit: 1 })
      assert.deepEqual(first, { seq: first?.seq, event: event('b'), at: 1_000, tries: 0 })
      assert.equal((await catalog.waitingFor('h', { after: first?.seq })).length, 2)
    },
  },
  {
    name: 'an event whose id is known is announced to nobody again, not even after it was delivered',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.deepEqual(await catalog.announce([announcement(event('a'), { h: 9 }), announcement(event('a'), { h: 9 })]), [event('a')])
      const [first] = await catalog.waitingFor('h')
      await catalog.delivered('h', [first?.seq ?? 0], 5)
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.announce([announcement(event('a', 'critical', 9_000), { h: 9, late: 9 })]), [])
      assert.deepEqual([await waiting(catalog, 'h'), await waiting(catalog, 'late')], [[], []])
      assert.equal((await catalog.tallies(1)).events[0]?.total, 1)
    },
  },
  {
    name: 'of a hook with too many waiting, the oldest of the least severe are dropped and counted',
    async run({ open }) {
      const catalog = await open()
      const given: readonly [string, Severity][] = [
        ['a', 'warning'],
        ['b', 'info'],
        ['c', 'critical'],
        ['d', 'info'],
      ]
      for (const [id, severity] of given) await catalog.announce([announcement(event(id, severity), { h: 3, wide: 9 })])
      assert.deepEqual(await waiting(catalog, 'h'), ['a', 'c', 'd'])
      await catalog.announce([announcement(event('e', 'info'), { h: 2 })])
      assert.deepEqual(await waiting(catalog, 'h'), ['a', 'c'])
      assert.equal((await waiting(catalog, 'wide')).length, 4)
      const [state] = (await catalog.hookStates()).filter(({ hook }) => hook === 'h')
      assert.deepEqual([state?.dropped, state?.waiting], [3, 2])
    },
  },
  {
    name: 'failures of a hook count up until a delivery ends them, and keep when they began',
    async run({ open, reopen }) {
      let catalog = await open()
      await catalog.announce([announcement(event('a', 'warning', 2_000), { h: 9 }), announcement(event('b'), { h: 9 })])
      const [a, b] = (await catalog.waitingFor('h')).map(({ seq }) => seq) as [number, number]
      await catalog.deliveryFailed('h', [a], { at: 10, retryAt: 40, failure: 'HTTP 500' })
      await catalog.deliveryFailed('h', [a], { at: 40, retryAt: 100, failure: 'timed out' })
      catalog = await reopen(catalog)
      assert.deepEqual(await stateOf(catalog, 'h'), {
        ...{ hook: 'h', waiting: 2, oldestAt: 2_000, delivered: 0, givenUp: 0, dropped: 0, deliveredAt: undefined },
        ...{ failures: 2, failingSince: 10, retryAt: 100, failure: 'timed out' },
      })
      assert.deepEqual(
        (await catalog.waitingFor('h')).map(({ tries }) => tries),
        [2, 0],
      )
      await catalog.resumeHook('h')
      assert.equal((await stateOf(catalog, 'h'))?.retryAt, undefined)
      await catalog.delivered('h', [a], 200)
      assert.deepEqual(await stateOf(catalog, 'h'), {
        ...{ hook: 'h', waiting: 1, oldestAt: 1_000, delivered: 1, givenUp: 0, dropped: 0, deliveredAt: 200 },
        ...{ failures: 0, failingSince: undefined, retryAt: undefined, failure: undefined },
      })
      // Another process has delivered it meanwhile.
      await catalog.delivered('h', [a], 300)
      await catalog.giveUp('h', [a, b])
      const state = await stateOf(catalog, 'h')
      assert.deepEqual([state?.waiting, state?.delivered, state?.givenUp], [0, 1, 1])
    },
  },
  {
    name: 'a changed state is announced with the change: once, from what it was, and never when nothing changed',
    async run({ open }) {
      const catalog = await open()
      const { id, root } = await putOne(catalog, 'a')
      const seen: unknown[] = []
      const set = (state: 'satisfied' | 'degraded', freshUntil: number) =>
        catalog.setStates([{ object: id, state, freshUntil }], (changes) => {
          for (const { from, to, first } of changes) seen.push([from, to, first])
          return changes.map(({ root: changed, to }) => announcement(event(`${changed} ${to}`), { h: 9 }))
        })
      assert.deepEqual(await set('satisfied', 5), [event(`${root} satisfied`)])
      assert.deepEqual(await set('satisfied', 9), [])
      await set('degraded', 9)
      assert.deepEqual(seen, [
        ['at-risk', 'satisfied', true],
        ['satisfied', 'degraded', false],
      ])
      assert.deepEqual(await waiting(catalog, 'h'), [`${root} satisfied`, `${root} degraded`])
    },
  },
  {
    name: 'what cannot be announced is not changed either',
    async run({ open }) {
      const catalog = await open()
      const { id } = await putOne(catalog, 'a')
      const broken = catalog.setStates([{ object: id, state: 'satisfied', freshUntil: 5 }], () => {
        throw new RangeError('no')
      })
      await assert.rejects(broken, RangeError)
      assert.equal((await catalog.objectById(id))?.state, 'at-risk')
    },
  },
  {
    name: 'a changed verdict is announced with the evidence that changed it',
    async run({ open }) {
      const catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'there', 1)
      const seen: unknown[] = []
      const record = (...rows: Parameters<typeof evidence>[]) =>
        catalog.recordEvidence(
          rows.map((row) => evidence(...row)),
          (changes) => {
            for (const { from, to, vault, at } of changes) seen.push([vault, from, to, at])
            return []
          },
        )
      await record([pack, 'v', 10])
      await record([pack, 'v', 20], [pack, 'gone', 20])
      await record([pack, 'v', 30, { verdict: 'damaged' }])
      await record([pack, 'v', 40, { verdict: 'unreachable', retrieval: 'none' }])
      await record([pack, 'v', 50])
      assert.deepEqual(seen, [
        ['v', undefined, 'intact', 10],
        ['v', 'intact', 'damaged', 30],
        ['v', 'damaged', 'intact', 50],
      ])
    },
  },
  {
    name: 'an object is forgotten together with the news of it',
    async run({ open }) {
      const catalog = await open()
      const { id } = await putOne(catalog, 'a')
      await catalog.forget(id, [announcement(event('gone'), { h: 9 })])
      await catalog.forget(id, [announcement(event('gone again'), { h: 9 })])
      assert.deepEqual(await waiting(catalog, 'h'), ['gone'])
    },
  },
]

async function stateOf(catalog: Catalog, hook: string) {
  return (await catalog.hookStates()).find((state) => state.hook === hook)
}
