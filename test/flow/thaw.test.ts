/** Cold storage classes through the whole stack: a bucket of Glacier and a folder, on the fake server. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ArchiveConfig, ObjectReport } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { endRestores } from '../fakes/s3/cold.ts'
import { type FakeS3, startFakeS3 } from '../fakes/s3/server.ts'
import { bytesOf, house, noise, tempFolder } from './house.ts'

const MIB = 1024 ** 2
const WORD = { accept: ['listed'], maxAgeDays: 30 } as const

/** An archive over a folder and a cold bucket whose word the policy takes. */
async function setUp(options: Partial<S3Options> = {}, config: Partial<ArchiveConfig> = {}) {
  const fake = await startFakeS3()
  onTestFinished(() => fake.close())
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const cold = s3({
    id: 'cold',
    storageClass: 'GLACIER',
    endpoint,
    bucket,
    accessKeyId,
    secretAccessKey,
    requestTimeoutMs: 2_000,
    ...options,
  })
  const warm = directory({ id: 'warm', at: join(await tempFolder(), 'warm') })
  const policy = { overrides: { cold: WORD } }
  const built = await house({ timeoutMs: 2_000, maxPackBytes: 3 * MIB, vaults: [cold, warm], policy, ...config })
  return Object.assign(built, { fake, cold, warm })
}

/** Answered with bytes, or refused because it is frozen; looking for what is absent is not meant. */
const reads = ({ faults }: FakeS3) =>
  faults.log.filter(({ op, key, status }) => op === 'GetObject' && key.startsWith('packs/') && status !== 404).length
const coldOnes = ({ replicas }: Pick<ObjectReport, 'replicas'>) => replicas.filter(({ vault }) => vault === 'cold')

describe('a cold vault', () => {
  it('takes content into its class and index packs into one that can be read, and its word counts where the policy says so', async () => {
    const { archive, fake } = await setUp()
    const receipt = await archive.put(noise(5 * MIB))
    expect(receipt).toMatchObject({ state: 'satisfied', complete: true })
    const classes = [...fake.store].map(([key, [version]]) => [key.split('/')[0], version?.storageClass])
    expect(classes.filter(([folder]) => folder === 'packs')).toEqual([1, 2, 3].map(() => ['packs', 'GLACIER']))
    expect(new Set(classes.filter(([folder]) => folder !== 'packs').map(([, name]) => name))).toEqual(new Set(['STANDARD']))
    expect(reads(fake)).toBe(0)
  })

  it('counts for nothing without such a policy: nobody has seen its bytes', async () => {
    const { archive } = await setUp({}, { policy: {} })
    expect(await archive.put(noise(1_000))).toMatchObject({ complete: false, missing: [{ constraint: 'copies', found: 1 }] })
  })

  it.each(['sampled', 'whole'] as const)('is not read by an audit at level %s, nor by repair, until it was thawed', async (level) => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(5 * MIB))
    const before = await archive.verify(root, { level, cold: true })
    expect(coldOnes(before).map(({ verdict, retrieval }) => [verdict, retrieval])).toEqual([1, 2, 3].map(() => ['unproven', 'none']))
    expect(await archive.repair(root)).toMatchObject({ actions: [] })
    expect([reads(fake), fake.faults.counts.RestoreObject]).toEqual([0, undefined])

    expect(await archive.thaw(root, { days: 2 })).toMatchObject({
      root,
      readable: false,
      replicas: [1, 2, 3].map(() => ({ vault: 'cold', state: 'thawing' })),
    })
    await archive.verify(root, { level })
    expect(reads(fake), 'a restore under way is no restore').toBe(0)
    endRestores(fake.store)
    const after = await archive.verify(root, { level })
    expect(after.state).toBe('satisfied')
    expect(coldOnes(after).map(({ verdict }) => verdict)).toContain('intact')
    expect(coldOnes(after).map(({ retrieval }) => retrieval)).toContain(level)
    expect(reads(fake)).toBeGreaterThan(0)
  })

  it('that a user calls cold is read when that is asked for', async () => {
    const { archive, fake } = await setUp({ storageClass: 'STANDARD_IA', cold: true })
    const { root } = await archive.put(noise(10_000))
    await archive.verify(root, { level: 'whole' })
    expect(reads(fake)).toBe(0)
    expect(coldOnes(await archive.verify(root, { level: 'whole', cold: true }))).toMatchObject([{ verdict: 'intact', retrieval: 'whole' }])
  })
})

