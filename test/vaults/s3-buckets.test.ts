/** What an S3 vault makes of the rules of its bucket, on the fake server: regions, permissions, lifecycle, versions, Object Lock. */
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds, assertNothing, listings } from '../../src/conformance/vault-context.ts'
import { heal } from '../fakes/s3/faults.ts'
import { flipByte, onlyPack, opened, packsIn, s3House } from './s3-house.ts'

const DAY_MS = 86_400_000

describe('the bucket', () => {
  it('of another region cannot be opened or used, and the message says which region to set', async () => {
    const { make } = await s3House({ region: 'eu-west-1' })
    const vault = make({ region: 'us-east-1' })
    const { name } = await samplePack()
    const said = { message: expect.stringMatching(/region eu-west-1; set `region` to it/) }
    await expect(vault.open?.()).rejects.toMatchObject({ code: 'unreachable', ...said })
    for (const work of [() => vault.locate(name), () => listings(vault, name)])
      await expect(work()).rejects.toMatchObject({ code: 'invalid', ...said })
  })

  it('that does not exist is unreachable at open, and named; made since, it opens', async () => {
    const { make, fake } = await s3House()
    await expect(make({ bucket: 'another-bucket' }).open?.()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/another-bucket/),
    })
    const vault = make()
    fake.faults.bucketGone = true
    await expect(vault.open?.()).rejects.toMatchObject({ code: 'unreachable' })
    heal(fake.faults)
    expect((await vault.open?.())?.labels).toMatchObject({ checksums: 'sha256' })
  })

  it('that answers 403 for absent keys is refused at open, which names the permission', async () => {
    const { make } = await s3House()
    expect((await make().open?.())?.id).toBe('fake')
    const error = await s3House({ deniesAbsent: true }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'denied' })
    expect(String(error)).toMatch(/s3:ListBucket/)
  })

  it('that looks new although it holds replicas of ours is another place, and unreachable', async () => {
    const { make, vault } = await s3House({}, { prefix: 'archive/' })
    await vault.put(await samplePack())
    expect((await make().open?.({ mustExist: true }))?.id).toBe('fake')
    await expect(make({ prefix: 'elsewhere/' }).open?.({ mustExist: true })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('whose rules expire our packs says so', async () => {
    const rules = { id: 'sweep', prefix: '', expirationDays: 30 }
    const { vault } = await s3House({ lifecycle: [rules] })
    expect(vault.profile.labels).toMatchObject({ lifecycle: expect.stringMatching(/expires/) })
    const { vault: other } = await s3House({ lifecycle: [{ ...rules, prefix: 'logs/' }] })
    expect(other.profile.labels?.lifecycle).toBeUndefined()
  })

  it('without versions and locks can forget, others cannot', async () => {
    const found = await Promise.all([{}, { versioning: true }, { objectLock: true }].map((rules) => s3House(rules)))
    expect(found.map(({ vault }) => vault.profile.canForget)).toEqual([true, false, false])
  })
})

describe('Object Lock', () => {
  it.each(['GOVERNANCE', 'COMPLIANCE'] as const)('%s forbids the delete, and the message names the date', async (mode) => {
    const { fake, vault } = await s3House({ objectLock: true }, { lock: { mode, days: 30 } })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const { retention } = onlyPack(fake)
    expect(retention).toMatchObject({ mode })
    expect(Math.abs((retention?.until ?? 0) - Date.now() - 30 * DAY_MS)).toBeLessThan(DAY_MS)
    const error = await vault.remove?.(at).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'denied' })
    expect(String(error)).toContain(new Date(retention?.until ?? 0).toISOString().slice(0, 10))
    expect(await vault.status(at)).toBe('held')
    await assertHolds(vault, at, pack)
  })

  it('of the bucket itself is known after open, kept to, and named when it forbids the delete', async () => {
    const { fake, vault } = await s3House({ objectLock: true, defaultRetention: { mode: 'COMPLIANCE', days: 5 } })
    expect(vault.profile).toMatchObject({ term: 'renewable', canForget: false })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const date = new Date(onlyPack(fake).retention?.until ?? 0).toISOString().slice(0, 10)
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(date) })
    await assertHolds(vault, at, pack)
  })

  it('as a legal hold forbids the delete, and the message says that it is one', async () => {
    const { vault } = await s3House({ objectLock: true }, { lock: { mode: 'GOVERNANCE', days: 1, legalHold: true } })
    const at = await vault.put(await samplePack())
    const error = await vault.remove?.(at).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'denied' })
    expect(String(error)).toMatch(/legal hold/i)
  })

  it('is extended by renew and never shortened', async () => {
    const { fake, vault } = await s3House({ objectLock: true }, { lock: { mode: 'COMPLIANCE', days: 30 } })
    expect(vault.profile).toMatchObject({ term: 'renewable', canForget: false })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const until = () => onlyPack(fake).retention?.until ?? 0
    const before = until()
    await vault.renew?.(at, new Date(before - 10 * DAY_MS)).catch(() => undefined)
    expect(until()).toBe(before)
    await vault.put(pack)
    expect(until()).toBe(before)
    const later = new Date(before + 10 * DAY_MS)
    const renewed = await vault.renew?.(at, later)
    expect(Math.abs(until() - later.getTime())).toBeLessThan(1_000)
    if (renewed === undefined) expect.unreachable()
    await assertHolds(vault, renewed, pack)
  })

  it('does not keep replace from writing a new version beside the one it keeps', async () => {
    const { fake, vault } = await s3House({ objectLock: true }, { lock: { mode: 'COMPLIANCE', days: 30 } })
    const pack = await samplePack()
    const at = await vault.put(pack)
    flipByte(onlyPack(fake), 100)
    const again = await vault.put(pack, { replace: true })
    expect(again).not.toBe(at)
    await assertHolds(vault, again, pack)
    expect(await vault.locate(pack.name)).toBe(again)
    expect([...packsIn(fake).values()].flat().map(({ retention }) => retention?.mode)).toEqual(['COMPLIANCE', 'COMPLIANCE'])
  })

  it('of a bucket without it is refused by open or by the first put, which stores nothing', async () => {
    const { fake, make } = await s3House()
    const vault = make({ lock: { mode: 'GOVERNANCE', days: 1 } })
    const error = await opened(vault)
      .then(async (open) => open.put(await samplePack()))
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'VaultError' })
    expect(String(error)).toMatch(/Object Lock/)
    expect(packsIn(fake).size).toBe(0)
  })
})

describe('remove', () => {
  it('in a versioned bucket deletes the version that was put, and leaves no marker in its place', async () => {
    const { fake, vault } = await s3House({ versioning: true })
    const pack = await samplePack()
    const at = await vault.put(pack)
    await vault.remove?.(at)
    expect(await vault.status(at)).toBe('absent')
    await assertNothing(vault, pack)
    expect([...packsIn(fake).values()].flat().filter(({ marker }) => !marker)).toEqual([])
  })
})
