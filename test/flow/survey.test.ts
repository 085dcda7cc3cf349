import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import type { Archive, ArchiveConfig, Catalog, SurveyEvent, SurveyProbe, Vault } from '../../src/contracts.ts'
import { samplesFor } from '../../src/policy/challenge.ts'
import { all, contentOf, fleet, noise, only, tempFolder } from './house.ts'

/** 44 draws. */
const GOAL = { confidence: 0.9, loss: 0.05 }
const DRAWS = samplesFor(GOAL)

/** Many small files: one block each, and a directory. */
const entriesOf = (count: number, name = 'entry') =>
  Array.from({ length: count }, (_, index) => ({ path: `${name}-${index}`, content: noise(300 + index, `${name} ${index}`) }))

/** Two vaults with 150 files and two more objects of some packs, and the catalog to look into. */
async function stored(config: Parameters<typeof fleet>[1] = {}) {
  const folder = await tempFolder()
  const catalog = await openCatalog({ path: join(folder, 'catalog.sqlite') })
  const built = await fleet(['a', 'b'], { catalog, audit: { goal: { ...GOAL, withinDays: 30 } }, ...config })
  const { archive } = built
  const tree = await archive.put(entriesOf(150))
  const other = await archive.put(entriesOf(40, 'other'))
  await archive.put(entriesOf(9, 'third'))
  return { ...built, archive, catalog, tree: tree.root, other: other.root }
}

const probesOf = async (catalog: Catalog, vault = 'b'): Promise<readonly SurveyProbe[]> =>
  catalog.probesOf((await catalog.latestSurvey(vault))?.id ?? 0)
const questions = (probes: readonly SurveyProbe[]) => probes.map(({ pack, ordinal }) => `${pack}/${ordinal}`)

/** What `a` vault holds at a place of the catalog, to be damaged. */
async function flipBlock(
  built: { readonly members: { readonly b: { readonly store: Map<string, Uint8Array> } }; readonly catalog: Catalog },
  { pack, ordinal }: { pack: number; ordinal: number },
) {
  const { spansOf } = await import('../../src/flow/spans.ts')
  const row = await built.catalog.pack(pack)
  if (!row) expect.unreachable()
  const span = (await spansOf({ catalog: built.catalog } as Parameters<typeof spansOf>[0], row))[ordinal]
  const bytes = built.members.b.store.get(`content/${row.name}`)
  if (!span || !bytes) expect.unreachable()
  const at = span.offset + 5
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return { row, span }
}

/** Stops a survey as a kill would: after so many answers nothing more is written. */
function stopping(after: number): { readonly signal: AbortSignal; readonly onProgress: (event: SurveyEvent) => void } {
  const stop = new AbortController()
  let answers = 0
  return { signal: stop.signal, onProgress: (event) => void (event.type === 'probe-answered' && ++answers === after && stop.abort()) }
}

describe('a survey of one vault', () => {
  it('draws as many blocks as the goal asks for, reads them and no others, and states that and nothing more', async () => {
    const { archive, members, catalog } = await stored()
    const [readsA, readsB] = [members.a.faults.calls.read ?? 0, members.b.faults.calls.read ?? 0]
    const report = await archive.survey('b')
    expect(report).toMatchObject({ vault: 'b', state: 'clean', draws: DRAWS, intact: DRAWS, population: 202, losses: [], notes: [] })
    expect(report.statement).toMatch(
      /^With 9\d\.\d+ % confidence fewer than 5 % of the vault's blocks were lost at that time \(45 of 202 drawn, all intact\)\.$/,
    )
    expect(members.a.faults.calls.read ?? 0).toBe(readsA)
    expect((members.b.faults.calls.read ?? 0) - readsB).toBeLessThanOrEqual(DRAWS)
    expect(new Set(questions(await probesOf(catalog))).size).toBe(DRAWS)
  })

  it('is no evidence of any object: what had lapsed stays unknown', async () => {
    const { archive, clock, tree } = await stored()
    clock.advanceDays(31)
    expect((await archive.survey('a', { goal: { confidence: 0.999, loss: 0.001 } })).intact).toBe(202)
    await archive.survey('b', { goal: { confidence: 0.999, loss: 0.001 } })
    expect((await archive.status(tree)).state).toBe('unknown')
  })

  it('draws from a fresh seed each time', async () => {
    const { archive, catalog } = await stored()
    const seen = new Set<string>()
    for (let run = 0; run < 3; run++) {
      await archive.survey('b')
      seen.add(questions(await probesOf(catalog)).join())
    }
    expect(seen.size).toBe(3)
  })

  it('of an empty vault finds nothing to ask, and of an unknown one says which there are', async () => {
    const { archive } = await fleet(['a', 'b'])
    expect(await archive.survey('a')).toMatchObject({ state: 'empty', draws: 0 })
    await expect(archive.survey('c')).rejects.toMatchObject({ code: 'invalid', message: /configured: a, b/ })
  })

  it('is done by one process at a time', async () => {
    const { archive, catalog } = await stored()
    const lease = await catalog.acquire('survey:b', { ttlMs: 60_000 })
    await expect(archive.survey('b')).rejects.toMatchObject({ code: 'busy' })
    await lease?.release()
    expect((await archive.survey('b')).state).toBe('clean')
  })
})

