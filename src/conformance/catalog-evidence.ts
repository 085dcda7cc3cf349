/** Cases of replicas, evidence and states. */
import assert from 'node:assert/strict'
import { block, type CatalogCase, evidence, putIndex, putOne, withCode } from './catalog-fixtures.ts'

export const evidenceCases: readonly CatalogCase[] = [
  {
    name: 'an intent outlives the process and never takes back a placement',
    async run({ open, reopen }) {
      let catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.intend(pack, 'v', 10)
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.replicasOf([pack]), [{ pack, vault: 'v', state: 'intended', intendedAt: 10 }])
      await catalog.placed(pack, 'v', 'at/v', 20)
      await catalog.intend(pack, 'v', 30)
      await catalog.placed(pack, 'w', 'at/w', 25)
      const v = { pack, vault: 'v', state: 'placed', locator: 'at/v', intendedAt: 10, placedAt: 20 }
      assert.deepEqual(await catalog.replicasOf([pack]), [v, { ...v, vault: 'w', locator: 'at/w', intendedAt: 25, placedAt: 25 }])
      assert.deepEqual(await catalog.replicasIn('v'), [v])
      assert.deepEqual(await catalog.replicasIn('v', { after: pack }), [])
      await assert.rejects(catalog.intend(9_999, 'v', 1), withCode('conflict'))
    },
  },
  {
    name: 'a journal keeps the last state it was given',
    async run({ open, reopen }) {
      let catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.journal(pack, 'v').save(Uint8Array.of(1))
      await catalog.journal(pack, 'v').save(Uint8Array.of(2, 3))
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.journal(pack, 'v').load(), Uint8Array.of(2, 3))
      assert.equal(await catalog.journal(pack, 'w').load(), undefined)
    },
  },
  {
    name: 'newer evidence replaces only its own kind, and what it replaces is counted',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'at', 1)
      const sampled = evidence(pack, 'v', 10, { seed: Uint8Array.of(7), detail: 'three of three' })
      const listed = evidence(pack, 'v', 20, { retrieval: 'none', possession: 'listed', verdict: 'unproven' })
      await catalog.recordEvidence([sampled, listed])
      const kinds = async () => [...(await catalog.packEvidence([pack]))].sort((a, b) => a.at - b.at)
      assert.deepEqual(await kinds(), [sampled, listed])
      assert.equal(await catalog.evidenceTotals(pack, 'v'), undefined)
      const own = evidence(pack, 'v', 30, { object: id, verdict: 'damaged' })
      const newer = evidence(pack, 'v', 40)
      await catalog.recordEvidence([own, newer, evidence(pack, 'v', 5, { verdict: 'unreachable' })])
      assert.deepEqual(await kinds(), [listed, newer])
      assert.equal((await catalog.evidenceOf(id)).length, 3)
      assert.deepEqual(await catalog.evidenceTotals(pack, 'v'), {
        pack,
        vault: 'v',
        checks: 2,
        intact: 1,
        damaged: 0,
        missing: 0,
        silent: 1,
        firstAt: 5,
        lastAt: 10,
      })
    },
  },
  {
    name: 'after the clock was set back, new evidence is newer than all that was stored, which keeps its order and its gaps',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      for (const vault of ['v', 'w']) await catalog.placed(pack, vault, 'there', 1)
      const year = 365 * 86_400_000
      const now = Date.now()
      const later = now + year
      await catalog.recordEvidence([
        { ...evidence(pack, 'v', later - 500, { retrieval: 'whole' }), unanswered: [{ ordinal: 2, since: later - 400, tries: 1 }] },
        evidence(pack, 'v', later, { object: id }),
        evidence(pack, 'w', later),
      ])
      await catalog.recordEvidence([evidence(pack, 'v', now, { verdict: 'damaged', object: id })])
      const rows = (await catalog.evidenceOf(id)).toSorted((a, b) => b.at - a.at)
      assert.deepEqual(
        rows.map(({ vault, verdict, at }) => [vault, verdict, at]),
        [
          ['w', 'intact', later],
          ['v', 'damaged', now],
          ['v', 'intact', now - 501],
        ],
      )
      assert.deepEqual(await catalog.unansweredOf(pack, 'v'), [{ ordinal: 2, since: now - 401, tries: 1 }])
      const [place] = (await catalog.findBlocks([block('a 0')], { reusable: true })).values()
      assert.notEqual(place, undefined)
      await catalog.recordEvidence([evidence(pack, 'w', now, { verdict: 'missing' })])
      await catalog.unspooled(pack)
      assert.equal((await catalog.findBlocks([block('a 0')], { reusable: true })).size, 0)
    },
  },
  {
    name: 'evidence about one object says nothing of another in the same pack',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      const b = await putOne(catalog, 'b')
      for (const { pack } of [a, b]) await catalog.placed(pack, 'v', 'at', 1)
      await catalog.recordEvidence([evidence(a.pack, 'v', 2, { object: a.id }), evidence(b.pack, 'v', 3)])
      assert.deepEqual(await catalog.evidenceOf(a.id), [evidence(a.pack, 'v', 2, { object: a.id })])
      assert.deepEqual(await catalog.evidenceOf(b.id), [evidence(b.pack, 'v', 3)])
      assert.deepEqual(await catalog.packEvidence([a.pack, b.pack]), [evidence(b.pack, 'v', 3)])
    },
  },
  {
    name: 'unanswered probes are replaced when given and kept when not',
    async run({ open }) {
      const catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'at', 1)
      const unanswered = [
        { ordinal: 1, since: 5, tries: 1 },
        { ordinal: 3, since: 5, tries: 2 },
      ]
      await catalog.recordEvidence([{ ...evidence(pack, 'v', 5, { verdict: 'incomplete' }), unanswered }])
      await catalog.recordEvidence([evidence(pack, 'v', 6)])
      assert.deepEqual(await catalog.unansweredOf(pack, 'v'), unanswered)
      await catalog.recordEvidence([{ ...evidence(pack, 'v', 7), unanswered: [] }])
      assert.deepEqual(await catalog.unansweredOf(pack, 'v'), [])
    },
  },
  {
    name: 'blocks are reusable while spooled or held by a vault that nothing speaks against',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      const reusable = async () => (await catalog.findBlocks([block('a 1')], { visibility: 'public', reusable: true })).size === 1
      assert.equal(await reusable(), true)
      await catalog.unspooled(pack)
      assert.equal(await reusable(), false)
      assert.equal((await catalog.findBlocks([block('a 1')], { visibility: 'public' })).size, 1)
      await catalog.intend(pack, 'v', 1)
      assert.equal(await reusable(), false)
      await catalog.placed(pack, 'v', 'at', 1)
      assert.equal(await reusable(), true)
      await catalog.recordEvidence([evidence(pack, 'v', 2, { object: id, verdict: 'damaged' })])
      assert.equal(await reusable(), false)
      await catalog.recordEvidence([evidence(pack, 'v', 3, { verdict: 'intact' })])
      assert.equal(await reusable(), true)
      await catalog.recordEvidence([evidence(pack, 'v', 4, { verdict: 'missing' })])
      assert.equal(await reusable(), false)
      await catalog.spooled(pack)
      assert.equal(await reusable(), true)
    },
  },
  {
    name: 'a dropped replica takes its evidence, probes and journal along',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      for (const vault of ['v', 'w']) {
        await catalog.placed(pack, vault, 'at', 1)
        await catalog.journal(pack, vault).save(Uint8Array.of(1))
        await catalog.recordEvidence([{ ...evidence(pack, vault, 5, { object: id }), unanswered: [{ ordinal: 0, since: 1, tries: 1 }] }])
      }
      await catalog.dropReplica(pack, 'v')
      assert.deepEqual(
        (await catalog.replicasOf([pack])).map(({ vault }) => vault),
        ['w'],
      )
      assert.deepEqual(
        (await catalog.evidenceOf(id)).map(({ vault }) => vault),
        ['w'],
      )
      assert.deepEqual(await catalog.unansweredOf(pack, 'v'), [])
      assert.equal(await catalog.journal(pack, 'v').load(), undefined)
      assert.equal((await catalog.unansweredOf(pack, 'w')).length, 1)
      await catalog.dropReplica(pack, 'w', { intendedAt: 9 })
      assert.deepEqual(await catalog.unansweredOf(pack, 'w'), [])
      assert.deepEqual(await catalog.journal(pack, 'w').load(), Uint8Array.of(1), 'the journal of what is to be there again was forgotten')
    },
  },
  {
    name: 'totals count lapsed evidence as unknown unless the object is worse',
    async run({ open }) {
      const catalog = await open()
      const states = ['satisfied', 'satisfied', 'degraded', 'damaged', 'at-risk', 'lost', 'unknown'] as const
      for (const [index, state] of states.entries()) {
        const { id, pack } = await putOne(catalog, `a${index}`)
        await catalog.setStates([{ object: id, state, freshUntil: index === 0 ? 200 : 100 }])
        if (index === 0) await catalog.placed(pack, 'v', 'at', 1)
        if (index === 0) await catalog.unspooled(pack)
        if (index === 1) await catalog.intend(pack, 'v', 1)
      }
      const none = { lost: 1, 'at-risk': 1, damaged: 1 }
      assert.deepEqual((await catalog.totals(99)).states, { ...none, unknown: 1, degraded: 1, satisfied: 2 })
      assert.deepEqual(await catalog.totals(100), {
        objects: 7,
        byteLength: 7_000,
        packs: 7,
        packBytes: 7 * 459,
        spooledBytes: 6 * 459,
        states: { ...none, unknown: 3, degraded: 0, satisfied: 1 },
        vaults: [{ vault: 'v', replicas: 1, packBytes: 459 }],
      })
    },
  },
  {
    name: 'a record must be newer than the one before, or none of the call is saved',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      const b = await putOne(catalog, 'b')
      const rows = (sequence: number) => [
        { object: b.id, sequence: 9, record: block('b9') },
        { object: a.id, sequence, record: block('a') },
      ]
      await putIndex(catalog, 'index', [{ object: a.id, sequence: 2, record: block('a2') }])
      await assert.rejects(putIndex(catalog, 'index', rows(2)), withCode('conflict'))
      assert.equal((await catalog.objectById(b.id))?.sequence, 0)
      await assert.rejects(putIndex(catalog, 'a', rows(3)), withCode('conflict'))
      await putIndex(catalog, 'index', rows(3))
      const row = await catalog.objectById(a.id)
      assert.deepEqual([row?.sequence, `${row?.record}`], [3, `${block('a')}`])
    },
  },
  {
    name: 'an index pack and its records are saved together or not at all',
    async run({ open }) {
      const catalog = await open()
      const { id } = await putOne(catalog, 'a')
      const first = await putIndex(catalog, 'first', [{ object: id, sequence: 1, record: block('1') }])
      assert.equal((await catalog.objectById(id))?.sequence, 1)
      await assert.rejects(putIndex(catalog, 'late', [{ object: id, sequence: 1, record: block('late') }]), withCode('conflict'))
      assert.deepEqual(
        (await catalog.packs({ kind: 'index' })).map((pack) => pack.id),
        [first],
      )
      assert.equal(`${(await catalog.objectById(id))?.record}`, `${block('1')}`)
      assert.equal(await putIndex(catalog, 'first', [{ object: id, sequence: 2, record: block('2') }]), first)
      assert.deepEqual(await catalog.garbage(), [])
    },
  },
  {
    name: 'the newest receipt stays, also after the object is forgotten',
    async run({ open }) {
      const catalog = await open()
      const { id, root } = await putOne(catalog, 'a')
      await catalog.saveReceipts([{ object: id, receipt: 'second', at: 2 }])
      await catalog.saveReceipts([{ object: id, receipt: 'first', at: 1 }])
      assert.equal(await catalog.receiptOf(root), 'second')
      await catalog.forget(id)
      assert.equal(await catalog.receiptOf(root), 'second')
    },
  },
]
