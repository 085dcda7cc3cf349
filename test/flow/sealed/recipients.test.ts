import { join } from 'node:path'
import { Decrypter } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import type { Archive, Pack, RecipientsEvent, Vault } from '../../../src/contracts.ts'
import { toCID } from '../../../src/format/address.ts'
import { LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { readFile } from '../../../src/format/unixfs-export.ts'
import { all, bytesOf, files, type Member, noise, only, treeOf } from '../house.ts'
import { alice, bob, type KeyPair, keyPair, sealedHouse } from './keys.ts'
import { blocksIn, headerPacks, keyedFleet, packsOf } from './shred-house.ts'

const carol = await keyPair('carol')
const LEAF = LEAF_PLAINTEXT_BYTES

/** The DAG of a file in a member's packs, opened by the stock package. */
async function stock(member: Member, root: string, { identity }: KeyPair): Promise<Buffer> {
  const { CarReader } = await import('@ipld/car')
  const blocks = new Map<string, Uint8Array>()
  for (const bytes of member.store.values())
    for await (const block of (await CarReader.fromBytes(bytes)).blocks()) blocks.set(block.cid.toString(), block.bytes)
  const file = await bytesOf(readFile(toCID(root), async (cid) => blocks.get(cid.toString()) ?? new Uint8Array(0)))
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return Buffer.from(await decrypter.decrypt(file))
}

const refused = /no identity matched/

/** Opens the archive of a house with another identity. */
const as = async (built: { reopen(config: object): Promise<Archive> }, { identity }: KeyPair) => built.reopen({ identities: [identity] })

describe('changing recipients of a file of several leaves', () => {
  it('lets the new one in and the removed one out, for stock tools as well', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const content = noise(3 * LEAF + 77)
    const { root } = await built.archive.put(content, { name: 'plan.pdf', mediaType: 'application/pdf' })
    expect(await built.archive.recipients(root)).toEqual([alice.recipient])
    const added = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    expect(added).toMatchObject({
      previous: root,
      recipients: [alice.recipient, bob.recipient],
      added: [bob.recipient],
      removed: [],
      files: 1,
    })
    expect(added.root).not.toBe(root)
    const removed = await built.archive.changeRecipients(added.root, { remove: [alice.recipient] })
    expect((await stock(built.members.disk, removed.root, bob)).equals(content)).toBe(true)
    await expect(stock(built.members.disk, removed.root, alice)).rejects.toThrow(refused)
    await expect(bytesOf(built.archive.get(removed.root))).rejects.toMatchObject({ code: 'wrong-identity' })
    const theirs = await as(built, bob)
    expect((await bytesOf(theirs.get(removed.root))).equals(content)).toBe(true)
    expect(
      (await bytesOf(theirs.get(removed.root, { range: { offset: 2 * LEAF - 5, length: 10 } }))).equals(
        content.subarray(2 * LEAF - 5, 2 * LEAF + 5),
      ),
    ).toBe(true)
    expect(only(await all(theirs.objects()))).toMatchObject({ root: removed.root, name: 'plan.pdf' })
    expect(await theirs.verify(removed.root, { level: 'whole' })).toMatchObject({ state: 'satisfied' })
  })

  it('stores a header and the nodes above it, and no payload', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(5 * LEAF))
    const [payload] = await packsOf(built, root, false)
    const puts = recordPuts(built.vaults)
    const watched = await built.reopen({ vaults: puts.vaults })
    const read = () => built.members.disk.faults.bytesRead + built.members.nas.faults.bytesRead
    const before = read()
    let toSeal = 0
    const onProgress = (event: RecipientsEvent) => {
      if (event.type === 'sealed') toSeal = read() - before
    }
    const report = await watched.changeRecipients(root, { add: [bob.recipient], onProgress })
    expect(report).toMatchObject({ storedAnew: 0 })
    expect(report.bytesStored).toBeLessThan(5_000)
    // The header and the nodes; the challenges that follow are those of any put.
    expect(toSeal).toBeLessThan(2_000)
    const content = puts.packs.filter(({ kind }) => kind === 'content')
    expect(content.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(2 * 5_000)
    expect(content.map(({ name }) => name.toString())).not.toContain(payload)
    expect(await packsOf(built, report.root, false)).toContain(payload)
  })

  it('names where the old header stays, since payload shares its pack', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(3 * LEAF))
    const { oldHeaders, notes } = await built.archive.changeRecipients(root, { set: [bob.recipient] })
    expect(oldHeaders).toHaveLength(2)
    for (const header of oldHeaders) expect(header).toMatchObject({ retired: false, reason: expect.stringContaining('payload') })
    expect(notes.join(' ')).toMatch(/removed reader keeps.*--rekey/s)
    await expect(built.archive.get(root)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'unknown-root',
      message: expect.stringContaining('other recipients'),
    })
  })

  it('stores a payload block anew that no replica can be relied on for', async () => {
    const built = await keyedFleet(['disk'], { policy: { copies: 1 } })
    const content = noise(3 * LEAF)
    const { root } = await built.archive.put(content)
    const [payload = ''] = await packsOf(built, root, false)
    const bytes = built.members.disk.store.get(`content/${payload}`) ?? new Uint8Array()
    built.members.disk.faults.flip = { where: 'all', offset: bytes.byteLength - 500 }
    await built.archive.verify(root, { level: 'whole' })
    built.members.disk.faults.flip = undefined
    const report = await built.archive.changeRecipients(root, { set: [bob.recipient] })
    expect(report.bytesStored).toBeGreaterThan(3 * LEAF)
    expect((await stock(built.members.disk, report.root, bob)).equals(content)).toBe(true)
  })
})

