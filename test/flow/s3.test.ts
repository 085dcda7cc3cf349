/** Whole flows over an S3 vault, on the fake server, and a directory. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ArchiveConfig, ObjectReport } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { readOnly } from '../../src/wrap/read-only.ts'
import { heal } from '../fakes/s3/faults.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../fakes/s3/server.ts'
import { current } from '../fakes/s3/versions.ts'
import { bytesOf, house, noise, spooled, tempFolder } from './house.ts'

const MIB = 1024 * 1024
const DAY_MS = 24 * 60 * 60 * 1000

const vaultOn = ({ endpoint, bucket, accessKeyId, secretAccessKey }: FakeS3, options: Partial<S3Options> = {}) =>
  s3({ id: 'bucket', endpoint, bucket, accessKeyId, secretAccessKey, partBytes: 5 * MIB, requestTimeoutMs: 2_000, ...options })

/** An archive over a bucket and a folder. */
async function setUp(rules: FakeS3Options = {}, options: Partial<S3Options> = {}, config: Partial<ArchiveConfig> = {}, given?: FakeS3) {
  const fake = given ?? (await startFakeS3(rules))
  if (!given) onTestFinished(() => fake.close())
  const place = await tempFolder()
  const bucketVault = vaultOn(fake, options)
  const folderVault = directory({ id: 'folder', at: join(place, 'folder') })
  const built = await house({ timeoutMs: 2_000, vaults: [bucketVault, folderVault], ...config })
  return Object.assign(built, { fake, bucketVault, folderVault })
}

/** Keys of the live content packs in the bucket. */
const contentIn = ({ store }: FakeS3): readonly string[] =>
  [...store.keys()].filter((key) => key.startsWith('packs/') && current(store, key))

/** Objects and parts that the bucket was sent as packs of content. */
const uploads = ({ faults }: FakeS3): number => faults.log.filter(({ method, key }) => method === 'PUT' && key.startsWith('packs/')).length

/** Somebody overwrites every content pack with other bytes of the same length, or of another. */
function overwrite(fake: FakeS3, change: (body: Buffer) => Buffer): void {
  for (const key of contentIn(fake)) {
    const version = current(fake.store, key)
    if (version) version.body = change(Buffer.from(version.body))
  }
}

const replicaIn = (report: Pick<ObjectReport, 'replicas'>, vault: string) => report.replicas.find((replica) => replica.vault === vault)