describe('what a survey finds wrong', () => {
  it('is damage of that replica at once, names the objects, and quarantines the vault until a clean survey after the repair', async () => {
    const built = await stored({ policy: { copies: 2, floor: 1 } })
    const { archive, catalog, tree } = built
    await flipBlock(built, { pack: 1, ordinal: 77 })
    const whole = { confidence: 0.999, loss: 0.001 }
    const losses: string[] = []
    const found = await archive.survey('b', {
      goal: whole,
      onProgress: (event) => void (event.type === 'loss-found' && losses.push(...event.loss.objects)),
    })
    expect(found).toMatchObject({ state: 'losses', damaged: 1, intact: 201 })
    expect(found.losses).toMatchObject([{ ordinal: 77, outcome: 'damaged', objects: [tree], detail: expect.stringMatching(/do not hash/) }])
    expect(found.statement).toMatch(/^1 damaged of 202 blocks drawn/)
    expect(losses).toEqual([tree])
    expect((await archive.status(tree)).state).toBe('damaged')
    expect(
      (await all(archive.objects({ state: 'damaged' }))).map(({ root }) => root),
      'listings know',
    ).toContain(tree)

    expect((await archive.scores()).find(({ vault }) => vault === 'b')?.quarantine?.reason).toMatch(/wrong bytes/)
    const put = await archive.put(noise(2_000, 'new'))
    expect(put.state).toBe('degraded')
    expect(put.replicas.map(({ vault }) => vault)).toEqual(['a'])
    expect(put.missing.map(({ reason }) => reason).join()).toMatch(/1 of 2 copies|copies/)
    expect(archive.explain().vaults.find(({ id }) => id === 'b')).toMatchObject({ eligible: false })

    const still = await archive.survey('b', { goal: whole })
    expect(still.state, 'the damage is met again').toBe('losses')
    expect((await archive.repair(tree)).state, 'what is damaged there is replaced there').toBe('satisfied')
    const weak = await archive.survey('b', { goal: { confidence: 0.5, loss: 0.5 } })
    expect(weak).toMatchObject({ state: 'clean', draws: 1 })
    expect(weak.notes.join()).toMatch(/drew too few blocks/)
    expect(await catalog.hasBadReplicas('b')).toBe(false)
    const clean = await archive.survey('b')
    expect(clean.notes.join()).toMatch(/the quarantine has ended/)
    expect((await archive.scores()).find(({ vault }) => vault === 'b')).not.toHaveProperty('quarantine')
    expect((await archive.repair(put.root)).state).toBe('satisfied')
  })

  it('does not end a quarantine while something there is known to be damaged, but a person can', async () => {
    const built = await stored()
    const { archive } = built
    await flipBlock(built, { pack: 1, ordinal: 77 })
    await archive.verify(built.tree, { level: 'whole' })
    expect((await archive.scores()).find(({ vault }) => vault === 'b')?.quarantine).toBeDefined()
    // A goal of few draws, which hardly meets the one block.
    const again = await openWith(built, { audit: { goal: { confidence: 0.1, loss: 0.5 } } })
    const report = await again.survey('b')
    if (report.state === 'clean') expect(report.notes.join()).toMatch(/still known to be damaged/)
    expect((await again.scores()).find(({ vault }) => vault === 'b')?.quarantine).toBeDefined()
    expect(await again.releaseVault('b')).toEqual({ vault: 'b', wasQuarantined: true })
    expect(await again.releaseVault('b')).toEqual({ vault: 'b', wasQuarantined: false })
    await expect(again.releaseVault('c')).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is missing where the pack is gone, and names every object of a shared pack', async () => {
    const { archive, members } = await fleet(['a', 'b'], { audit: { goal: { confidence: 0.9999, loss: 0.001 } } })
    const receipts = await archive.putAll(entriesOf(5))
    members.b.store.delete(only(contentOf(members.b)))
    const report = await archive.survey('b')
    expect(report.state).toBe('losses')
    expect(report.missing).toBe(report.draws)
    const hit = new Set(report.losses.flatMap(({ objects }) => objects))
    for (const { root } of receipts) {
      expect(hit.has(root)).toBe(true)
      expect((await archive.status(root)).state).toBe('damaged')
    }
    expect(
      (await archive.scores()).find(({ vault }) => vault === 'b'),
      'absence is not a lie',
    ).not.toHaveProperty('quarantine')
  })
})

