import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { readAll } from '../../../src/conformance/vault-context.ts'
import { keyOf } from '../../../src/vaults/s3/keys.ts'
import { fakeS3, openedOn } from './on-fake.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const LOCK = { mode: 'GOVERNANCE', days: 10 } as const

describe('a lock', () => {
  it.each([
    ['in one request', 1000],
    ['in parts', 50_000],
  ])('is put on every pack, stored %s, and says what it keeps', async (_, blockLength) => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake, { lock: { ...LOCK, legalHold: true } })
    const pack = await samplePack({ seed: 'locked', blocks: 1, blockLength })
    const at = await vault.put(pack)
    const stored = fake.store.get(keyOf('', pack.name, 'content'))?.at(-1)
    expect(stored?.retention?.mode).toBe('GOVERNANCE')
    expect(stored?.legalHold).toBe(true)
    expect(Math.abs((stored?.retention?.until ?? 0) - Date.now() - 10 * DAY_MS)).toBeLessThan(60_000)
    const until = new Date(stored?.retention?.until ?? 0).toISOString()
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(until) })
    expect(await vault.status(at)).toBe('held')
  })

  it('is extended by renew and never shortened', async () => {
    const fake = await fakeS3({ objectLock: true })
    const vault = await openedOn(fake, { lock: LOCK })
    expect(vault.profile).toMatchObject({ term: 'renewable', canForget: false })
    const pack = await samplePack({ seed: 'renewed' })
    const at = await vault.put(pack)
    const retention = () => fake.store.get(keyOf('', pack.name, 'content'))?.at(-1)?.retention
    const later = new Date(Math.ceil((Date.now() + 90 * DAY_MS) / 1000) * 1000)
    expect(await vault.renew?.(at, later)).toBe(at)
    expect(retention()).toEqual({ mode: 'GOVERNANCE', until: later.getTime() })
    await vault.renew?.(at, new Date())
    expect(retention()?.until).toBe(later.getTime())
  })

  it('is unsupported in a bucket that knows none', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const at = await vault.put(await samplePack())
    await expect(vault.renew?.(at, new Date(Date.now() + DAY_MS))).rejects.toMatchObject({ code: 'unsupported' })
  })
})

describe('versions', () => {
  it('removes what was put with all that it overwrote, and leaves what came after', async () => {
    const fake = await fakeS3({ versioning: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'versions' })
    const key = keyOf('', pack.name, 'content')
    await vault.put(pack)
    const second = await vault.put(pack, { replace: true })
    const third = await vault.put(pack, { replace: true })
    await vault.remove?.(second)
    expect(fake.store.get(key)).toHaveLength(1)
    expect(await vault.status(second)).toBe('absent')
    expect(await vault.locate(pack.name)).toBe(third)
    await vault.remove?.(third)
    expect(fake.store.has(key)).toBe(false)
  })

  it('reads the version that was put although somebody has written over it', async () => {
    const fake = await fakeS3({ versioning: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'overwritten' })
    const at = await vault.put(pack)
    const stored = fake.store.get(keyOf('', pack.name, 'content')) ?? []
    const [first] = stored
    if (first) stored.push({ ...first, versionId: 'other', body: Buffer.from('other') })
    expect(await readAll(vault, at, { cid: pack.root, offset: 0, length: pack.byteLength })).toHaveLength(pack.byteLength)
  })

  it('aborts the uploads of a pack that is removed', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack({ blocks: 1, blockLength: 40_000 })
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.killRequest = { at: 1, when: 'before' }
    const none = async () => undefined
    await expect(vault.put(pack, { journal: { load: none, save: none } })).rejects.toMatchObject({ code: 'unreachable' })
    await vault.remove?.(`s3:${keyOf('', pack.name, 'content')}`)
    expect(fake.uploads.size).toBe(0)
  })
})

describe('a read', () => {
  it('of a server that stops after half the body is unreachable, not damaged', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack({ blocks: 1, blockLength: 100_000 })
    const at = await vault.put(pack)
    fake.faults.truncate200 = 1
    await expect(readAll(vault, at, { cid: pack.root, offset: 0, length: pack.byteLength })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it.each(['html200', 'hang'] as const)('that meets %s is unreachable', async (fault) => {
    const fake = await fakeS3()
    const vault = await openedOn(fake, { requestTimeoutMs: 100 })
    const pack = await samplePack()
    const at = await vault.put(pack)
    fake.faults[fault] = 3
    await expect(readAll(vault, at, { cid: pack.root, offset: 0, length: 10 })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('of bits that have rotten gives them as they are: the caller hashes', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack()
    const at = await vault.put(pack)
    fake.store
      .get(keyOf('', pack.name, 'content'))
      ?.at(-1)
      ?.body.fill(7)
    expect(Buffer.from(await readAll(vault, at, { cid: pack.root, offset: 5, length: 3 }))).toEqual(Buffer.from([7, 7, 7]))
  })

  it('of a foreign locator is invalid', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake, { prefix: 'mine/' })
    await expect(vault.status('s3:other/packs/aa/x.car')).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('absence', () => {
  it('is not taken from a bucket that is gone or a page of a proxy', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack()
    const at = await vault.put(pack)
    fake.faults.bucketGone = true
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'invalid' })
    await expect(vault.locate(pack.name)).rejects.toMatchObject({ code: 'invalid' })
    fake.faults.bucketGone = false
    fake.faults.html200 = 2
    await expect(vault.locate(pack.name)).rejects.toMatchObject({ code: 'unreachable' })
  })
})