describe('reading', () => {
  it('uses the warm copy and leaves the cold one frozen', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(3 * MIB))
    expect((await bytesOf(archive.get(root))).equals(noise(3 * MIB))).toBe(true)
    expect(reads(fake)).toBe(0)
  })

  it('of what lies only in the cold says that it must be restored first, and works after the thaw', async () => {
    const { archive, fake, reopen, cold } = await setUp()
    const { root } = await archive.put(noise(3 * MIB))
    const alone = await reopen({ vaults: [cold], policy: { copies: 1, floor: 1 } })
    const refused = await bytesOf(alone.get(root)).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('restore it first'),
      cause: { code: 'unsupported' },
    })
    await alone.thaw(root)
    endRestores(fake.store)
    expect((await alone.thaw(root)).readable).toBe(true)
    expect((await bytesOf(alone.get(root))).equals(noise(3 * MIB))).toBe(true)
  })
})

describe('thaw', () => {
  it('asks once per pack, tells how far it is, and a second call asks for nothing', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(5 * MIB))
    await archive.thaw(root, { days: 3, tier: 'bulk' })
    await archive.thaw(root, { days: 3 })
    expect(fake.faults.counts.RestoreObject).toBe(3)
    endRestores(fake.store)
    const report = await archive.thaw(root, { days: 3 })
    expect(report.readable).toBe(true)
    for (const { state, until } of report.replicas) expect([state, Date.parse(until ?? '') > Date.now()]).toEqual(['readable', true])
    expect(fake.faults.counts.RestoreObject).toBe(3)
  })

  it('restores a pack in one vault only, the one that is furthest, unless told otherwise', async () => {
    const [one, two] = [await startFakeS3(), await startFakeS3()]
    onTestFinished(async () => void (await Promise.all([one.close(), two.close()])))
    const at = (id: string, { endpoint, bucket, accessKeyId, secretAccessKey }: FakeS3) =>
      s3({ id, operator: id, storageClass: 'DEEP_ARCHIVE', endpoint, bucket, accessKeyId, secretAccessKey })
    const { archive } = await house({
      timeoutMs: 2_000,
      vaults: [at('one', one), at('two', two)],
      policy: { evidence: WORD },
    })
    const { root } = await archive.put(noise(10_000))
    expect((await archive.thaw(root, { vaults: ['two'] })).replicas).toMatchObject([{ vault: 'two', state: 'thawing' }])
    expect((await archive.thaw(root)).replicas).toMatchObject([{ vault: 'two', state: 'thawing' }])
    expect([one, two].map(({ faults }) => faults.counts.RestoreObject)).toEqual([undefined, 1])
    const both = await archive.thaw(root, { vaults: ['one', 'two'] })
    expect(both.replicas.map(({ vault }) => vault)).toEqual(['one', 'two'])
  })

  it('reports what a vault refuses and goes on with the other packs', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(5 * MIB))
    let asked = 0
    fake.faults.only = ({ op }) => op === 'RestoreObject' && asked++ === 0
    fake.faults.denied = 0
    const { replicas, readable } = await archive.thaw(root)
    expect([readable, replicas.map(({ state, code }) => code ?? state).sort()]).toEqual([false, ['denied', 'thawing', 'thawing']])
  })

  it('of an object without cold replicas has nothing to do, and a vault without cold classes is named', async () => {
    const { archive } = await house()
    const { root } = await archive.put(noise(1_000))
    expect(await archive.thaw(root)).toEqual({ root, readable: true, replicas: [] })
    await expect(archive.thaw(root, { vaults: ['a'] })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(archive.thaw(root, { vaults: ['nobody'] })).rejects.toMatchObject({ code: 'invalid' })
  })
})
