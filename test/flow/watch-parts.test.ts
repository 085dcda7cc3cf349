import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { ArchiveEvent, Vault, WatchEvent } from '../../src/contracts.ts'
import { ArchiveError, CatalogError, VaultError } from '../../src/errors.ts'
import { closeContext, openContext } from '../../src/flow/open.ts'
import { put } from '../../src/flow/put.ts'
import { watch } from '../../src/flow/watch.ts'
import { checkAccount } from '../../src/flow/watch-checks.ts'
import { type CycleCheck, type WatchParts, watchParts } from '../../src/flow/watch-parts.ts'
import { memory } from '../../src/vaults/memory.ts'
import { noise, tempFolder, testClock } from './house.ts'

/** An archive of one object that is due, and a cycle with these parts. */
async function setUp(parts: Partial<WatchParts>) {
  const clock = testClock()
  const vaults = ['a', 'b'].map((id) => memory({ id, operator: id }))
  const context = await openContext({ path: join(await tempFolder(), 'archive'), vaults, clock })
  onTestFinished(() => closeContext(context))
  const { root } = await put(context, noise(1_000))
  clock.advanceDays(23)
  const events: WatchEvent[] = []
  const cycle = async () => {
    const tools = { parts: { ...watchParts, ...parts }, sleep: async () => undefined }
    return (await watch(context, { once: true, onProgress: (event) => events.push(event) }, tools)).last
  }
  const fail = { times: 0 }
  const { setMark } = context.catalog
  const catalog = {
    ...context.catalog,
    setMark: async (...args: Parameters<typeof setMark>) => {
      if (args[0] === 'cycle' && fail.times-- > 0) throw new CatalogError('locked', 'another process holds the catalog')
      return setMark(...args)
    },
  }
  const loop = async (cycles: number) => {
    const stop = new AbortController()
    const tools = { parts: { ...watchParts, ...parts }, sleep: async (ms: number) => clock.advanceDays(ms / 86_400_000) }
    const onProgress = (event: WatchEvent) => {
      events.push(event)
      if (event.type === 'cycle-ended' && --cycles <= 0) stop.abort()
    }
    return watch({ ...context, catalog }, { signal: stop.signal, onProgress }, tools)
  }
  return { root, cycle, loop, fail, events, clock, context }
}

it('a catalog that does not continue its history is told, nothing is logged in its name, and audits go on', async () => {
  let logged = 0
  const log = async () => {
    logged++
  }
  let found: string | undefined = 'vault a holds a checkpoint of 40 entries, this catalog has 31'
  const { cycle, events } = await setUp({ history: async () => found, log })
  expect(await cycle()).toMatchObject({ audited: 1, problems: [{ step: 'history', code: 'rolled-back', message: found }] })
  expect(events).toContainEqual({ type: 'problem', problem: { step: 'history', code: 'rolled-back', message: found } })
  expect(logged).toBe(0)
  found = undefined
  expect(await cycle()).toMatchObject({ problems: [] })
  expect(logged).toBe(1)
})

it('every check of a cycle is accounted for once, and the log gets the account with the report', async () => {
  const checks: CycleCheck[] = []
  const account = { ...checkAccount(), add: (check: CycleCheck) => void checks.push(check) }
  const logged: unknown[] = []
  const { cycle, root } = await setUp({
    account: () => account,
    log: async (_, { report, account: given }) => void logged.push([report.audited, given === account]),
  })
  await cycle()
  expect(checks.map(({ replica }) => replica.vault).toSorted()).toEqual(['a', 'b'])
  for (const check of checks)
    expect(check).toMatchObject({ root, replica: { verdict: 'intact', retrieval: 'sampled', at: expect.any(String) } })
  expect(logged).toEqual([[1, true]])
  await cycle()
  expect(checks).toHaveLength(2)
})

it('a cycle that cannot come to its end because the catalog is locked is told, and the next one is', async () => {
  const { events, loop, fail } = await setUp({})
  fail.times = 1
  expect(await loop(1)).toMatchObject({ cycles: 1, aborted: true, last: { state: 'satisfied' } })
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'problem', problem: expect.objectContaining({ step: 'cycle', code: 'locked' }) }),
  )
})

it('surveys that are due are made, their bytes count, and a step that fails is told and keeps no other from being done', async () => {
  const surveyed: string[] = []
  const { cycle } = await setUp({
    surveysDue: async () => ['a', 'gone', 'b'],
    survey: async (_, vault) => {
      surveyed.push(vault)
      if (vault === 'b') throw new ArchiveError('conflict', 'something changed meanwhile')
      return 5_000
    },
  })
  const last = await cycle()
  expect(last).toMatchObject({ state: 'satisfied', surveyed: ['a'], problems: [{ step: 'survey', code: 'conflict' }] })
  expect(last?.bytesRead).toBeGreaterThan(5_000)
  expect(surveyed).toEqual(['a', 'b'])
})

it('hooks and listeners are told of cycles, and of vaults that fall silent and come back', async () => {
  const delivered: string[] = []
  const { events, cycle, clock, context } = await setUp({ deliver: async () => void delivered.push('cycle') })
  const facts: ArchiveEvent[] = []
  context.events.subscribe((event) => void facts.push(event))
  const vault = context.vaults.get('b') as Vault
  const silent: Vault = {
    ...vault,
    status: async () => Promise.reject(new VaultError('unreachable', 'b', 'no answer')),
    // biome-ignore lint/correctness/useYield: it never gets so far
    async *read() {
      throw new VaultError('unreachable', 'b', 'no answer')
    },
  }
  const vaults = context.vaults as Map<string, Vault>
  vaults.set('b', silent)
  await cycle()
  vaults.set('b', vault)
  clock.advanceDays(1)
  await cycle()
  const types = facts.map(({ type }) => type)
  expect(types.filter((type) => type === 'cycle-finished')).toHaveLength(2)
  expect(facts).toContainEqual(expect.objectContaining({ type: 'vault-unreachable', vault: 'b', severity: 'warning' }))
  expect(facts).toContainEqual(expect.objectContaining({ type: 'vault-back', vault: 'b' }))
  expect(delivered).toEqual(['cycle', 'cycle'])
  expect(events.some(({ type }) => type === 'vault-paused')).toBe(true)
})
