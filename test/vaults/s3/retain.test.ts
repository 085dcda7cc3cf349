import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { keyOf } from '../../../src/vaults/s3/keys.ts'
import type { S3Lock } from '../../../src/vaults/s3.ts'
import type { FakeS3 } from '../../fakes/s3/server.ts'
import { fakeS3, openedOn, vaultOn } from './on-fake.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const inDays = (days: number) => new Date(Math.ceil(Date.now() / 1000) * 1000 + days * DAY_MS)

const storedIn = ({ store }: FakeS3, pack: Awaited<ReturnType<typeof samplePack>>) => store.get(keyOf('', pack.name, 'content')) ?? []

/** Days from now, to the nearest. */
const daysLeft = (until: number | undefined) => Math.round(((until ?? 0) - Date.now()) / DAY_MS)

describe('a put that is to be retained', () => {
  it.each([
    ['in one request', 1000],
    ['in parts', 50_000],
  ])('locks what it stores %s until that date, in that mode, with the hold', async (_, blockLength) => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'retained', blocks: 1, blockLength })
    const until = inDays(20)
    const at = await vault.put(pack, { retain: { until, mode: 'compliance', legalHold: true } })
    expect(storedIn(fake, pack).at(-1)).toMatchObject({ retention: { mode: 'COMPLIANCE', until: until.getTime() }, legalHold: true })
    expect(await vault.retention?.(at)).toEqual({ until, mode: 'compliance', legalHold: true })
    expect(fake.faults.counts.PutObjectRetention, 'the lock came with the object').toBeUndefined()
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(until.toISOString()) })
  })

  it('rounds up to the second that stores keep', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'fraction' })
    const until = new Date(inDays(3).getTime() + 1)
    await vault.put(pack, { retain: { until } })
    expect(storedIn(fake, pack).at(-1)?.retention?.until).toBe(until.getTime() + 999)
  })

  it.each([
    [{ mode: 'GOVERNANCE', days: 10 }, 20, undefined, ['GOVERNANCE', 20]],
    [{ mode: 'GOVERNANCE', days: 30 }, 20, undefined, ['GOVERNANCE', 30]],
    [{ mode: 'GOVERNANCE', days: 30 }, 20, 'compliance', ['COMPLIANCE', 30]],
    [{ mode: 'COMPLIANCE', days: 10 }, 20, 'governance', ['COMPLIANCE', 20]],
  ] as const)(
    'beside the vault’s own lock %o, for %i days as %s, is locked by the later date and the stronger mode',
    async (lock, days, mode, want) => {
      const fake = await fakeS3({ objectLock: true })
      const vault = await openedOn(fake, { lock: lock satisfies S3Lock })
      const pack = await samplePack({ seed: 'both' })
      await vault.put(pack, { retain: { until: inDays(days), mode } })
      const { retention } = storedIn(fake, pack).at(-1) ?? {}
      expect([retention?.mode, daysLeft(retention?.until)]).toEqual(want)
    },
  )

  it('and the vault’s own lock are never shorter than the lock that the bucket puts on everything', async () => {
    const fake = await fakeS3({ objectLock: true, defaultRetention: { mode: 'COMPLIANCE', days: 40 } })
    for (const lock of [undefined, { mode: 'GOVERNANCE', days: 3 } as const]) {
      const vault = await openedOn(fake, { lock })
      const pack = await samplePack({ seed: `default-${lock?.days}` })
      await vault.put(pack, { retain: { until: inDays(2) } })
      const { retention } = storedIn(fake, pack).at(-1) ?? {}
      expect([retention?.mode, daysLeft(retention?.until)]).toEqual(['COMPLIANCE', 40])
    }
  })

  it('extends the lock of what is there already, stores nothing, and never shortens', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'there' })
    const at = await vault.put(pack)
    expect(await vault.put(pack, { retain: { until: inDays(9) } })).toBe(at)
    expect(await vault.put(pack, { retain: { until: inDays(4), legalHold: true } })).toBe(at)
    const versions = storedIn(fake, pack)
    expect(versions).toHaveLength(1)
    expect([daysLeft(versions[0]?.retention?.until), versions[0]?.legalHold]).toEqual([9, true])
  })

  it('is denied where a governance lock is to become a compliance lock and the key may not', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'harder' })
    await vault.put(pack, { retain: { until: inDays(9), mode: 'governance' } })
    await expect(vault.put(pack, { retain: { until: inDays(10), mode: 'compliance' } })).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('is locked as GOVERNANCE'),
    })
    expect(storedIn(fake, pack).at(-1)?.retention?.mode).toBe('GOVERNANCE')
  })

  it('stores nothing in a bucket that is known to have no locks, and fails as unsupported in one that is not', async () => {
    const fake = await fakeS3()
    const opened = await openedOn(fake)
    expect((await opened.open?.())?.canRetain).toBe(false)
    const pack = await samplePack({ seed: 'lockless' })
    for (const vault of [opened, vaultOn(fake)]) {
      await expect(vault.put(pack, { retain: { until: inDays(1) } })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('no Object Lock'),
      })
      expect(storedIn(fake, pack)).toEqual([])
    }
  })

  it('is unsupported where the store takes the lock and keeps none', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'forgetful' })
    const forget = setInterval(() => {
      for (const version of storedIn(fake, pack)) version.retention = undefined
    }, 0)
    fake.faults.latencyMs = 20
    try {
      await expect(vault.put(pack, { retain: { until: inDays(5) } })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('does not show it'),
      })
    } finally {
      clearInterval(forget)
    }
  })

  it('locks a replica anew when it is replaced', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'replaced' })
    await vault.put(pack)
    const retain = { until: inDays(6) }
    await vault.put(pack, { replace: true, retain })
    expect(storedIn(fake, pack).map(({ retention }) => retention && daysLeft(retention.until))).toEqual([undefined, 6])
  })
})

describe('renew', () => {
  it('puts a hold where it is asked for, and keeps the mode that stands', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'hold' })
    const at = await vault.put(pack, { retain: { until: inDays(2), mode: 'compliance' } })
    await vault.renew?.(at, inDays(8), { legalHold: true })
    const [version] = storedIn(fake, pack)
    expect([version?.retention?.mode, daysLeft(version?.retention?.until), version?.legalHold]).toEqual(['COMPLIANCE', 8, true])
  })

  it('with a date that has passed asks for nothing but the hold', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'only-hold' })
    const at = await vault.put(pack)
    await vault.renew?.(at, new Date(0), { legalHold: true })
    expect(storedIn(fake, pack)[0]).toMatchObject({ retention: undefined, legalHold: true })
    expect(await vault.retention?.(at)).toEqual({ until: new Date(0), legalHold: true })
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('legal hold') })
  })
})

describe('the profile', () => {
  it('says whether a bucket can retain, and how long a term is', async () => {
    const fake = await fakeS3({ objectLock: true, defaultRetention: { mode: 'GOVERNANCE', days: 5 } })
    expect(await vaultOn(fake).open?.()).toMatchObject({ canRetain: true, term: 'renewable', termDays: 5 })
    expect(await vaultOn(fake, { lock: { mode: 'GOVERNANCE', days: 9 } }).open?.()).toMatchObject({ canRetain: true, termDays: 9 })
    expect(await vaultOn(await fakeS3({ objectLock: true })).open?.()).toMatchObject({ canRetain: true, term: 'standing' })
  })
})
