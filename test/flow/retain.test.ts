/** Retention with a put, through the whole stack: a bucket with Object Lock, one without, and a folder. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ArchiveConfig, Vault } from '../../src/contracts.ts'
import { openSigned, type RecordStatement } from '../../src/format/record.ts'
import { directory } from '../../src/vaults/directory.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../fakes/s3/server.ts'
import { current } from '../fakes/s3/versions.ts'
import { all, house, noise, tempFolder } from './house.ts'

const DAY_MS = 86_400_000
const inDays = (days: number) => new Date(Math.ceil(Date.now() / 1000) * 1000 + days * DAY_MS)

async function bucketAt(id: string, rules: FakeS3Options = {}, options: Partial<S3Options> = {}): Promise<{ fake: FakeS3; vault: Vault }> {
  const fake = await startFakeS3(rules)
  onTestFinished(() => fake.close())
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const vault = s3({ id, operator: id, endpoint, bucket, accessKeyId, secretAccessKey, requestTimeoutMs: 2_000, ...options })
  return { fake, vault }
}

/** Two buckets with Object Lock. */
async function twoLocks(config: Partial<ArchiveConfig> = {}) {
  const [a, b] = [await bucketAt('a', { objectLock: true }), await bucketAt('b', { objectLock: true })]
  const built = await house({ timeoutMs: 2_000, vaults: [a.vault, b.vault], ...config })
  return Object.assign(built, { a: a.fake, b: b.fake, vaultA: a.vault, vaultB: b.vault })
}

/** Versions of the live content packs. */
const contentIn = ({ store }: FakeS3) =>
  [...store.keys()].flatMap((key) => (key.startsWith('packs/') ? [current(store, key)] : [])).filter((version) => version !== undefined)

const daysOf = (fake: FakeS3) => contentIn(fake).map(({ retention }) => retention && Math.round((retention.until - Date.now()) / DAY_MS))

