import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { readAll } from '../../../src/conformance/vault-context.ts'
import type { Locator, Vault } from '../../../src/contracts.ts'
import { keyOf } from '../../../src/vaults/s3/keys.ts'
import { endRestores } from '../../fakes/s3/cold.ts'
import { fakeS3, openedOn, vaultOn } from './on-fake.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const readable = async (vault: Vault, at: Locator, pack: Awaited<ReturnType<typeof samplePack>>) =>
  (await readAll(vault, at, { cid: pack.root, offset: 0, length: pack.byteLength })).byteLength === pack.byteLength

async function frozen(storageClass: string, rules = {}) {
  const fake = await fakeS3(rules)
  const vault = await openedOn(fake, { storageClass })
  const pack = await samplePack({ seed: storageClass })
  const at = await vault.put(pack)
  const version = fake.store.get(keyOf('', pack.name, 'content'))?.[0]
  if (!version) throw new RangeError('it was not stored')
  return { fake, vault, pack, at, version }
}

describe.each(['GLACIER', 'DEEP_ARCHIVE'])('a pack in %s', (storageClass) => {
  it('is frozen, cannot be read, and says that it must be restored first', async () => {
    const { vault, pack, at } = await frozen(storageClass)
    expect(vault.profile.cold).toBe(true)
    expect(await vault.warmth?.(at)).toEqual({ state: 'frozen' })
    await expect(readable(vault, at, pack)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('restore it first'),
    })
    expect(await vault.status(at), 'it is there all the same').toBe('held')
    expect(await vault.locate(pack.name)).toBe(at)
  })

  it('is thawed once however often that is asked, then read, then frozen again', async () => {
    const { fake, vault, pack, at, version } = await frozen(storageClass)
    expect(await vault.thaw?.(at, { days: 3, tier: 'bulk' })).toEqual({ state: 'thawing' })
    expect(await vault.thaw?.(at, { days: 3 })).toEqual({ state: 'thawing' })
    expect(fake.faults.counts.RestoreObject).toBe(1)
    endRestores(fake.store)
    const found = await vault.warmth?.(at)
    expect(found?.state).toBe('readable')
    expect(Math.abs((found?.until?.getTime() ?? 0) - Date.now() - 3 * DAY_MS)).toBeLessThanOrEqual(DAY_MS)
    expect(await readable(vault, at, pack)).toBe(true)
    expect(await vault.thaw?.(at, { days: 3 }), 'it stays long enough').toEqual(found)
    expect(fake.faults.counts.RestoreObject).toBe(1)
    version.restore = { ongoing: false, until: Date.now() - 1 }
    expect(await vault.warmth?.(at)).toEqual({ state: 'frozen' })
  })

  it('stays readable longer when more days are asked for', async () => {
    const { fake, vault, at } = await frozen(storageClass)
    await vault.thaw?.(at, { days: 1 })
    endRestores(fake.store)
    const longer = await vault.thaw?.(at, { days: 30 })
    expect(longer?.state).toBe('readable')
    expect(longer?.until?.getTime()).toBeGreaterThan(Date.now() + 29 * DAY_MS)
  })

  it('that another process is restoring already is thawing', async () => {
    const { fake, vault, at, version } = await frozen(storageClass)
    fake.faults.only = ({ op }) => op === 'RestoreObject'
    fake.faults.latencyMs = 50
    const asked = vault.thaw?.(at, { days: 1 })
    await new Promise((resolve) => setTimeout(resolve, 25))
    version.restore = { ongoing: true, days: 1 }
    expect(await asked).toEqual({ state: 'thawing' })
  })
})

it('a restore of Deep Archive within minutes is refused as invalid', async () => {
  const { vault, at } = await frozen('DEEP_ARCHIVE')
  await expect(vault.thaw?.(at, { days: 1, tier: 'expedited' })).rejects.toMatchObject({ code: 'invalid' })
})

it('a pack in Glacier Instant Retrieval is read at once, and nobody asks for a restore', async () => {
  const { fake, vault, pack, at } = await frozen('GLACIER_IR')
  expect(vault.profile.cold).toBe(false)
  expect(await readable(vault, at, pack)).toBe(true)
  expect(await vault.thaw?.(at, { days: 1 })).toEqual({ state: 'readable' })
  expect(fake.faults.counts.RestoreObject).toBeUndefined()
})

it('a pack that Intelligent-Tiering has archived is frozen until a restore without days brings it back for good', async () => {
  const { fake, vault, pack, at, version } = await frozen('INTELLIGENT_TIERING')
  expect(await vault.warmth?.(at)).toEqual({ state: 'readable' })
  version.archived = 'ARCHIVE_ACCESS'
  expect(await vault.warmth?.(at)).toEqual({ state: 'frozen' })
  await expect(readable(vault, at, pack)).rejects.toMatchObject({ code: 'unsupported' })
  expect(await vault.thaw?.(at, { days: 5 })).toEqual({ state: 'thawing' })
  endRestores(fake.store)
  expect(await vault.warmth?.(at)).toEqual({ state: 'readable' })
  expect(await readable(vault, at, pack)).toBe(true)
})

it('a store that knows no restore says so as unsupported', async () => {
  const { vault, at } = await frozen('GLACIER', { restores: false })
  await expect(vault.thaw?.(at, { days: 1 })).rejects.toMatchObject({ code: 'unsupported' })
})

it('what is gone is absent, and a page of a proxy is not absence', async () => {
  const { fake, vault, at } = await frozen('GLACIER')
  fake.store.clear()
  await expect(vault.warmth?.(at)).rejects.toMatchObject({ code: 'absent' })
  await expect(vault.thaw?.(at, { days: 1 })).rejects.toMatchObject({ code: 'absent' })
  fake.faults.bucketGone = true
  await expect(vault.warmth?.(at)).rejects.toMatchObject({ code: 'invalid' })
  const other = vaultOn(fake, { secretAccessKey: 'wrong' })
  await expect(other.warmth?.(at)).rejects.toMatchObject({ code: 'denied' })
})
