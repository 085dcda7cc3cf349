import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { openCatalog } from '../../src/catalog/open.ts'
import { VaultError } from '../../src/errors.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memory } from '../../src/vaults/memory.ts'
import { all, bytesOf, fleet, house, noise, only, spooled, tempFolder, treeOf } from './house.ts'

const attempt = async (config: Parameters<typeof createArchive>[0]) => {
  const path = join(await tempFolder(), 'archive')
  const archive = await createArchive({ path, ...config })
  onTestFinished(() => archive.close())
  return archive
}

describe('a configuration that cannot keep its promise is refused when the archive is opened', () => {
  it('all vaults on IPFS', async () => {
    const vaults = ['p', 'q'].map((id) => memory({ id, network: 'ipfs', operator: id }))
    const refusal = {
      name: 'PolicyError',
      code: 'unreachable-floor',
      message: expect.stringMatching(/every vault is on IPFS: p .*q .*never trusted alone/),
    }
    await expect(attempt({ vaults })).rejects.toMatchObject(refusal)
    await expect(attempt({ vaults, policy: { floor: 0 } })).rejects.toMatchObject(refusal)
  })

  it('fewer operators outside IPFS than the floor wants; two directories on one device are one', async () => {
    const folder = await tempFolder()
    const vaults = ['a', 'b'].map((id) => directory({ id, at: join(folder, id) }))
    await expect(attempt({ vaults, policy: { copies: 2, floor: 2 } })).rejects.toMatchObject({
      name: 'PolicyError',
      code: 'unreachable-floor',
      message: expect.stringMatching(/floor wants 2 distinct operators outside IPFS, these vaults have 1: device-\d+/),
    })
    await expect(attempt({ vaults: [] })).rejects.toMatchObject({ code: 'unreachable-floor' })
  })

  it('two vaults of one name, a policy that contradicts itself, an archive that must exist and does not', async () => {
    await expect(attempt({ vaults: [memory({ id: 'a' }), memory({ id: 'a' })] })).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'invalid',
    })
    await expect(attempt({ vaults: [memory()], policy: { copies: 1, floor: 2 } })).rejects.toMatchObject({
      name: 'PolicyError',
      code: 'invalid',
    })
    const path = join(await tempFolder(), 'nothing')
    await expect(createArchive({ path, mustExist: true })).rejects.toMatchObject({ name: 'ConfigError', code: 'not-found' })
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

it('without any configuration one local copy is degraded, and says what to add', async () => {
  const archive = await attempt({})
  const receipt = await archive.put(noise(1_000))
  expect(receipt).toMatchObject({ state: 'degraded', complete: true })
  expect(receipt.missing[0]?.reason).toMatch(/1 of 2 copies confirmed.*add 1 more vault/)
})

it('the key is made once, with mode 0600, and signs for the archive ever after', async () => {
  const { archive, folder, reopen } = await fleet(['a', 'b'])
  const at = join(folder, 'archive', 'archive.key')
  expect((await stat(at)).mode & 0o777).toBe(0o600)
  const { publicKey } = archive
  expect((await reopen()).publicKey).toBe(publicKey)
  await writeFile(at, 'not a key\n')
  await expect(reopen()).rejects.toMatchObject({
    name: 'ConfigError',
    code: 'invalid',
    message: expect.stringMatching(/not a signing key of an archive/),
  })
  await writeFile(at, '')
  await expect(reopen()).rejects.toMatchObject({ name: 'ConfigError', code: 'invalid' })
})

describe('a vault that cannot be used right now does not keep the archive shut', () => {
  it.each<[string, (at: string) => Promise<unknown>]>([
    ['emptied', async (at) => Promise.all((await readdir(at)).map((name) => rm(join(at, name), { recursive: true })))],
    ['not mounted', (at) => rm(at, { recursive: true })],
    ['replaced by an empty folder', async (at) => [await rename(at, `${at}-away`), await mkdir(at)]],
  ])('a folder that was %s is unreachable, not empty, and nothing is written there', async (_, act) => {
    const { archive, folder, reopen } = await house()
    const { root } = await archive.put(noise(10_000))
    await act(join(folder, 'b'))
    expect((await archive.verify(root)).replicas.find(({ vault }) => vault === 'b')).toMatchObject({ verdict: 'unreachable' })
    const again = await reopen()
    const report = await again.verify(root)
    expect(report.state).toBe('unknown')
    expect(report.replicas.find(({ vault }) => vault === 'b')).toMatchObject({ verdict: 'unreachable', counts: true })
    expect(await again.repair(root)).toMatchObject({ state: 'unknown', actions: [] })
    const other = await again.put(noise(20_000, 'other'))
    expect(other).toMatchObject({ state: 'degraded', complete: false })
    expect((await bytesOf(again.get(root))).equals(noise(10_000))).toBe(true)
    expect(await treeOf(join(folder, 'b')).catch(() => ({}))).toEqual({})
  })

  it.each(['unreachable', 'denied', 'exhausted'] as const)('one that is %s when it is opened: the others serve', async (code) => {
    const { archive, vaults, reopen } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    const [a, b] = vaults
    if (!a || !b) expect.unreachable()
    const again = await reopen({ vaults: [a, { ...b, open: () => Promise.reject(new VaultError(code, 'b', 'not now')) }] })
    expect((await bytesOf(again.get(root))).equals(noise(1_000))).toBe(true)
    expect((await again.verify(root)).state).toBe('satisfied')
  })

  it('one that is set up wrongly is told at once', async () => {
    const { vaults, reopen } = await fleet(['a', 'b'])
    const [a, b] = vaults
    if (!a || !b) expect.unreachable()
    const broken = { ...b, open: () => Promise.reject(new VaultError('invalid', 'b', 'no such bucket name')) }
    await expect(reopen({ vaults: [a, broken] })).rejects.toMatchObject({ name: 'VaultError', code: 'invalid' })
  })
})

describe('the catalog', () => {
  it('that is corrupt is named and left as it is', async () => {
    const { folder, reopen, archive } = await fleet(['a', 'b'])
    await archive.close()
    const at = join(folder, 'archive', 'catalog.sqlite')
    await writeFile(at, noise(8_192))
    await expect(reopen()).rejects.toMatchObject({ name: 'CatalogError', code: 'corrupt', message: expect.stringMatching(/recover/) })
    expect((await stat(at)).size).toBe(8_192)
  })

  it('of a newer schema is refused', async () => {
    const { folder, reopen, archive } = await fleet(['a', 'b'])
    await archive.close()
    const newer = new Sqlite(join(folder, 'archive', 'catalog.sqlite'))
    newer.pragma('user_version = 99')
    newer.close()
    await expect(reopen()).rejects.toMatchObject({ name: 'CatalogError', code: 'newer-schema' })
  })

  it('that another process holds locked makes put fail with `locked`, leaves nothing, and works when it is let go', async () => {
    const folder = await tempFolder()
    const path = join(folder, 'catalog.sqlite')
    const { archive, members, folder: home } = await fleet(['a', 'b'], { catalog: await openCatalog({ path, busyTimeoutMs: 100 }) })
    const other = new Sqlite(path)
    onTestFinished(() => void other.close())
    other.exec('begin immediate')
    await expect(archive.put(noise(100_000))).rejects.toMatchObject({ name: 'CatalogError', code: 'locked' })
    expect(await spooled(home)).toEqual([])
    expect(members.a.store.size).toBe(0)
    expect(await all(archive.objects()), 'reading goes on').toEqual([])
    other.exec('rollback')
    expect(await archive.put(noise(100_000))).toMatchObject({ state: 'satisfied', complete: true })
    other.exec('begin immediate')
    const root = only(await all(archive.objects())).root
    expect((await bytesOf(archive.get(root))).equals(noise(100_000)), 'get needs no lock').toBe(true)
    await expect(archive.verify(root)).rejects.toMatchObject({ name: 'CatalogError', code: 'locked' })
    other.exec('rollback')
  })
})

it('close waits for what is under way, and a closed archive says so', async () => {
  const { archive } = await fleet(['a', 'b'])
  const { root } = await archive.put(noise(100))
  await Promise.all([archive.close(), archive.close()])
  await expect(archive.status(root)).rejects.toMatchObject({ name: 'CatalogError', message: expect.stringMatching(/closed/) })
})

it('explain names the vaults, what each is good for, and what cannot be met', async () => {
  const { archive } = await fleet(['a', 'b', 'pin'], {
    policy: { copies: 3, distinct: { region: 2 } },
    profiles: { a: { maxPackBytes: 1_000 }, pin: { network: 'ipfs' } },
  })
  const explanation = archive.explain({ byteLength: 5_000 })
  expect(explanation.satisfiable).toBe(false)
  expect(explanation.chosen).not.toContain('a')
  expect(explanation.unmet.map(({ constraint }) => constraint).sort()).toEqual(['copies', 'distinct.region'])
  expect(JSON.stringify(explanation)).toMatch(/takes packs of up to 1000 bytes/)
})
