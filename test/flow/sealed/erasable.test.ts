import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openCatalog } from '../../../src/catalog/open.ts'
import type { Context } from '../../../src/flow/context.ts'
import { replicate } from '../../../src/flow/replicate.ts'
import { toCID } from '../../../src/format/address.ts'
import { openSigned } from '../../../src/format/record.ts'
import { s3 } from '../../../src/s3.ts'
import { directory } from '../../../src/vaults/directory.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { faulty, noFaults } from '../../fakes/faulty.ts'
import { startFakeS3 } from '../../fakes/s3/server.ts'
import { bytesOf, files, house, noise, only, tempFolder } from '../house.ts'
import { sealedHouse } from './keys.ts'
import { blocksIn, headerPacks, keyedFleet } from './shred-house.ts'

const MIB = 1024 * 1024

describe('an erasable put', () => {
  it('reads like any other, a file and a directory', async () => {
    const { archive, folder } = await sealedHouse()
    const content = noise(2 * MIB + 5)
    const { root, state } = await archive.put(content, { erasable: true, name: 'deed.pdf' })
    expect(state).toBe('satisfied')
    expect((await bytesOf(archive.get(root))).equals(content)).toBe(true)
    expect((await bytesOf(archive.get(root, { range: { offset: MIB, length: 99 } }))).equals(content.subarray(MIB, MIB + 99))).toBe(true)
    const tree = await archive.put(await files(join(folder, 'tree'), { 'a.txt': 'a', 'sub/b.txt': noise(1_100_000) }), { erasable: true })
    expect((await bytesOf(archive.get(tree.root, { path: 'a.txt' }))).toString()).toBe('a')
  })

  it('keeps every header, and what is said of the object, out of vaults that cannot forget', async () => {
    const built = await keyedFleet(['disk', 'nas', 'ever'], { profiles: { ever: { canForget: false } }, policy: { copies: 3 } })
    const tree = await files(join(built.folder, 'tree'), { 'one.txt': 'one', 'sub/two.bin': noise(1_100_000), 'empty.txt': '' })
    const { root } = await built.archive.put(tree, { erasable: true })
    const headers = await headerPacks(built, root)
    expect(headers).toHaveLength(1)
    expect(await blocksIn(built.members.disk, headers)).toHaveLength(1 + 3 + 1)
    expect(await blocksIn(built.members.ever, headers)).toEqual([])
    for (const block of await blocksIn(built.members.disk, headers)) {
      expect(block.subarray(0, 22).toString()).toBe('age-encryption.org/v1\n')
      for (const bytes of built.members.ever.store.values()) expect(Buffer.from(bytes).includes(block)).toBe(false)
    }
    for (const bytes of built.members.ever.store.values()) expect(Buffer.from(bytes).includes('age-encryption.org/v1')).toBe(false)
  })

  it('gives each object of putAll headers of its own', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const receipts = await built.archive.putAll(
      [
        { path: 'a', content: noise(10) },
        { path: 'b', content: noise(20) },
      ],
      { erasable: true },
    )
    const packs = await Promise.all(receipts.map(({ root }) => headerPacks(built, root)))
    expect(packs.flat()).toHaveLength(2)
    expect(packs[0]).not.toEqual(packs[1])
  })

  it('is refused where vaults that can forget cannot meet the floor, before anything is read or placed', async () => {
    const built = await keyedFleet(['disk', 'ever', 'pins'], {
      profiles: { ever: { canForget: false }, pins: { network: 'ipfs' } },
      policy: { copies: 2, floor: 2 },
    })
    const refusal = built.archive.put(noise(1000), { erasable: true })
    await expect(refusal).rejects.toMatchObject({ name: 'PolicyError', code: 'unreachable-floor' })
    await expect(refusal).rejects.toThrow(/They are disk .*ever: it cannot forget.*pins: IPFS/)
    expect(built.members.disk.store.size).toBe(0)
    expect((await built.archive.totals()).objects).toBe(0)
    expect(await built.archive.put(noise(1000))).toMatchObject({ visibility: 'sealed' })
    const own = await built.reopen({ policy: { copies: 2, floor: 2, erasable: { copies: 1, floor: 1 } } })
    expect(await own.put(noise(1000), { erasable: true })).toMatchObject({ state: 'satisfied' })
  })

  it('counts nothing on a vault that could not be asked what it does with what it deletes', async () => {
    const built = await keyedFleet(['disk', 'nas'], { policy: { copies: 2, floor: 2 } })
    built.members.nas.faults.unreachable = true
    const without = await built.reopen()
    built.members.nas.faults.unreachable = undefined
    await expect(without.put(noise(10), { erasable: true })).rejects.toThrow(/nas: it did not answer/)
    const with_ = await built.reopen()
    expect(await with_.put(noise(10), { erasable: true })).toMatchObject({ state: 'satisfied' })
  })

  it('is refused for public content', async () => {
    const { archive } = await sealedHouse()
    await expect(archive.put(noise(10), { erasable: true, public: true })).rejects.toMatchObject({ name: 'ConfigError', code: 'invalid' })
  })

  it('is refused together with retention', async () => {
    const { archive } = await keyedFleet(['disk'], { profiles: { disk: { canRetain: true } } })
    const retain = { until: new Date(Date.UTC(2099, 0)) }
    await expect(archive.put(noise(10), { erasable: true, retain })).rejects.toMatchObject({ name: 'ConfigError', code: 'invalid' })
  })

  it('says in its record which packs are headers, and carries no attributes in index packs', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(10), { erasable: true, name: 'secret name' })
    const headers = await headerPacks(built, root)
    const records = []
    for (const block of await blocksIn(built.members.disk, 'index')) {
      const statement = await openSigned(block).catch(() => undefined)
      if (statement?.kind === 'record') records.push(statement)
      expect(block.includes('age-encryption.org')).toBe(false)
    }
    expect(records).toHaveLength(1)
    const erasable = records[0]?.packs.filter((pack) => pack.erasable).map(({ toc }) => toc.toString())
    expect(erasable).toEqual(headers)
    expect(records[0]?.attributes).toHaveLength(1)
  })
})