/** Opens the same archive with the same vaults and a catalog of its own. */
async function openWith(
  built: { readonly folder: string; readonly vaults: readonly Vault[]; readonly clock: () => number; readonly catalog: Catalog },
  config: Partial<ArchiveConfig>,
): Promise<Archive> {
  const { createArchive } = await import('../../src/archive.ts')
  const keep: Catalog = { ...built.catalog, close: async () => undefined }
  const archive = await createArchive({
    path: join(built.folder, 'archive'),
    timeoutMs: 200,
    vaults: built.vaults,
    clock: built.clock,
    ...config,
    catalog: keep,
  })
  onTestFinished(() => archive.close())
  return archive
}

describe('a survey that is interrupted', () => {
  it('goes on with the same questions, and asks none of the answered ones again', async () => {
    const { archive, catalog, members } = await stored()
    await expect(archive.survey('b', stopping(10))).rejects.toThrow()
    const before = await probesOf(catalog)
    const reads = members.b.faults.calls.read ?? 0
    const left = before.filter(({ outcome }) => outcome === undefined).length
    const events: SurveyEvent[] = []
    const report = await archive.survey('b', { onProgress: (event) => events.push(event) })
    expect(events[0]).toMatchObject({ type: 'survey-drawn', resumed: true, draws: DRAWS })
    expect(report).toMatchObject({ state: 'clean', intact: DRAWS })
    expect(questions(await probesOf(catalog))).toEqual(questions(before))
    expect((members.b.faults.calls.read ?? 0) - reads).toBeLessThanOrEqual(left)
  })

  it('before its first answer goes on with the questions that were fixed', async () => {
    const { archive, catalog } = await stored()
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const before = questions(await probesOf(catalog))
    expect(before).toHaveLength(DRAWS)
    await archive.survey('b')
    expect(questions(await probesOf(catalog))).toEqual(before)
  })

  it('between an answer and its record has kept the damage as evidence, and asks again', async () => {
    const built = await stored()
    const { catalog, tree } = built
    await flipBlock(built, { pack: 1, ordinal: 77 })
    const goal = { confidence: 0.9999, loss: 0.001 }
    // The whole vault is one draw here, asked in order: the block lies in the third wave, so the first two are let through.
    let waves = 0
    const killed = () => Promise.reject(new RangeError('killed'))
    const late: Catalog = { ...catalog, answerProbes: (...args) => (++waves < 3 ? catalog.answerProbes(...args) : killed()) }
    const archive = await openWith({ ...built, catalog: late }, {})
    await expect(archive.survey('b', { goal })).rejects.toThrow('killed')
    expect((await archive.status(tree)).state).toBe('damaged')
    expect((await archive.scores()).find(({ vault }) => vault === 'b')?.quarantine).toBeDefined()
    expect((await probesOf(catalog)).filter(({ outcome }) => outcome === undefined).length).toBeGreaterThan(0)
    expect(await built.archive.survey('b')).toMatchObject({ state: 'losses', damaged: 1, draws: 202 })
  })

  it('reports losses that an earlier run had found', async () => {
    const built = await stored()
    const { archive, catalog } = built
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const [first] = await probesOf(catalog)
    if (!first) expect.unreachable()
    await flipBlock(built, first)
    const stop = new AbortController()
    const onProgress = (event: SurveyEvent) => void (event.type === 'loss-found' && stop.abort())
    await expect(archive.survey('b', { signal: stop.signal, onProgress })).rejects.toThrow()
    const report = await archive.survey('b')
    expect(report).toMatchObject({ state: 'losses', damaged: 1 })
    expect(report.losses).toMatchObject([{ ordinal: first.ordinal, outcome: 'damaged' }])
  })
})

