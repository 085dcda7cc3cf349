/** The faults of a bucket as a whole archive meets them, in small parts so that every request can be cut in turn. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { directory } from '../../src/vaults/directory.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { heal } from '../fakes/s3/faults.ts'
import { type FakeS3, startFakeS3 } from '../fakes/s3/server.ts'
import { bytesOf, house, noise, tempFolder } from './house.ts'

const KIB = 1024
const PART_BYTES = 64 * KIB

async function setUp(options: Partial<S3Options> = {}) {
  const fake = await startFakeS3({ minPartBytes: KIB })
  onTestFinished(() => fake.close())
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const given = { id: 'bucket', endpoint, bucket, accessKeyId, secretAccessKey, partBytes: PART_BYTES, requestTimeoutMs: 2_000 }
  const bucketVault = s3({ ...given, ...options })
  const folderVault = directory({ id: 'folder', at: join(await tempFolder(), 'folder') })
  const built = await house({ timeoutMs: 2_000, vaults: [bucketVault, folderVault] })
  return Object.assign(built, { fake, bucketVault, folderVault })
}

const contentIn = ({ store }: FakeS3) => [...store.keys()].filter((key) => key.startsWith('packs/'))
const parts = ({ faults }: FakeS3) => faults.counts.UploadPart ?? 0

describe('a put of which any one request to the bucket is cut', () => {
  const source = noise(150 * KIB, 'cut')
  const SUFFICIENT = 100

  it.each(['before', 'after'] as const)(
    '%s its effect is an outcome, and the same put in a new run converges',
    { timeout: 120_000 },
    async (when) => {
      const ops = new Set<string>()
      for (let at = 1; at <= SUFFICIENT; at++) {
        const { archive, fake, reopen } = await setUp()
        const first = fake.faults.log.length
        fake.faults.killRequest = { at, when }
        const receipt = await archive.put(source)
        if (fake.faults.killRequest !== undefined) {
          expect([...ops]).toEqual(
            expect.arrayContaining(['HeadObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'PutObject']),
          )
          expect(receipt).toMatchObject({ state: 'satisfied', complete: true })
          return
        }
        const cut = fake.faults.log[first + at - 1]?.op ?? ''
        ops.add(cut)
        const what = `request ${at}, ${cut}`
        expect(receipt.state, what).toMatch(/satisfied|degraded|unknown/)
        await archive.close()
        const again = await reopen()
        expect(await again.put(source), what).toMatchObject({ root: receipt.root, state: 'satisfied', complete: true })
        expect(contentIn(fake), what).toHaveLength(1)
        // An upload whose id never arrived cannot be known; `open` clears it away in time.
        expect(fake.uploads.size, what).toBe(cut === 'CreateMultipartUpload' && when === 'after' ? 1 : 0)
        expect((await again.verify(receipt.root, { level: 'whole' })).state, what).toBe('satisfied')
        await again.close()
      }
      expect.unreachable(`a put has fewer than ${SUFFICIENT} requests`)
    },
  )
})

describe('a put of ten parts', () => {
  const source = noise(10 * PART_BYTES - 2 * KIB, 'ten parts')

  it('that meets the quota in the seventh says so, keeps the other copy, and sends the other four when there is room', async () => {
    const { archive, fake, reopen } = await setUp({ partsInFlight: 1 })
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.quotaAfterBytes = 6 * PART_BYTES + 10
    const errors: string[] = []
    const receipt = await archive.put(source, {
      onProgress: (event) => void (event.type === 'placement-failed' && errors.push(String(event.error))),
    })
    expect(receipt).toMatchObject({ state: 'degraded', complete: false })
    expect(errors.join()).toMatch(/part 7 .*QuotaExceeded; raise the quota/)
    expect(parts(fake)).toBe(7)
    expect(contentIn(fake)).toEqual([])
    expect((await bytesOf(archive.get(receipt.root))).equals(source)).toBe(true)
    await archive.close()
    heal(fake.faults)
    const again = await reopen()
    expect(await again.put(source)).toMatchObject({ root: receipt.root, state: 'satisfied', complete: true })
    expect(parts(fake)).toBe(11)
  })

  it('whose session ends after six is degraded; a new run with new keys sends the other four', async () => {
    const { archive, fake, folderVault, reopen } = await setUp({ partsInFlight: 1, sessionToken: 'fake-session-token' })
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.expireSession = 6
    const receipt = await archive.put(source)
    expect(receipt.state).toBe('degraded')
    await archive.close()
    heal(fake.faults)
    const before = parts(fake)
    const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
    const renewed = s3({ id: 'bucket', endpoint, bucket, accessKeyId, secretAccessKey, partBytes: PART_BYTES })
    const again = await reopen({ vaults: [renewed, folderVault] })
    expect(await again.put(source)).toMatchObject({ root: receipt.root, state: 'satisfied', complete: true })
    expect(parts(fake) - before).toBe(4)
  })
})

describe('a bucket that fails while it is read', () => {
  it.each([
    ['stops after half the body', { truncate200: Number.POSITIVE_INFINITY }],
    ['answers with pages', { html200: Number.POSITIVE_INFINITY }],
    ['has had its credentials revoked', { denied: 0 }],
    ['is gone', { bucketGone: true }],
  ] as const)('because it %s is not called damaged or missing, and get goes to the other copy', async (_, faults) => {
    const { archive, fake } = await setUp()
    const source = noise(300 * KIB, 'read')
    const { root } = await archive.put(source)
    const puts = fake.faults.log.filter(({ method }) => method === 'PUT').length
    Object.assign(fake.faults, faults)
    expect((await bytesOf(archive.get(root))).equals(source)).toBe(true)
    const report = await archive.verify(root, { level: 'whole' })
    expect(report.replicas.find(({ vault }) => vault === 'bucket')?.verdict).toMatch(/unreachable|denied|pending/)
    expect((await archive.repair(root)).actions).toEqual([])
    expect(fake.faults.log.filter(({ method }) => method === 'PUT')).toHaveLength(puts)
    heal(fake.faults)
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('because clocks differ by an hour is used all the same, or denied: nothing is sent twice', async () => {
    for (const skewMs of [3_600_000, -3_600_000]) {
      const { archive, fake, reopen } = await setUp()
      const source = noise(150 * KIB, 'skew')
      const { root } = await archive.put(source)
      const sent = parts(fake)
      fake.faults.skewMs = skewMs
      const report = await archive.verify(root, { level: 'whole' })
      expect(report.replicas.find(({ vault }) => vault === 'bucket')?.verdict).toMatch(/intact|denied/)
      await archive.repair(root)
      await archive.close()
      const again = await reopen()
      expect((await again.verify(root, { level: 'whole' })).state, 'a new run learns the time of the store first').toBe('satisfied')
      expect(parts(fake)).toBe(sent)
    }
  })
})
