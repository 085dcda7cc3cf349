/** Cases of surveys, rotations, scores and what audits cost. */
import assert from 'node:assert/strict'
import type { Catalog, ScoreRow, SurveyRow } from '../contracts.ts'
import { type CatalogCase, evidence, object, putIndex, putOne, sealed, staged, withCode } from './catalog-fixtures.ts'

/** Packs of 3, 1 and 4 blocks in vault `v`, and one of 2 that is only meant to get there. */
async function filled(catalog: Catalog): Promise<readonly number[]> {
  const packs: number[] = []
  for (const [index, count] of [3, 1, 4, 2].entries()) {
    const { pack } = await putOne(catalog, `pack ${index}`, { count })
    packs.push(pack)
    if (count === 2) await catalog.intend(pack, 'v', 1)
    else await catalog.placed(pack, 'v', `at ${index}`, 1)
  }
  await catalog.placed(await putIndex(catalog, 'records'), 'v', 'index', 1)
  return packs
}

const SURVEY: Omit<SurveyRow, 'id' | 'draws'> = {
  vault: 'v',
  seed: Uint8Array.of(7),
  drawnAt: 5,
  confidence: 0.99,
  loss: 0.01,
  population: 8,
}

const score = (given: Partial<ScoreRow> = {}): ScoreRow => ({
  vault: 'v',
  integrity: [19.5, 0.5],
  availability: [20, 0],
  audits: 1,
  gapDays: 0.5,
  updatedAt: 3,
  ...given,
})