describe('silence in a survey', () => {
  it('of a part is contained: the same blocks are asked again, never others, and are missing at the third try', async () => {
    const built = await stored()
    const { archive, catalog, members, tree } = built
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const before = await probesOf(catalog)
    const asked = new Set(questions(before))
    // One that is read alone: neighbours travel in one read.
    const victim = before.find(({ pack, ordinal }) => pack === 1 && !asked.has(`1/${ordinal - 1}`) && !asked.has(`1/${ordinal + 1}`))
    if (!victim) expect.unreachable()
    const { span } = await flipBlock(built, victim)
    members.b.faults.hang = [span.cid]
    for (const tries of [1, 2]) {
      const report = await archive.survey('b')
      expect(report, `try ${tries}`).toMatchObject({ state: 'incomplete', silent: 1, intact: DRAWS - 1 })
      expect(report).not.toHaveProperty('bound')
      expect((await archive.status(tree)).state).toBe('satisfied')
      expect(questions(await probesOf(catalog))).toEqual(questions(before))
    }
    const third = await archive.survey('b')
    expect(third).toMatchObject({ state: 'losses', missing: 1, silent: 0 })
    expect((await archive.status(tree)).state).toBe('damaged')
  })

  it('of the whole vault costs a few time-outs, uses up no try, and says nothing of its replicas when the grace is over', async () => {
    const { archive, members, clock, tree } = await stored()
    members.b.faults.hang = 'all'
    const reads = members.b.faults.calls.read ?? 0
    for (let run = 0; run < 4; run++) expect(await archive.survey('b')).toMatchObject({ state: 'incomplete', silent: DRAWS, unasked: 0 })
    // Four packs, four reads of each at once: so many are on their way when the 8th time-out ends it, and one more for each before.
    expect((members.b.faults.calls.read ?? 0) - reads).toBeLessThanOrEqual(4 * (16 + 7))
    clock.advanceDays(4)
    expect(await archive.survey('b')).toMatchObject({ state: 'losses', missing: DRAWS })
    expect((await archive.status(tree)).state, 'whether an object is lost is found by asking for it').toBe('satisfied')
    const score = (await archive.scores()).find(({ vault }) => vault === 'b')
    expect(score?.availability).toBeLessThan(0.9)
    expect(score).toMatchObject({ integrity: 1 })
  })

  it('that ends lets the survey end: it states what it would have', async () => {
    const { archive, members } = await stored()
    members.b.faults.unreachable = true
    expect((await archive.survey('b')).state).toBe('incomplete')
    members.b.faults.unreachable = undefined
    expect(await archive.survey('b')).toMatchObject({ state: 'clean', intact: DRAWS })
  })

  it('by refusal never becomes absence', async () => {
    const { archive, members, clock } = await stored()
    members.b.faults.denied = 0
    await archive.survey('b')
    clock.advanceDays(40)
    expect(await archive.survey('b')).toMatchObject({ state: 'incomplete', silent: DRAWS, missing: 0 })
  })
})

describe('between the draw and the answers', () => {
  it('packs that leave are gone: noted, not redrawn, and not counted as intact', async () => {
    const { archive, catalog, other } = await stored()
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const before = await probesOf(catalog)
    await archive.rm(other)
    const report = await archive.survey('b')
    expect(report.gone).toBe((await probesOf(catalog)).filter(({ outcome }) => outcome === 'gone').length)
    expect(report.gone).toBeGreaterThan(0)
    expect(report).toMatchObject({ state: 'clean', draws: DRAWS, intact: DRAWS - report.gone })
    expect(report.notes.join()).toMatch(/have left the vault since/)
    expect(questions(await probesOf(catalog))).toEqual(questions(before))
  })

  it('packs that come are not in it', async () => {
    const { archive, catalog } = await stored()
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const before = questions(await probesOf(catalog))
    await archive.put(entriesOf(300, 'late'))
    expect(await archive.survey('b')).toMatchObject({ state: 'clean', population: 202 })
    expect(questions(await probesOf(catalog))).toEqual(before)
  })

  it('a repaired replica is asked like any other', async () => {
    const built = await stored()
    const { archive, catalog, tree } = built
    await expect(archive.survey('b', { signal: AbortSignal.abort() })).rejects.toThrow()
    const victim = (await probesOf(catalog)).find(({ pack }) => pack === 1)
    if (!victim) expect.unreachable()
    await flipBlock(built, victim)
    await archive.verify(tree, { level: 'whole' })
    expect((await archive.repair(tree)).state).toBe('satisfied')
    expect(await archive.survey('b')).toMatchObject({ state: 'clean', gone: 0 })
  })
})

