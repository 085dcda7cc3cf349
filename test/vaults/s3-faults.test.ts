/** What an S3 vault makes of a store that fails it, on the fake server. */
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds, listings, readAll } from '../../src/conformance/vault-context.ts'
import type { Listed, Pack, Vault } from '../../src/contracts.ts'
import { matches } from '../../src/format/address.ts'
import { retrying } from '../../src/wrap/retrying.ts'
import { heal } from '../fakes/s3/faults.ts'
import { flipByte, MIB, onlyPack, opened, packsIn, s3House } from './s3-house.ts'

/** Every way to ask a vault about a pack that is, or is to be, in it. */
async function everyMethod(vault: Vault, at: string, pack: Pack): Promise<Readonly<Record<string, () => Promise<unknown>>>> {
  const [span] = await pack.spans()
  if (!span) expect.unreachable()
  const { list, remove } = vault
  const fresh = await samplePack({ seed: 'every-method' })
  return {
    put: () => vault.put(fresh),
    'put with replace': () => vault.put(pack, { replace: true }),
    locate: () => vault.locate(pack.name),
    'locate of a pack that is absent': () => vault.locate(fresh.name),
    status: () => vault.status(at),
    read: () => readAll(vault, at, span),
    ...(list && { list: () => listings(vault, pack.name) }),
    ...(remove && { remove: () => remove(at) }),
  }
}

/** The content packs that are listed; what came before an error stays in `found`. */
async function allListed(vault: Vault, found: Listed[] = []): Promise<Listed[]> {
  for await (const listed of vault.list?.({ kind: 'content' }) ?? []) found.push(listed)
  return found
}