export const auditCases: readonly CatalogCase[] = [
  {
    name: 'blocks are drawn by their number from the placed content packs of one vault, of one moment',
    async run({ open }) {
      const catalog = await open()
      const [first = 0, second = 0, third = 0] = await filled(catalog)
      const { population, drawn } = await catalog.drawBlocks('v', (size) => Array.from({ length: size }, (_, number) => number))
      assert.equal(population, 8)
      const expected = [...[0, 1, 2].map((ordinal) => ({ pack: first, ordinal })), { pack: second, ordinal: 0 }]
      assert.deepEqual(drawn, [...expected, ...[0, 1, 2, 3].map((ordinal) => ({ pack: third, ordinal }))])
      assert.deepEqual((await catalog.drawBlocks('v', () => [2, 3, 7])).drawn, [
        { pack: first, ordinal: 2 },
        { pack: second, ordinal: 0 },
        { pack: third, ordinal: 3 },
      ])
      assert.deepEqual(await catalog.drawBlocks('w', () => []), { population: 0, drawn: [] })
    },
  },
  {
    name: 'the questions of a survey are durable before the first answer, and one survey of a vault is open at a time',
    async run({ open, reopen }) {
      let catalog = await open()
      const [pack = 0] = await filled(catalog)
      const drawn = [0, 2].map((ordinal) => ({ pack, ordinal }))
      const { id } = await catalog.openSurvey(SURVEY, drawn)
      await assert.rejects(catalog.openSurvey(SURVEY, drawn), withCode('conflict'))
      await catalog.openSurvey({ ...SURVEY, vault: 'w' }, drawn)
      catalog = await reopen(catalog)
      const survey = await catalog.latestSurvey('v')
      assert.deepEqual({ ...survey, seed: [...(survey?.seed ?? [])] }, { ...SURVEY, id, draws: 2, seed: [7] })
      assert.deepEqual(
        await catalog.probesOf(id),
        drawn.map((block, number) => ({ ...block, number, outcome: undefined, since: 0, tries: 0 })),
      )
    },
  },
  {
    name: 'a question that was settled keeps its answer; silence and refusals give way to one',
    async run({ open }) {
      const catalog = await open()
      const [pack = 0] = await filled(catalog)
      const drawn = [0, 1, 2].map((ordinal) => ({ pack, ordinal }))
      const { id } = await catalog.openSurvey(SURVEY, drawn)
      const answer = (number: number, outcome: 'intact' | 'silent' | 'denied' | 'damaged') => ({ number, outcome, since: 6, tries: 1 })
      await catalog.answerProbes(id, 6, [answer(0, 'silent'), answer(1, 'denied'), answer(2, 'damaged')])
      await catalog.answerProbes(id, 7, [answer(0, 'intact'), answer(1, 'intact'), answer(2, 'intact')])
      assert.deepEqual(
        (await catalog.probesOf(id)).map(({ outcome }) => outcome),
        ['intact', 'intact', 'damaged'],
      )
      assert.equal((await catalog.latestSurvey('v'))?.askedAt, 7)
    },
  },
  {
    name: 'a closed survey keeps its report; the newest one is the one drawn last, whatever the clock says',
    async run({ open }) {
      const catalog = await open()
      const [pack = 0] = await filled(catalog)
      const { id: first } = await catalog.openSurvey({ ...SURVEY, drawnAt: 900 }, [{ pack, ordinal: 0 }])
      await catalog.closeSurvey(first, { at: 901, report: 'first' })
      const { id: second } = await catalog.openSurvey({ ...SURVEY, drawnAt: 5 }, [{ pack, ordinal: 1 }])
      assert.equal((await catalog.probesOf(first)).length, 1)
      await catalog.closeSurvey(second, { at: 6, report: 'second' })
      const { report, closedAt } = (await catalog.latestSurvey('v')) ?? {}
      assert.deepEqual([report, closedAt], ['second', 6])
      assert.equal((await catalog.probesOf(first)).length, 0)
      assert.equal((await catalog.probesOf(second)).length, 1)
    },
  },
  {
    name: 'a question outlives its pack, and is found again after that',
    async run({ open }) {
      const catalog = await open()
      const { pack, id: objectId } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'at', 1)
      const { id } = await catalog.openSurvey(SURVEY, [{ pack, ordinal: 1 }])
      await catalog.forget(objectId)
      await catalog.dropPack(pack)
      assert.deepEqual(
        (await catalog.probesOf(id)).map((probe) => probe.pack),
        [pack],
      )
    },
  },
  {
    name: 'the objects that a block belongs to are found by its place',
    async run({ open }) {
      const catalog = await open()
      const pack = await catalog.stagePack(staged('a', 6))
      const extent = (first: number, count: number) => [{ start: 0, pack, first, count }]
      const [one = 0, two = 0, three = 0] = await catalog.seal(
        'a',
        [sealed('a', pack)],
        [object('x', extent(0, 3)), object('y', extent(2, 2)), object('z', extent(4, 2))],
      )
      assert.deepEqual(await catalog.objectsAt(pack, 2, { limit: 9 }), [one, two])
      assert.deepEqual(await catalog.objectsAt(pack, 4, { limit: 9 }), [three])
      assert.deepEqual(await catalog.objectsAt(pack, 2, { limit: 1 }), [one])
    },
  },
  {
    name: 'a rotation moves on with its evidence, never back within a round, and goes with its replica and its object',
    async run({ open, reopen }) {
      let catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'at', 1)
      const at = (cursor: number, round: number, seed = round) => ({
        pack,
        vault: 'v',
        object: id,
        seed: Uint8Array.of(seed),
        cursor,
        round,
      })
      const move = (moment: number, ...place: Parameters<typeof at>) =>
        catalog.recordEvidence([{ ...evidence(pack, 'v', moment, { object: id }), rotation: at(...place) }])
      await move(1, 2, 1)
      await move(2, 1, 1)
      catalog = await reopen(catalog)
      const known = async () => (await catalog.rotationsOf(id, 'v')).map(({ seed, cursor, round }) => [...seed, cursor, round])
      assert.deepEqual(await known(), [[1, 2, 1]])
      await move(3, 1, 2)
      assert.deepEqual(await known(), [[2, 1, 2]])
      await catalog.dropReplica(pack, 'v')
      assert.deepEqual(await known(), [])
      await move(4, 1, 1)
      assert.deepEqual(await known(), [], 'of a replica that is gone nothing is kept')
      await catalog.placed(pack, 'v', 'at', 5)
      await move(6, 1, 1)
      await catalog.forget(id)
      assert.deepEqual(await known(), [])
    },
  },
  {
    name: 'a replica that is replaced keeps its intent, in one step',
    async run({ open }) {
      const catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.placed(pack, 'v', 'at', 1)
      await catalog.recordEvidence([evidence(pack, 'v', 2, { verdict: 'damaged' })])
      assert.equal(await catalog.hasBadReplicas('v'), true)
      await catalog.dropReplica(pack, 'v', { intendedAt: 9 })
      assert.deepEqual(await catalog.replicasOf([pack]), [{ pack, vault: 'v', state: 'intended', intendedAt: 9 }])
      assert.deepEqual(await catalog.packEvidence([pack]), [])
      assert.equal(await catalog.hasBadReplicas('v'), false)
    },
  },
  {
    name: 'the place in a round of structure is kept per vault',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.structureOf('v'), undefined)
      await catalog.saveStructure({ vault: 'v', begunAt: 4, pack: 9, packs: 2 })
      await catalog.saveStructure({ vault: 'v', begunAt: 4, pack: 12, packs: 3, endedAt: 8 })
      await catalog.saveStructure({ vault: 'w', begunAt: 5, pack: 0, packs: 0 })
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.structureOf('v'), { vault: 'v', begunAt: 4, pack: 12, packs: 3, endedAt: 8 })
    },
  },
  {
    name: 'scores change in one step each, and are kept whole',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.changeScore('v', () => undefined), undefined)
      await catalog.changeScore('v', (before) => (before === undefined ? score() : undefined))
      const quarantined = score({ latency: [3.5, 0.25], quarantinedAt: 4, reason: 'wrong bytes' })
      await catalog.changeScore('v', (before) => (before?.audits === 1 ? quarantined : undefined))
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.scores(), [quarantined])
      await Promise.all(
        Array.from({ length: 8 }, () => catalog.changeScore('v', (before) => before && score({ audits: before.audits + 1 }))),
      )
      assert.deepEqual(await catalog.scores(), [score({ audits: 9 })])
    },
  },
  {
    name: 'what audits cost adds up per month, vault, purpose and currency',
    async run({ open, reopen }) {
      let catalog = await open()
      const row = { month: '2026-11', vault: 'v', purpose: 'survey', currency: 'USD', bytes: 10, requests: 2, amount: 0.5 } as const
      await catalog.spend([row, row, { ...row, purpose: 'rotation' }, { ...row, month: '2026-12' }, { ...row, currency: '' }])
      await catalog.spend([{ ...row, bytes: -5 }])
      catalog = await reopen(catalog)
      const spent = (await catalog.spendingIn('2026-11')).map(({ purpose, currency, bytes, amount }) => [purpose, currency, bytes, amount])
      assert.deepEqual(spent.sort(), [
        ['rotation', 'USD', 10, 0.5],
        ['survey', '', 10, 0.5],
        ['survey', 'USD', 15, 1.5],
      ])
      assert.deepEqual(await catalog.spendingIn('2026-10'), [])
    },
  },
  {
    name: 'audits are planned from sums over placed packs and objects',
    async run({ open }) {
      const catalog = await open()
      const packs = await filled(catalog)
      const { vaults, ...sums } = await catalog.auditCounts({ drawsPerObject: 2, packBytes: 400 })
      // Objects of 3, 1, 4 and 2 blocks and 1,000 bytes each, which fill three packs of 400.
      assert.deepEqual(sums, { contentBlocks: 10, objects: 4, objectBlocks: 10, objectBytes: 4_000, objectReads: 3 + 1 + 3 + 2 })
      assert.deepEqual(vaults, [{ vault: 'v', packs: 3, blocks: 8, bytes: 3 * 59 + 800, indexPacks: 1, indexBlocks: 3, indexBytes: 300 }])
      assert.equal(await catalog.replicaCount('v'), 4)
      assert.equal((await catalog.newestPack('content'))?.id, packs.at(-1))
      assert.equal(await (await open()).newestPack('content'), undefined)
    },
  },
]