describe('cold vaults and proofs', () => {
  it('a cold vault is not read by a survey unless that is asked for', async () => {
    const { archive, members } = await stored({ profiles: { b: { cold: true } }, policy: { copies: 1, floor: 1 } })
    await archive.put(entriesOf(3, 'again'))
    const reads = members.b.faults.calls.read ?? 0
    expect(await archive.survey('b')).toMatchObject({ state: 'skipped', draws: 0 })
    expect(members.b.faults.calls.read ?? 0).toBe(reads)
  })

  it('what is frozen is not read even then, and stays a question', async () => {
    const built = await stored()
    const [a, b] = built.vaults
    if (!a || !b) expect.unreachable()
    const profile = { ...b.profile, cold: true }
    const frozen: Vault = { ...b, profile, open: async () => profile, warmth: async () => ({ state: 'frozen' }) }
    const archive = await openWith(built, { vaults: [a, frozen], audit: { goal: GOAL } })
    const reads = built.members.b.faults.calls.read ?? 0
    const report = await archive.survey('b', { cold: true })
    expect(report).toMatchObject({ state: 'incomplete', silent: DRAWS })
    expect(report.notes.join()).toMatch(/frozen/)
    expect(built.members.b.faults.calls.read ?? 0).toBe(reads)
  })

  it('a proof of possession is weighed as possession: kept as evidence, and no answer to a read', async () => {
    const built = await stored()
    const [a, b] = built.vaults
    if (!a || !b) expect.unreachable()
    const verdicts = ['proven', 'unproven', 'refuted'] as const
    let asked = 0
    const proving: Vault = { ...b, attest: async () => ({ verdict: verdicts[asked++ % 3] ?? 'proven', at: 1, detail: 'period 7' }) }
    const archive = await openWith(built, { vaults: [a, proving], audit: { goal: { confidence: 0.9999, loss: 0.001 } } })
    const report = await archive.survey('b')
    expect(report).toMatchObject({ state: 'losses', intact: 202, attested: { proven: 1, unproven: 1, refuted: 1 } })
    const rows = await built.catalog.packEvidence([1, 2, 3, 4, 5, 6])
    expect(rows.filter(({ possession }) => possession === 'proven')).toMatchObject([
      { verdict: 'intact', retrieval: 'none', detail: 'period 7' },
    ])
  })
})

describe('what is due', () => {
  const dueIn = async (built: Awaited<ReturnType<typeof stored>>, config: Partial<ArchiveConfig> = {}) => {
    const { surveysDue } = await import('../../src/flow/survey.ts')
    const { openContextOf } = await import('./contexts.ts')
    const context = await openContextOf(built, config)
    return surveysDue(context, built.clock())
  }

  it('is every vault that holds something and was not surveyed, then after two thirds of the time, and an open one at once', async () => {
    const built = await stored()
    expect(await dueIn(built)).toEqual(['a', 'b'])
    await built.archive.survey('a')
    await expect(built.archive.survey('b', stopping(3))).rejects.toThrow()
    expect(await dueIn(built)).toEqual(['b'])
    await built.archive.survey('b')
    built.clock.advanceDays(17)
    expect(await dueIn(built)).toEqual([])
    built.clock.advanceDays(6)
    expect(await dueIn(built)).toEqual(['a', 'b'])
  })

  it('gives an unanswered one time, and does not wait a year when the clock was set back by one', async () => {
    const built = await stored()
    built.members.b.faults.unreachable = true
    await built.archive.survey('a')
    await built.archive.survey('b')
    expect(await dueIn(built)).toEqual([])
    built.clock.advanceDays(1)
    expect(await dueIn(built)).toEqual(['b'])
    built.clock.advanceDays(-366)
    expect(await dueIn(built)).toEqual(['a', 'b'])
    built.members.b.faults.unreachable = undefined
    expect((await built.archive.survey('a')).state).toBe('clean')
    expect((await built.archive.survey('b')).state).toBe('clean')
    expect(await dueIn(built)).toEqual([])
  })

  it('is nothing in cold vaults, and nothing while the budget is 0', async () => {
    const built = await stored()
    expect(await dueIn(built, { audit: { budget: { bytes: 0 } } })).toEqual([])
  })
})