describe.each([
  ['keeps versions', { versioning: true }, {}],
  ['locks what it gets', { objectLock: true }, { lock: { mode: 'GOVERNANCE' as const, days: 1 } }],
])('a bucket that %s', (_, rules, options) => {
  it('gets no headers, also when it would be the only one left', async () => {
    const fake = await startFakeS3(rules)
    onTestFinished(() => fake.close())
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = fake
    const vault = s3({ id: 'bucket', endpoint, bucket, region, accessKeyId, secretAccessKey, ...options })
    const made = await sealedHouse({ vaults: [directory({ id: 'a', at: join(await tempFolder(), 'a') }), vault] })
    const { root, state, missing } = await made.archive.put(noise(1000), { erasable: true })
    expect(state).toBe('degraded')
    expect(missing[0]?.reason).toContain('erasable header')
    const repaired = await made.archive.repair(root)
    expect(repaired.actions.filter(({ vault: id }) => id === 'bucket')).toEqual([])
    for (const versions of fake.store.values())
      for (const { body } of versions) expect(Buffer.from(body).includes('age-encryption.org')).toBe(false)
  })
})

describe('bringing a pack of headers somewhere', () => {
  it('ends before the vault is called where it could not be deleted, whoever planned it', async () => {
    const { folder } = await house()
    const catalog = await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })
    onTestFinished(() => catalog.close())
    const faults = noFaults()
    const vault = faulty(memory({ id: 'ever', canForget: false }), faults)
    const context = {
      catalog,
      vaults: new Map([['ever', vault]]),
      unopened: new Map(),
      clock: Date.now,
    } as Partial<Context> as Context
    const name = toCID('bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi')
    const pack = { id: 1, name, root: name, kind: 'content', visibility: 'sealed', byteLength: 1, blockCount: 1, spooled: true } as const
    const place = (erasable: boolean) => replicate(context, [{ pack: { ...pack, erasable }, vaults: ['ever'] }], { probes: async () => [] })
    expect(only(await place(true))).toMatchObject({ outcome: 'failed', error: { code: 'unsupported' } })
    expect(faults.calls).toEqual({})
  })
})

describe('repair of an erasable object', () => {
  it('replaces a lost header in another vault that can forget, never in one that cannot', async () => {
    const built = await keyedFleet(['disk', 'nas', 'ever'], { profiles: { ever: { canForget: false } }, policy: { copies: 2, floor: 1 } })
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    built.members.nas.store.delete(`content/${header}`)
    expect(await built.archive.repair(root)).toMatchObject({ state: 'satisfied' })
    expect(built.members.nas.store.has(`content/${header}`)).toBe(true)
    expect(built.members.ever.store.has(`content/${header}`)).toBe(false)
    const one = await built.reopen({ vaults: built.vaults.filter(({ profile }) => profile.id !== 'nas') })
    const report = await one.repair(root)
    expect(report.state).toBe('degraded')
    expect(built.members.ever.store.has(`content/${header}`)).toBe(false)
  })

  it('refuses to bring headers to a vault that came to keep versions, even where it holds them', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    built.members.nas.store.delete(`content/${header}`)
    const vaults = built.vaults.map((vault) =>
      vault.profile.id === 'nas' ? { ...vault, profile: { ...vault.profile, canForget: false }, open: undefined } : vault,
    )
    const turned = await built.reopen({ vaults: vaults as never })
    const report = await turned.repair(root)
    expect(report.actions).toEqual([])
    expect(built.members.nas.store.has(`content/${header}`)).toBe(false)
  })
})
