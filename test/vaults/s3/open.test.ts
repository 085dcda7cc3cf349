import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { keyOf, MARKER } from '../../../src/vaults/s3/keys.ts'
import { fakeS3, openedOn, vaultOn } from './on-fake.ts'

const DAY_MS = 24 * 60 * 60 * 1000

describe('open', () => {
  it('tells how the store behaves, leaves only its marker, and can forget', async () => {
    const fake = await fakeS3()
    const profile = await vaultOn(fake, { prefix: 'a' }).open?.()
    expect(profile?.labels).toEqual({ checksums: 'sha256', 'conditional-put': 'yes' })
    expect(profile).toMatchObject({ canForget: true, term: 'standing', network: 's3', operator: '127.0.0.1', cold: false })
    expect([...fake.store.keys()]).toEqual([`a/${MARKER}`])
  })

  it.each([
    [{ checksums: 'ignored' }, { checksums: 'signed' }],
    [{ checksums: 'crc64nvme' }, { checksums: 'crc64nvme' }],
    [{ checksums: 'unchecked' }, { checksums: 'none' }],
    [
      { checksums: 'unchecked', etags: 'opaque' },
      { checksums: 'none', 'read-back': 'every put' },
    ],
    [{ checksums: 'echoed' }, { checksums: 'none' }],
    [{ conditionalPuts: false }, { 'conditional-put': 'no' }],
    [{ versioning: true }, { versioning: 'kept' }],
    [{ objectLock: true }, { lock: 'enabled', versioning: 'kept' }],
  ] as const)('finds out about a store with %o', async (rules, labels) => {
    const fake = await fakeS3(rules)
    const profile = await vaultOn(fake).open?.()
    expect(profile?.labels).toMatchObject(labels)
    expect(profile?.canForget).toBe(!('versioning' in labels))
    expect([...fake.store.keys()]).toEqual([MARKER])
  })

  it('names the lifecycle rules that will delete packs, and no others', async () => {
    const fake = await fakeS3({
      lifecycle: [
        { id: 'tidy', prefix: 'mine/', expirationDays: 30 },
        { id: 'logs', prefix: 'logs/', expirationDays: 3 },
        { id: 'uploads', prefix: '', abortIncompleteDays: 2 },
      ],
    })
    const profile = await vaultOn(fake, { prefix: 'mine/' }).open?.()
    expect(profile?.labels).toMatchObject({ lifecycle: 'expires', 'lifecycle-rules': 'tidy', 'unfinished-uploads': 'aborted-by-lifecycle' })
  })

  it('is denied where absent keys answer 403, and says which permission is missing', async () => {
    const fake = await fakeS3({ deniesAbsent: true })
    await expect(vaultOn(fake).open?.()).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('s3:ListBucket') })
  })

  it('goes on without the right to write, and says so', async () => {
    const fake = await fakeS3()
    fake.faults.only = ({ method }) => method === 'PUT' || method === 'DELETE'
    fake.faults.denied = 0
    const profile = await vaultOn(fake).open?.()
    expect(profile?.labels).toMatchObject({ access: 'read-only' })
    expect(fake.store.size).toBe(0)
  })

  it('takes a bucket that is not there for a state of the remote, whether it held packs or not', async () => {
    const fake = await fakeS3()
    fake.faults.bucketGone = true
    for (const mustExist of [false, true])
      await expect(vaultOn(fake).open?.({ mustExist })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(new RegExp(`no bucket ${fake.bucket} here; create it`)),
      })
  })

  it('never takes another place for a vault that lost everything', async () => {
    const fake = await fakeS3()
    await expect(vaultOn(fake, { prefix: 'new/' }).open?.({ mustExist: true })).rejects.toMatchObject({ code: 'unreachable' })
    const vault = await openedOn(fake, { prefix: 'old/' })
    await vault.open?.({ mustExist: true })
    await vault.put(await samplePack())
    fake.store.delete(`old/${MARKER}`)
    await vault.open?.({ mustExist: true })
    await vault.put(await samplePack())
    expect(fake.store.has(`old/${MARKER}`)).toBe(true)
  })

  it('writes nothing into a vault that holds packs until something is put, and then tries how the store takes it, once', async () => {
    const fake = await fakeS3({ checksums: 'ignored' })
    const first = await openedOn(fake)
    const pack = await samplePack()
    const at = await first.put(pack)
    const writes = () => fake.faults.log.filter(({ method }) => method === 'PUT' || method === 'DELETE').length
    const vault = vaultOn(fake)
    const before = writes()
    expect((await vault.open?.({ mustExist: true }))?.labels).toEqual({})
    const [span] = await pack.spans()
    if (span) for await (const bytes of vault.read(at, span)) expect(bytes.byteLength).toBeGreaterThan(0)
    expect(writes()).toBe(before)
    await Promise.all([vault.put(pack), vault.put(pack)])
    const tried = writes()
    expect(tried).toBeGreaterThan(before)
    await vault.put(pack)
    expect(writes()).toBe(tried)
    expect((await vault.open?.({ mustExist: true, thorough: true }))?.labels).toEqual({ checksums: 'signed', 'conditional-put': 'yes' })
  })

  it('that could not try how the store takes bytes tries again at the next put', async () => {
    const fake = await fakeS3()
    const pack = await samplePack()
    const at = await (await openedOn(fake)).put(pack)
    const vault = vaultOn(fake)
    await vault.open?.({ mustExist: true })
    fake.faults.slowDown = { times: 1 }
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await vault.put(pack)).toBe(at)
  })

  it.each([
    ['the wrong secret', { secretAccessKey: 'wrong' }, 'denied', 'secret key'],
    ["a region that is not the bucket's", { region: 'eu-west-1' }, 'unreachable', 'us-east-1'],
  ] as const)('fails with %s', async (_, options, code, says) => {
    const fake = await fakeS3()
    await expect(vaultOn(fake, options).open?.()).rejects.toMatchObject({ code, message: expect.stringContaining(says) })
  })

  it('learns the time of the store when ours is an hour off; a first call without it says to set the clock', async () => {
    const fake = await fakeS3()
    fake.faults.skewMs = 60 * 60 * 1000
    const pack = await samplePack()
    const span = { cid: pack.root, offset: 0, length: 1 }
    const unopened = vaultOn(fake).read(`s3:${keyOf('', pack.name, 'content')}`, span)
    const said = { code: 'denied', message: expect.stringContaining('clock') }
    await expect(unopened[Symbol.asyncIterator]().next()).rejects.toMatchObject(said)
    const vault = await openedOn(fake)
    expect(await vault.status(await vault.put(pack))).toBe('held')
  })

  it('does not take a page of a proxy for a store', async () => {
    const fake = await fakeS3()
    fake.faults.html200 = Number.POSITIVE_INFINITY
    await expect(vaultOn(fake).open?.()).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('gives up on a store that is silent', async () => {
    const fake = await fakeS3()
    fake.faults.hang = Number.POSITIVE_INFINITY
    await expect(vaultOn(fake, { requestTimeoutMs: 100 }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('waits as long as the store asks', async () => {
    const fake = await fakeS3()
    fake.faults.slowDown = { times: 2, retryAfterSeconds: 7 }
    await expect(vaultOn(fake).open?.()).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 7000 })
  })

  it('aborts uploads of packs that began more than a week ago', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.killRequest = { at: 1, when: 'before' }
    const save = async () => undefined
    const put = vault.put(await samplePack({ blocks: 1, blockLength: 40_000 }), { journal: { load: save, save } })
    await expect(put).rejects.toMatchObject({ code: 'unreachable' })
    await openedOn(fake, { clock: () => Date.now() + 6 * DAY_MS })
    expect(fake.uploads.size).toBe(1)
    await openedOn(fake, { clock: () => Date.now() + 8 * DAY_MS })
    expect(fake.uploads.size).toBe(0)
  })
})