describe('changing recipients of a small file', () => {
  it('stores it anew, says so, and removes the old one wherever it can be', async () => {
    const built = await keyedFleet(['disk', 'nas', 'ever'], { profiles: { ever: { canForget: false } }, policy: { copies: 3 } })
    const { root } = await built.archive.put(Buffer.from('short'))
    const report = await built.archive.changeRecipients(root, { set: [bob.recipient] })
    expect(report).toMatchObject({ files: 1, storedAnew: 1 })
    expect(Object.fromEntries(report.oldHeaders.map(({ vault, retired }) => [vault, retired]))).toEqual({
      disk: true,
      nas: true,
      ever: false,
    })
    expect(report.oldHeaders.find(({ vault }) => vault === 'ever')?.reason).toContain('cannot forget')
    expect((await stock(built.members.ever, report.root, bob)).toString()).toBe('short')
  })

  it('keeps the old one beside it on request', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(Buffer.from('short'))
    const report = await built.archive.changeRecipients(root, { set: [bob.recipient], keepOld: true })
    expect((await bytesOf(built.archive.get(root))).toString()).toBe('short')
    expect(report.oldHeaders).toEqual([])
    expect(report.notes.join(' ')).toContain('still there')
  })
})

describe('changing recipients of a directory', () => {
  it('re-wraps each file and seals the index anew; names, times and links stay', async () => {
    const built = await sealedHouse()
    const source = await files(join(built.folder, 'tree'), {
      'a.txt': 'a',
      'sub/big.bin': noise(2 * LEAF + 5),
      'sub/same.txt': 'a',
      'empty.txt': '',
    })
    const { root } = await built.archive.put(source)
    const before = await all(built.archive.entries(root))
    const report = await built.archive.changeRecipients(root, { add: [bob.recipient], remove: [alice.recipient] })
    expect(report.files).toBe(report.storedAnew + 1)
    expect(report.bytesStored).toBeLessThan(30_000)
    await expect(all(built.archive.entries(report.root))).rejects.toMatchObject({ code: 'wrong-identity' })
    const theirs = await as(built, bob)
    const after = await all(theirs.entries(report.root))
    const known = ({ path, kind, byteLength, mode, mtime }: (typeof before)[number]) => ({ path, kind, byteLength, mode, mtime })
    expect(after.map(known)).toEqual(before.map(known))
    await theirs.restore(report.root, join(built.folder, 'out'))
    expect(await treeOf(join(built.folder, 'out'))).toEqual(await treeOf(source))
  })

  it('can be done twice, and verified and repaired without any key', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const source = await files(join(built.folder, 'tree'), { 'a.txt': 'a', 'big.bin': noise(2 * LEAF + 5) })
    const { root } = await built.archive.put(source)
    const first = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    const second = await built.archive.changeRecipients(first.root, { add: [carol.recipient] })
    expect(second.recipients).toEqual([alice.recipient, bob.recipient, carol.recipient])
    built.members.nas.store.clear()
    const keyless = await built.reopen({ identities: undefined, recipients: undefined })
    expect((await keyless.verify(second.root)).state).toBe('damaged')
    expect(await keyless.repair(second.root)).toMatchObject({ state: 'satisfied' })
    const theirs = await built.reopen({ identities: [carol.identity] })
    await theirs.restore(second.root, join(built.folder, 'out'))
    expect(await treeOf(join(built.folder, 'out'))).toEqual(await treeOf(source))
  })
})

describe('rekey', () => {
  it('shares no block with the object before, so an old header opens nothing of it', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const source = await files(join(built.folder, 'tree'), { 'a.txt': 'a', 'big.bin': noise(2 * LEAF + 5) })
    const { root } = await built.archive.put(source, { padding: 'padme' })
    const old = await packsOf(built, root, false)
    const report = await built.archive.changeRecipients(root, { set: [alice.recipient], rekey: true })
    expect(report).toMatchObject({ rekeyed: true, files: 2, storedAnew: 2 })
    for (const pack of await packsOf(built, report.root, false)) expect(old).not.toContain(pack)
    expect(report.oldHeaders.every(({ retired }) => retired)).toBe(true)
    await built.archive.restore(report.root, join(built.folder, 'out'))
    expect(await treeOf(join(built.folder, 'out'))).toEqual(await treeOf(source))
  })
})