describe('an archive over a bucket and a folder', () => {
  it('puts, notices bytes overwritten behind its back, repairs them, and gets from the bucket alone', async () => {
    const { archive, fake, bucketVault, reopen, folder } = await setUp()
    const receipt = await archive.put(noise(12 * MIB))
    expect(receipt).toMatchObject({ state: 'satisfied', complete: true })
    expect(fake.faults.counts.CompleteMultipartUpload, 'so large that it travels in parts').toBe(1)
    expect(await spooled(folder)).toEqual([])

    overwrite(fake, (body) => noise(body.byteLength, 'somebody else'))
    const found = await archive.verify(receipt.root)
    expect(found.state).toBe('damaged')
    expect(replicaIn(found, 'bucket')?.verdict).toBe('damaged')
    expect(replicaIn(found, 'folder')?.verdict).toBe('intact')

    const repaired = await archive.repair(receipt.root)
    expect(repaired).toMatchObject({
      before: 'damaged',
      state: 'satisfied',
      actions: [{ vault: 'bucket', action: 'replace', outcome: 'repaired' }],
    })
    expect((await archive.verify(receipt.root, { level: 'whole' })).state).toBe('satisfied')

    const alone = await reopen({ vaults: [bucketVault] })
    expect((await bytesOf(alone.get(receipt.root))).equals(noise(12 * MIB))).toBe(true)
    const middle = await bytesOf(alone.get(receipt.root, { range: { offset: 5 * MIB, length: 1_000 } }))
    expect(middle.equals(noise(12 * MIB).subarray(5 * MIB, 5 * MIB + 1_000))).toBe(true)
  })

  it('notices one flipped bit when it reads whole, and a pack that was cut short or deleted', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(3 * MIB))
    overwrite(fake, (body) => {
      body.writeUInt8(body.readUInt8(2 * MIB) ^ 1, 2 * MIB)
      return body
    })
    expect(replicaIn(await archive.verify(root, { level: 'whole' }), 'bucket')?.verdict).toBe('damaged')
    expect((await archive.repair(root)).state).toBe('satisfied')
    overwrite(fake, (body) => body.subarray(0, 1_000))
    expect(['damaged', 'missing']).toContain(replicaIn(await archive.verify(root, { level: 'whole' }), 'bucket')?.verdict)
    expect((await archive.repair(root)).state).toBe('satisfied')
    for (const key of contentIn(fake)) fake.store.delete(key)
    expect(replicaIn(await archive.verify(root), 'bucket')?.verdict).toBe('missing')
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('uploads nothing again while the bucket denies or does not answer, and judges it as that', async () => {
    const { archive, fake } = await setUp()
    const { root } = await archive.put(noise(3 * MIB))
    const before = uploads(fake)
    for (const [fault, verdict] of [
      [{ denied: 0 }, 'denied'],
      [{ slowDown: { times: Number.POSITIVE_INFINITY } }, 'unreachable'],
      [{ html200: Number.POSITIVE_INFINITY }, 'unreachable'],
      [{ bucketGone: true }, 'unreachable'],
    ] as const) {
      Object.assign(fake.faults, fault)
      expect(replicaIn(await archive.verify(root), 'bucket')?.verdict, JSON.stringify(fault)).toBe(verdict)
      expect(await archive.repair(root), JSON.stringify(fault)).toMatchObject({ state: 'unknown', actions: [] })
      heal(fake.faults)
      expect((await archive.verify(root)).state).toBe('satisfied')
    }
    expect(uploads(fake)).toBe(before)
  })

  it('that is denied midway through a put says so, and the same put sends only what is missing', async () => {
    const { archive, fake, reopen } = await setUp()
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.denied = 2
    const first = await archive.put(noise(17 * MIB))
    expect(first.state).toBe('degraded')
    expect(contentIn(fake)).toEqual([])
    heal(fake.faults)
    const sent = fake.faults.counts.UploadPart ?? 0
    const again = await reopen()
    expect(await again.put(noise(17 * MIB))).toMatchObject({ root: first.root, state: 'satisfied' })
    expect((fake.faults.counts.UploadPart ?? 0) - sent, 'two of four parts were there').toBe(2)
    const settled = uploads(fake)
    await again.put(noise(17 * MIB))
    expect(uploads(fake), 'a third put sends nothing').toBe(settled)
  })

  it('removes and prunes in the bucket what no object needs', async () => {
    const { archive, fake } = await setUp()
    const kept = await archive.put(noise(2 * MIB, 'kept'))
    const gone = await archive.put(noise(2 * MIB, 'gone'))
    expect(contentIn(fake)).toHaveLength(2)
    fake.faults.only = ({ method }) => method === 'DELETE'
    fake.faults.slowDown = { times: Number.POSITIVE_INFINITY }
    const report = await archive.rm(gone.root)
    expect(report.kept).toMatchObject([{ vault: 'bucket' }])
    expect(contentIn(fake)).toHaveLength(2)
    heal(fake.faults)
    const pruned = await archive.prune()
    expect(pruned.removed.filter(({ vault }) => vault === 'bucket').length).toBeGreaterThan(0)
    expect(contentIn(fake)).toHaveLength(1)
    expect((await archive.verify(kept.root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('keeps what a lock keeps: rm names the vault and the date, and prune removes when the date has passed', async () => {
    const { archive, fake } = await setUp({ objectLock: true }, { lock: { mode: 'COMPLIANCE', days: 7 } })
    const { root, state } = await archive.put(noise(MIB))
    expect(state).toBe('satisfied')
    const report = await archive.rm(root)
    expect(report.removed.map(({ vault }) => vault)).toEqual(['folder'])
    const date = new Date(Date.now() + 7 * DAY_MS).toISOString().slice(0, 10)
    expect(report.kept).toEqual([
      { vault: 'bucket', pack: expect.any(String), reason: expect.stringMatching(new RegExp(`Object Lock.*until ${date}`)) },
    ])
    expect(contentIn(fake)).toHaveLength(1)
    for (const versions of fake.store.values()) for (const version of versions) version.retention = undefined
    const pruned = await archive.prune()
    expect(pruned.kept).toEqual([])
    expect(pruned.removed).toContainEqual(expect.objectContaining({ vault: 'bucket', pack: report.kept[0]?.pack }))
    expect(contentIn(fake)).toEqual([])
  })

  it('removes from a versioned bucket, which cannot promise to forget, every version that it put', async () => {
    const { archive, fake } = await setUp({ versioning: true })
    expect(archive.vaults.find(({ id }) => id === 'bucket')).toMatchObject({ canForget: false })
    const { root } = await archive.put(noise(MIB))
    overwrite(fake, (body) => noise(body.byteLength, 'rot'))
    await archive.verify(root, { level: 'whole' })
    await archive.repair(root)
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    const report = await archive.rm(root)
    expect(report.kept).toEqual([])
    expect(report.removed.map(({ vault }) => vault).sort()).toEqual(['bucket', 'folder'])
    expect([...fake.store.keys()].filter((key) => key.startsWith('packs/'))).toEqual([])
  })

  it('whose key may not delete says so for each pack, and prune takes up what was kept when it may', async () => {
    const { archive, fake } = await setUp({ versioning: true })
    const { root } = await archive.put(noise(MIB))
    fake.faults.only = ({ op }) => op === 'DeleteObject'
    fake.faults.denied = 0
    expect((await archive.rm(root)).kept).toMatchObject([{ vault: 'bucket', reason: expect.stringMatching(/403 AccessDenied; grant/) }])
    heal(fake.faults)
    expect((await archive.prune()).kept).toEqual([])
    expect(contentIn(fake)).toEqual([])
  })

  it('opened read-only refuses to remove, before the bucket hears of it', async () => {
    const { archive, bucketVault, folderVault, fake, reopen } = await setUp()
    const { root } = await archive.put(noise(MIB))
    const again = await reopen({ vaults: [readOnly(bucketVault), folderVault] })
    const report = await again.rm(root)
    expect(report.kept).toMatchObject([{ vault: 'bucket', reason: expect.stringMatching(/read-only/) }])
    expect(fake.faults.log.filter(({ method, key }) => method === 'DELETE' && key.startsWith('packs/'))).toEqual([])
    expect(contentIn(fake)).toHaveLength(1)
  })

  it('tests a vault whose lock keeps the test pack without calling it a failure, and shows what the probe found', async () => {
    const { archive } = await setUp({ objectLock: true }, { lock: { mode: 'GOVERNANCE', days: 1 } })
    const check = await archive.testVault('bucket')
    expect(check).toMatchObject({ ok: true, labels: { checksums: 'sha256', 'conditional-put': 'yes', lock: 'enabled' } })
    expect(check.steps.find(({ name }) => name === 'remove')?.detail).toMatch(/Object Lock .* retains it until/)
  })

  it('in a versioned bucket reads the version it put, whatever somebody put over it', async () => {
    const { archive, fake, bucketVault, reopen } = await setUp({ versioning: true })
    const { root } = await archive.put(noise(MIB))
    for (const key of contentIn(fake)) {
      const version = current(fake.store, key)
      if (version) fake.store.get(key)?.push({ ...version, versionId: 'foreign', body: Buffer.alloc(version.body.byteLength) })
    }
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    const alone = await reopen({ vaults: [bucketVault] })
    expect((await bytesOf(alone.get(root))).equals(noise(MIB))).toBe(true)
  })
})

describe('a bucket that cannot be opened', () => {
  it.each([
    ['is not there', { bucketGone: true }, /no bucket perdure-test here; create it/],
    ['answers with pages', { html200: Number.POSITIVE_INFINITY }, /endpoint|prox/],
  ] as const)('because it %s leaves the others usable; placing there is an outcome, and a later run places', async (_, faults, says) => {
    const fake = await startFakeS3()
    onTestFinished(() => fake.close())
    Object.assign(fake.faults, faults)
    const { archive, bucketVault, folderVault, reopen } = await setUp({}, {}, {}, fake)
    expect(archive.unopened()).toEqual([{ vault: 'bucket', reason: expect.stringMatching(says) }])
    const explained = archive.explain().vaults.find(({ id }) => id === 'bucket')
    expect(explained?.notes[0]).toMatch(says)
    const receipt = await archive.put(noise(MIB))
    expect(receipt).toMatchObject({ state: 'degraded', complete: false })
    expect((await bytesOf(archive.get(receipt.root))).equals(noise(MIB))).toBe(true)
    const check = await archive.testVault('bucket')
    expect(check.ok).toBe(false)
    expect(check.steps[0]).toMatchObject({ name: 'open', ok: false, detail: expect.stringMatching(says) })

    heal(fake.faults)
    expect((await archive.testVault('bucket')).steps[0]).toMatchObject({ name: 'open', ok: true })
    expect(archive.unopened()).toEqual([])
    await archive.close()
    const later = await reopen({ vaults: [bucketVault, folderVault] })
    expect(await later.put(noise(MIB))).toMatchObject({ root: receipt.root, state: 'satisfied', complete: true })
    expect(contentIn(fake)).toHaveLength(1)
  })

  it('because it is in another region says which, and opens when it is set', async () => {
    const fake = await startFakeS3({ region: 'eu-west-3' })
    onTestFinished(() => fake.close())
    const { archive, folderVault, reopen } = await setUp({}, { region: 'us-east-1' }, {}, fake)
    expect(archive.unopened()[0]?.reason).toMatch(/region eu-west-3; set `region` to it/)
    const { root, state } = await archive.put(noise(MIB))
    expect(state).toBe('degraded')
    await archive.close()
    const later = await reopen({ vaults: [vaultOn(fake, { region: 'eu-west-3' }), folderVault] })
    expect(await later.repair(root)).toMatchObject({ state: 'satisfied' })
  })

  it('because an option is wrong is told at once', () => {
    expect(() => s3({ bucket: 'media', endpoint: 'not a URL' })).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})