describe('a refusal is typed on every method, and is never absence', () => {
  it.each([
    ['rights that were taken away', 'denied', /grant|right|permission/i, (faults) => Object.assign(faults, { denied: 0 })],
    ['a bucket that is gone', 'invalid', /perdure-test/, (faults) => Object.assign(faults, { bucketGone: true })],
    ['a proxy that answers with a page', 'unreachable', /prox|endpoint/i, (faults) => Object.assign(faults, { html200: 1_000 })],
    ['a server that is too busy', 'unreachable', /later|again/i, (faults) => Object.assign(faults, { slowDown: { times: 1_000 } })],
  ] as const satisfies readonly (readonly [string, string, RegExp, (faults: object) => unknown])[])(
    '%s: %s',
    async (_, code, message, fail) => {
      const { fake, vault } = await s3House()
      const pack = await samplePack()
      const at = await vault.put(pack)
      const methods = await everyMethod(vault, at, pack)
      fail(fake.faults)
      for (const [name, work] of Object.entries(methods)) {
        const error = await work().catch((error: unknown) => error)
        expect(error, name).toMatchObject({ name: 'VaultError', code, vault: 'fake' })
        expect(String(error), name).toMatch(message)
      }
      heal(fake.faults)
      await assertHolds(vault, at, pack)
      expect(packsIn(fake).size, 'nothing was stored meanwhile').toBe(1)
    },
  )

  it('a page of a proxy is unreachable on every method of a versioned bucket too, and removes nothing', async () => {
    const { fake, vault } = await s3House({ versioning: true })
    const pack = await samplePack()
    const at = await vault.put(pack)
    fake.faults.html200 = 1_000
    for (const [name, work] of Object.entries(await everyMethod(vault, at, pack)))
      await expect(work(), name).rejects.toMatchObject({ code: 'unreachable' })
    heal(fake.faults)
    await assertHolds(vault, at, pack)
  })

  it('a connection that is cut, or a server that says nothing, is unreachable', async () => {
    const { fake, vault, make } = await s3House()
    const pack = await samplePack()
    const at = await vault.put(pack)
    const impatient = make({ requestTimeoutMs: 150 })
    for (const [name, work] of Object.entries(await everyMethod(impatient, at, pack))) {
      fake.faults.killRequest = { at: 1, when: 'before' }
      await expect(work(), name).rejects.toMatchObject({ code: 'unreachable' })
      fake.faults.hang = 1
      await expect(work(), name).rejects.toMatchObject({ code: 'unreachable' })
      expect(fake.faults.hang, `${name} was asked`).toBe(0)
      heal(fake.faults)
    }
    await assertHolds(vault, at, pack)
  })

  it('nobody listening is unreachable, at open too', async () => {
    const { fake, vault, make } = await s3House()
    await fake.close()
    await expect(make().open?.()).rejects.toMatchObject({ code: 'unreachable' })
    await expect(vault.locate((await samplePack()).name)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('a wrong secret and an unknown key are denied, and the message names them', async () => {
    const { make } = await s3House()
    const { name } = await samplePack()
    for (const wrong of [{ secretAccessKey: 'wrong' }, { accessKeyId: 'NOBODY' }]) {
      const vault = make(wrong)
      for (const work of [() => vault.open?.(), () => vault.locate(name)]) {
        await expect(work()).rejects.toMatchObject({ code: 'denied', message: expect.stringMatching(/key/) })
      }
    }
  })

  it('an expired session is denied and says that new credentials are needed', async () => {
    const { fake, make } = await s3House()
    const vault = await opened(make({ sessionToken: fake.sessionToken }))
    const pack = await samplePack()
    const at = await vault.put(pack)
    const methods = await everyMethod(vault, at, pack)
    fake.faults.expireSession = 0
    for (const [name, work] of Object.entries(methods)) {
      const error = await work().catch((error: unknown) => error)
      expect(error, name).toMatchObject({ code: 'denied' })
      expect(String(error), name).toMatch(/session/)
      fake.faults.expireSession = 0
    }
    heal(fake.faults)
    await assertHolds(vault, at, pack)
  })
})

describe('a clock that is an hour off', () => {
  const SKEW_MS = 3_600_000

  it.each([SKEW_MS, -SKEW_MS])(
    '(%i ms) is denied with a message about the clock, or set by the answer of the store; never absence',
    async (skewMs) => {
      const { fake, vault: writer, make } = await s3House()
      const pack = await samplePack()
      const at = await writer.put(pack)
      for (const name of Object.keys(await everyMethod(writer, at, pack))) {
        fake.faults.skewMs = 0
        const vault = await opened(make())
        const methods = await everyMethod(vault, await vault.put(pack), pack)
        fake.faults.skewMs = skewMs
        const refused = await methods[name]?.().then(
          () => undefined,
          (error: unknown) => error,
        )
        if (refused !== undefined || name === 'read' || name === 'list') {
          expect(refused, name).toMatchObject({ code: 'denied' })
          expect(String(refused), name).toMatch(/set the clock/)
        }
        await assertHolds(vault, await vault.put(pack), pack)
      }
    },
  )
})

describe('bytes that are not what was put', () => {
  it('after bit rot come back as they are, for the caller to hash, and replace makes them whole', async () => {
    const { fake, vault } = await s3House()
    const pack = await samplePack({ blocks: 3, blockLength: 5_000 })
    const at = await vault.put(pack)
    const [, span] = await pack.spans()
    if (!span) expect.unreachable()
    flipByte(onlyPack(fake), span.offset + 100)
    expect(matches(span.cid, await readAll(vault, at, span))).toBe(false)
    expect(await vault.put(pack), 'an idempotent put does not look inside').toBe(at)
    expect(matches(span.cid, await readAll(vault, at, span))).toBe(false)
    await assertHolds(vault, await vault.put(pack, { replace: true }), pack)
  })

  it('overwritten by somebody with other bytes of another length are written anew by the next put', async () => {
    const { fake, vault } = await s3House()
    const pack = await samplePack()
    await vault.put(pack)
    onlyPack(fake).body = Buffer.from('somebody was here')
    await assertHolds(vault, await vault.put(pack), pack)
    expect(packsIn(fake).size).toBe(1)
  })

  it('overwritten in a versioned bucket are still there by our locator', async () => {
    const { fake, vault, make } = await s3House({ versioning: true })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const [key] = [...packsIn(fake).keys()]
    const ours = onlyPack(fake)
    if (key === undefined) expect.unreachable()
    fake.store.get(key)?.push({ ...ours, versionId: 'foreign', body: Buffer.from('somebody was here'), etag: '"00"' })
    await assertHolds(await opened(make()), at, pack)
    expect(await vault.status(at)).toBe('held')
  })

  it('that stop half-way are unreachable, and a retrying vault goes on where they stopped', async () => {
    const { fake, vault } = await s3House()
    const pack = await samplePack({ blocks: 2, blockLength: MIB })
    const at = await vault.put(pack)
    const whole = { cid: pack.root, offset: 0, length: pack.byteLength }
    fake.faults.truncate200 = 1
    await expect(readAll(vault, at, whole)).rejects.toMatchObject({ code: 'unreachable' })
    fake.faults.truncate200 = 2
    fake.faults.log.length = 0
    const patient = retrying(vault, { sleep: async () => undefined })
    await assertHolds(patient, at, pack)
    expect(fake.faults.truncate200).toBe(0)
  })
})

describe('a store that is too busy', () => {
  it('is asked again after the time it named', async () => {
    const { fake, vault } = await s3House()
    const pack = await samplePack()
    const at = await vault.put(pack)
    const waits: number[] = []
    const sleep = async (ms: number) => {
      waits.push(ms)
    }
    const patient = retrying(vault, { sleep, random: () => 0 })
    const methods = await everyMethod(patient, at, pack)
    for (const name of ['locate', 'status', 'read', 'list']) {
      fake.faults.slowDown = { times: 1, retryAfterSeconds: 7 }
      await methods[name]?.()
      expect(fake.faults.slowDown.times, name).toBe(0)
    }
    expect(waits).toEqual([7_000, 7_000, 7_000, 7_000])
    fake.faults.slowDown = { times: 1, retryAfterSeconds: 7 }
    await expect(methods['put with replace']?.(), 'a put is not repeated').rejects.toMatchObject({
      code: 'unreachable',
      retryAfterMs: 7_000,
    })
    expect(waits).toHaveLength(4)
  })

  it('is asked once by the vault itself', async () => {
    const { fake, vault } = await s3House()
    const { name } = await samplePack()
    fake.faults.log.length = 0
    fake.faults.slowDown = { times: 1_000 }
    await expect(vault.locate(name)).rejects.toMatchObject({ code: 'unreachable' })
    // `locate` looks under both kinds, but stops at the first that is not answered.
    expect(fake.faults.log).toHaveLength(1)
  })
})

describe('a listing', () => {
  it('whose session expires midway gives what it has, then denied; with a new one it is whole', async () => {
    const { fake, vault: writer, make } = await s3House({ pageLimit: 2 })
    for (let number = 0; number < 5; number++) await writer.put(await samplePack({ seed: `listed ${number}` }))
    const vault = await opened(make({ sessionToken: fake.sessionToken }))
    fake.faults.only = ({ op }) => op === 'ListObjectsV2'
    fake.faults.expireSession = 1
    const found: Listed[] = []
    await expect(allListed(vault, found)).rejects.toMatchObject({ code: 'denied' })
    expect(found).toHaveLength(2)
    heal(fake.faults)
    expect(await allListed(vault)).toHaveLength(5)
  })

  it('of which one page is a page of a proxy is not taken for a shorter one', async () => {
    for (const rules of [{ pageLimit: 2 }, { pageLimit: 2, versioning: true }]) {
      const { fake, vault } = await s3House(rules)
      for (let number = 0; number < 5; number++) await vault.put(await samplePack({ seed: `listed ${number}` }))
      let pages = 0
      fake.faults.only = ({ op }) => op.startsWith('List') && ++pages === 2
      fake.faults.html200 = 1
      await expect(allListed(vault)).rejects.toMatchObject({ code: 'unreachable' })
      heal(fake.faults)
      expect(await allListed(vault)).toHaveLength(5)
    }
  })

  it('passes over what is not ours', async () => {
    const { fake, vault } = await s3House({}, { prefix: 'mine/' })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const ours = onlyPack(fake)
    for (const key of [
      'mine/packs/notes.txt',
      'mine/packs/aa/baaa.car',
      'mine/other/x',
      [...packsIn(fake).keys()].join().slice('mine/'.length),
    ])
      fake.store.set(key, [{ ...ours }])
    expect((await allListed(vault)).map((listed) => listed.at)).toEqual([at])
  })
})