describe('a put with retain', () => {
  it('locks every replica, says so in the receipt and the status, and leaves index packs alone', async () => {
    const { archive, a, b } = await twoLocks()
    const until = inDays(30)
    const receipt = await archive.put(noise(10_000), { retain: { until, mode: 'compliance', legalHold: true } })
    expect(receipt).toMatchObject({ state: 'satisfied', complete: true, missing: [] })
    expect(receipt.retain).toEqual({ until: until.toISOString(), mode: 'compliance', legalHold: true })
    for (const fake of [a, b])
      expect(contentIn(fake)).toMatchObject([{ retention: { mode: 'COMPLIANCE', until: until.getTime() }, legalHold: true }])
    expect([...a.store.values()].flat().filter(({ retention }) => retention)).toHaveLength(1)
    expect((await archive.status(receipt.root)).retain).toEqual(receipt.retain)
  })

  it('never lets a vault have it that cannot lock, and says which and why', async () => {
    const lockable = await bucketAt('locks', { objectLock: true })
    const plain = await bucketAt('plain')
    const folder = directory({ id: 'folder', at: join(await tempFolder(), 'folder') })
    const { archive } = await house({ timeoutMs: 2_000, vaults: [folder, plain.vault, lockable.vault] })
    const receipt = await archive.put(noise(10_000), { retain: { until: inDays(3) } })
    expect(receipt.replicas.map(({ vault }) => vault)).toEqual(['locks'])
    expect(receipt.state).toBe('degraded')
    expect(receipt.missing.map(({ constraint }) => constraint)).toEqual(['copies', 'retention'])
    expect(receipt.missing[1]?.reason).toMatch(/folder, plain cannot lock/)
    expect(contentIn(plain.fake)).toEqual([])
    expect((await archive.repair(receipt.root)).actions, 'nor does repair').toEqual([])
    expect(contentIn(plain.fake)).toEqual([])
  })

  it('is refused before the source is read when no vault can lock, or the date has passed', async () => {
    const { archive } = await house()
    let opened = 0
    const source = async function* () {
      opened++
      yield noise(10)
    }
    await expect(archive.put(source(), { retain: { until: inDays(1) } })).rejects.toMatchObject({ code: 'unsupported' })
    for (const until of [new Date(0), new Date('never')])
      await expect(archive.putAll([], { retain: { until } })).rejects.toMatchObject({ code: 'invalid' })
    expect(opened).toBe(0)
  })

  it('of content that is there already extends its locks and sends nothing', async () => {
    const { archive, a, b } = await twoLocks()
    const { root } = await archive.put(noise(10_000))
    expect(daysOf(a)).toEqual([undefined])
    const again = await archive.put(noise(10_000), { retain: { until: inDays(8) } })
    expect(again).toMatchObject({ root, complete: true, missing: [], retain: { until: expect.any(String) } })
    await archive.put(noise(10_000), { retain: { until: inDays(2), legalHold: true } })
    for (const fake of [a, b]) {
      expect(daysOf(fake), 'the longer one stands').toEqual([8])
      expect(contentIn(fake)[0]?.legalHold).toBe(true)
      expect(fake.faults.log.filter(({ op, key }) => op === 'PutObject' && key.startsWith('packs/'))).toHaveLength(1)
    }
    expect((await archive.status(root)).retain).toMatchObject({ legalHold: true })
  })

  it('of a replica from before in a vault that cannot lock leaves it, and the report says that it may be deleted', async () => {
    const folder = directory({ id: 'folder', at: join(await tempFolder(), 'folder') })
    const { vault } = await bucketAt('locks', { objectLock: true })
    const { archive } = await house({ timeoutMs: 2_000, vaults: [folder, vault] })
    const { root } = await archive.put(noise(10_000))
    const receipt = await archive.put(noise(10_000), { retain: { until: inDays(8) } })
    expect(receipt).toMatchObject({ state: 'degraded', complete: false, missing: [{ constraint: 'retention', wanted: 2, found: 1 }] })
    expect(receipt.missing[0]?.reason).toMatch(/folder cannot lock/)
    expect(await archive.repair(root)).toMatchObject({ state: 'degraded', actions: [] })
  })

  it('shares packs with others: the longest wish holds for the pack, whoever is repaired', async () => {
    const { archive, a } = await twoLocks()
    const [one, two] = await archive.putAll(
      [
        { path: 'one', content: noise(3_000, 'one') },
        { path: 'two', content: noise(3_000, 'two') },
      ],
      { retain: { until: inDays(5) } },
    )
    await archive.put(noise(3_000, 'two'), { retain: { until: inDays(50) } })
    expect(daysOf(a)).toEqual([50])
    for (const version of contentIn(a)) version.body = noise(version.body.byteLength, 'somebody else')
    const repaired = await archive.repair(one?.root ?? '')
    expect(repaired).toMatchObject({ state: 'satisfied', actions: [{ vault: 'a', action: 'replace', outcome: 'repaired' }] })
    expect(daysOf(a)).toEqual([50])
    expect((await archive.status(two?.root ?? '')).state).toBe('satisfied')
  })

  it('whose lock a vault would not extend is not complete, and repair locks it when it can, without sending bytes', async () => {
    const { archive, a, b } = await twoLocks()
    const { root } = await archive.put(noise(10_000))
    a.faults.only = ({ op }) => op === 'PutObjectRetention'
    a.faults.denied = 0
    const receipt = await archive.put(noise(10_000), { retain: { until: inDays(8) } })
    expect(receipt).toMatchObject({ complete: false, state: 'degraded', missing: [{ constraint: 'retention', wanted: 2, found: 1 }] })
    expect([daysOf(a), daysOf(b)]).toEqual([[undefined], [8]])
    expect((await archive.repair(root, { plan: true })).actions).toMatchObject([{ vault: 'a', action: 'retain', outcome: 'planned' }])
    expect(await archive.repair(root)).toMatchObject({ state: 'degraded', actions: [{ vault: 'a', action: 'retain', outcome: 'failed' }] })
    a.faults.denied = undefined
    const reads = () =>
      [a, b].flatMap(({ faults }) => faults.log.filter(({ key, status }) => key.startsWith('packs/') && status === 206)).length
    const during = async (work: () => Promise<unknown>) => {
      const before = reads()
      await work()
      return reads() - before
    }
    const audit = await during(() => archive.repair(root, { plan: true }))
    const expected = { state: 'satisfied', missing: [], actions: [{ action: 'retain', outcome: 'repaired' }] }
    const repair = await during(async () => expect(await archive.repair(root)).toMatchObject(expected))
    expect(repair, 'no byte more was read than the audit reads').toBe(audit)
    expect(daysOf(a)).toEqual([8])
    expect(a.faults.log.filter(({ op, key }) => op === 'PutObject' && key.startsWith('packs/'))).toHaveLength(1)
  })

  it('is kept through closing and opening, and repair of a lost replica locks the new one', async () => {
    const { reopen, archive, a } = await twoLocks()
    const { root } = await archive.put(noise(10_000), { retain: { until: inDays(8), mode: 'governance' } })
    for (const key of a.store.keys()) if (key.startsWith('packs/')) a.store.delete(key)
    const later = await reopen()
    expect(await later.repair(root)).toMatchObject({ state: 'satisfied' })
    expect(daysOf(a)).toEqual([8])
  })

  it('is in the signed record, and records without it are as they were', async () => {
    const { archive, a } = await twoLocks()
    const until = inDays(8)
    await archive.put(noise(1_000, 'plain'))
    await archive.put(noise(1_000, 'kept'), { retain: { until, mode: 'compliance' } })
    const { CarReader } = await import('@ipld/car')
    const statements: RecordStatement[] = []
    for (const [key, versions] of a.store) {
      if (!key.startsWith('index/')) continue
      for await (const { bytes } of (await CarReader.fromBytes(versions.at(-1)?.body ?? Buffer.alloc(0))).blocks()) {
        const opened = await openSigned(bytes).catch(() => undefined)
        if (opened?.kind === 'record') statements.push(opened)
      }
    }
    expect(statements.map(({ retain }) => retain).filter(Boolean)).toEqual([
      { until: until.getTime(), mode: 'compliance', legalHold: false },
    ])
    expect(statements.some((statement) => !('retain' in statement))).toBe(true)
  })
})

