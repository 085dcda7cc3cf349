/** Renewal of locks, over buckets with Object Lock on the fake server. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ArchiveConfig } from '../../src/contracts.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { type FakeS3, startFakeS3 } from '../fakes/s3/server.ts'
import { house, noise } from './house.ts'

const DAY_MS = 86_400_000

async function setUp(options: Partial<S3Options> = { lock: { mode: 'GOVERNANCE', days: 30 } }, config: Partial<ArchiveConfig> = {}) {
  const fake = await startFakeS3({ objectLock: true })
  onTestFinished(() => fake.close())
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const vault = s3({ id: 'bucket', endpoint, bucket, accessKeyId, secretAccessKey, requestTimeoutMs: 2_000, ...options })
  return Object.assign(await house({ timeoutMs: 2_000, policy: { copies: 1 }, vaults: [vault], ...config }), { fake, vault })
}

/** Days from now until which content and index packs are locked; undefined: not at all. */
const daysIn = ({ store }: FakeS3, folder: string) =>
  [...store]
    .filter(([key]) => key.startsWith(folder))
    .map(([, versions]) => versions.at(-1)?.retention)
    .map((retention) => retention && Math.round((retention.until - Date.now()) / DAY_MS))

/** Time passes: every lock is nearer to its end. */
function age({ store }: FakeS3, days: number): void {
  for (const version of [...store.values()].flat())
    if (version.retention) version.retention = { ...version.retention, until: version.retention.until - days * DAY_MS }
}

describe('renew', () => {
  it('leaves what lasts, extends what lapses within the lead by a term, index packs too, and then has nothing to do', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(1_000))
    expect(await archive.renew()).toEqual({ planned: false, actions: [], lasting: 2 })
    expect(fake.faults.counts.PutObjectRetention).toBeUndefined()
    age(fake, 21)
    const planned = await archive.renew(undefined, { plan: true })
    expect(planned).toMatchObject({ planned: true, lasting: 0, actions: [{ outcome: 'planned' }, { outcome: 'planned' }] })
    expect(daysIn(fake, 'packs/')).toEqual([9])
    const { actions, lasting } = await archive.renew()
    expect([actions.map(({ outcome }) => outcome), lasting]).toEqual([['renewed', 'renewed'], 0])
    for (const { from, until } of actions)
      expect([from, until].map((at) => Math.round((Date.parse(at ?? '') - Date.now()) / DAY_MS))).toEqual([9, 30])
    expect([daysIn(fake, 'packs/'), daysIn(fake, 'index/')]).toEqual([[30], [30]])
    expect(await archive.renew(root)).toMatchObject({ actions: [], lasting: 1 })
  })

  it('takes a lead and a date, and never shortens', async () => {
    const { archive, fake } = await setUp()
    await archive.put(noise(1_000))
    expect((await archive.renew(undefined, { leadDays: 29 })).actions).toHaveLength(0)
    expect((await archive.renew(undefined, { until: new Date(Date.now() + 5 * DAY_MS) })).lasting).toBe(2)
    expect(daysIn(fake, 'packs/')).toEqual([30])
    await archive.renew(undefined, { until: new Date(Date.now() + 100 * DAY_MS) })
    expect(daysIn(fake, 'packs/')).toEqual([100])
  })

  it('of a lock that has lapsed or was never there puts it again', async () => {
    const { archive, fake } = await setUp()
    await archive.put(noise(1_000))
    age(fake, 31)
    expect((await archive.renew()).actions.map(({ outcome }) => outcome)).toEqual(['renewed', 'renewed'])
    expect(daysIn(fake, 'packs/')).toEqual([30])
    for (const version of [...fake.store.values()].flat()) version.retention = undefined
    const [action] = (await archive.renew()).actions
    expect(action).not.toHaveProperty('from')
    expect(daysIn(fake, 'packs/')).toEqual([30])
  })

  it('leaves garbage to lapse', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(1_000))
    await archive.put(noise(1_000, 'other'))
    await archive.rm(root)
    age(fake, 25)
    const { actions } = await archive.renew()
    expect(actions.filter(({ outcome }) => outcome === 'renewed').length).toBeGreaterThan(0)
    expect(daysIn(fake, 'packs/').sort()).toEqual([30, 5])
  })

  it('reports a failure, goes on, and throws nothing', async () => {
    const { archive, fake } = await setUp()
    await archive.put(noise(1_000))
    age(fake, 25)
    fake.faults.only = ({ op, key }) => op === 'PutObjectRetention' && key.startsWith('packs/')
    fake.faults.denied = 0
    const { actions } = await archive.renew()
    expect(actions.map(({ outcome, code }) => [outcome, code]).sort()).toEqual([
      ['failed', 'denied'],
      ['renewed', undefined],
    ])
    expect([daysIn(fake, 'packs/'), daysIn(fake, 'index/')]).toEqual([[5], [30]])
    fake.faults.only = undefined
    fake.faults.denied = undefined
    fake.faults.slowDown = { times: Number.POSITIVE_INFINITY }
    expect((await archive.renew()).actions.map(({ code }) => code)).toEqual(['unreachable', 'unreachable'])
  })

  it('puts again what an object asked for, also where the vault has no lock of its own', async () => {
    const { archive, fake } = await setUp({})
    const { root } = await archive.put(noise(1_000), {
      retain: { until: new Date(Date.now() + 50 * DAY_MS), mode: 'compliance', legalHold: true },
    })
    await archive.put(noise(1_000, 'free'))
    expect(await archive.renew()).toMatchObject({ actions: [], lasting: 1 })
    for (const version of [...fake.store.values()].flat()) {
      version.retention = undefined
      version.legalHold = false
    }
    expect((await archive.renew(root)).actions).toMatchObject([{ vault: 'bucket', outcome: 'renewed' }])
    expect(daysIn(fake, 'packs/').filter((days) => days !== undefined)).toEqual([50])
    expect([...fake.store.values()].flat().filter(({ legalHold }) => legalHold)).toHaveLength(1)
  })

  it('has nothing to do with vaults that stand, and refuses one that is not configured', async () => {
    const { archive } = await house()
    await archive.put(noise(1_000))
    expect(await archive.renew()).toEqual({ planned: false, actions: [], lasting: 0 })
    await expect(archive.renew(undefined, { vaults: ['nobody'] })).rejects.toMatchObject({ code: 'invalid' })
  })
})