describe('an erasable object', () => {
  it('stays erasable under new recipients; the old headers are shredded and certified', async () => {
    const built = await keyedFleet(['disk', 'nas', 'ever'], {
      profiles: { ever: { canForget: false } },
      policy: { copies: 3, erasable: { copies: 2 } },
    })
    const content = noise(3 * LEAF)
    const { root } = await built.archive.put(content, { erasable: true })
    const [old = ''] = await headerPacks(built, root)
    const report = await built.archive.changeRecipients(root, { set: [bob.recipient] })
    expect(report.certificate).toMatchObject({ state: 'complete', headers: [old], readableAs: [report.root] })
    expect(report.storedAnew).toBe(0)
    for (const member of Object.values(built.members)) expect(member.store.has(`content/${old}`)).toBe(false)
    const theirs = await as(built, bob)
    expect((await bytesOf(theirs.get(report.root))).equals(content)).toBe(true)
    for (const bytes of built.members.ever.store.values()) expect(Buffer.from(bytes).includes('age-encryption.org')).toBe(false)
    expect(await theirs.shred(report.root)).toMatchObject({ state: 'complete', readableAs: [] })
    await expect(bytesOf(theirs.get(report.root))).rejects.toMatchObject({ code: 'shredded' })
  })

  it('takes old headers along that a vault kept when it is shredded itself', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(3 * LEAF), { erasable: true })
    const [old = ''] = await headerPacks(built, root)
    built.members.nas.faults.removesNothing = true
    const report = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    expect(report.certificate?.state).toBe('incomplete')
    expect(report.notes.join(' ')).toContain(`perdure shred ${root}`)
    expect(built.members.nas.store.has(`content/${old}`)).toBe(true)
    expect((await bytesOf(built.archive.get(report.root))).byteLength).toBe(3 * LEAF)
    built.members.nas.faults.removesNothing = undefined
    const certificate = await built.archive.shred(report.root)
    expect(certificate.state).toBe('complete')
    expect(certificate.headers).toContain(old)
    expect(await blocksIn(built.members.nas, [old])).toEqual([])
    expect(await built.archive.status(root)).toMatchObject({ shredded: { complete: true } })
  })

  it('is not kept beside its successor', async () => {
    const { archive } = await sealedHouse()
    const { root } = await archive.put(noise(10), { erasable: true })
    await expect(archive.changeRecipients(root, { set: [bob.recipient], keepOld: true })).rejects.toMatchObject({ name: 'ConfigError' })
  })
})

describe('a change that broke off', () => {
  it('is finished by the same call, without sealing anything twice', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(3 * LEAF))
    Object.assign(built.members.disk.faults, { putFails: 9 })
    Object.assign(built.members.nas.faults, { putFails: 9 })
    const first = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    expect(first.receipt?.state).toBe('at-risk')
    expect(first.notes.join(' ')).toContain('not forgotten')
    expect((await bytesOf(built.archive.get(root))).byteLength).toBe(3 * LEAF)
    Object.assign(built.members.disk.faults, { putFails: undefined })
    Object.assign(built.members.nas.faults, { putFails: undefined })
    const second = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    expect(second.root).toBe(first.root)
    expect(second.receipt?.state).toBe('satisfied')
    expect(only(await all(built.archive.objects())).root).toBe(first.root)
  })
})

describe('bad input', () => {
  it('is a typed error that says what to do', async () => {
    const built = await sealedHouse()
    const { archive } = built
    const { root } = await archive.put(noise(10))
    const open = await archive.put(noise(10), { public: true })
    await expect(archive.changeRecipients(root, { remove: [alice.recipient] })).rejects.toMatchObject({ code: 'not-a-recipient' })
    await expect(archive.changeRecipients(root, { remove: [bob.recipient] })).rejects.toMatchObject({ code: 'not-a-recipient' })
    await expect(archive.changeRecipients(root, { add: [bob.identity] })).rejects.toMatchObject({ code: 'not-a-recipient' })
    await expect(archive.changeRecipients(root, { add: [bob.identity] })).rejects.not.toThrow(bob.identity)
    await expect(archive.changeRecipients(open.root, { add: [bob.recipient] })).rejects.toMatchObject({ code: 'not-sealed' })
    expect(await archive.changeRecipients(root, { add: [alice.recipient] })).toMatchObject({ root, previous: root, files: 0 })
    const without = await built.reopen({ identities: undefined })
    await expect(without.changeRecipients(root, { add: [bob.recipient] })).rejects.toMatchObject({ code: 'no-identity' })
    const wrong = await built.reopen({ identities: [bob.identity] })
    await expect(wrong.changeRecipients(root, { add: [bob.recipient] })).rejects.toMatchObject({ code: 'wrong-identity' })
  })
})

/** The same vaults, with every put written down. */
function recordPuts(vaults: readonly Vault[]): { readonly vaults: readonly Vault[]; readonly packs: Pack[] } {
  const packs: Pack[] = []
  const recording = vaults.map(
    (vault): Vault => ({
      ...vault,
      put: (pack, options) => {
        packs.push(pack)
        return vault.put(pack, options)
      },
    }),
  )
  return { vaults: recording, packs }
}