describe('what is retained', () => {
  it('is kept by rm and prune, with the date as the reason', async () => {
    const { archive, a } = await twoLocks()
    const until = inDays(8)
    const { root } = await archive.put(noise(10_000), { retain: { until, legalHold: true } })
    const { removed, kept } = await archive.rm(root)
    expect(removed).toEqual([])
    expect(kept.map(({ vault }) => vault)).toEqual(['a', 'b'])
    for (const { reason } of kept) expect(reason).toMatch(new RegExp(`${until.toISOString()}.*legal hold`))
    for (const plan of [true, false]) {
      const content = (await archive.prune({ plan })).kept.filter(({ reason }) => reason.includes(until.toISOString()))
      expect(content).toHaveLength(2)
    }
    expect(contentIn(a)).toHaveLength(1)
  })

  it('lapses: then nothing is missing any more, and a put of the same content is stored without a lock', async () => {
    let now = Date.now()
    const { archive, a } = await twoLocks({ clock: () => now })
    const { root } = await archive.put(noise(10_000), { retain: { until: inDays(8) } })
    now += 9 * DAY_MS
    a.store.clear()
    const { state, actions } = await archive.repair(root)
    expect([state, actions.map(({ action }) => action)]).toEqual(['satisfied', ['replace']])
    expect(daysOf(a)).toEqual([undefined])
    expect(await all(archive.objects())).toHaveLength(1)
  })
})
