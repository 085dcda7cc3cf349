import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createArchive } from '../../../src/archive.ts'
import type { ShredCertificate, Vault } from '../../../src/contracts.ts'
import { verifyCertificate } from '../../../src/format/certificate.ts'
import { openSigned, type TombstoneStatement } from '../../../src/format/record.ts'
import type { FaultyVerb } from '../../fakes/faulty.ts'
import { all, bytesOf, noise, only } from '../house.ts'
import { sealedHouse } from './keys.ts'
import { blocksIn, headerPacks, keyedFleet, packsOf } from './shred-house.ts'

const standings = ({ vaults }: ShredCertificate) => Object.fromEntries(vaults.map(({ vault, standing }) => [vault, standing]))

describe('shredding', () => {
  it('deletes every copy of the header, asks afterwards, and certifies it', async () => {
    const built = await keyedFleet(['disk', 'nas', 'ever'], {
      profiles: { ever: { canForget: false, term: 'perpetual' } },
      policy: { copies: 3 },
    })
    const { root } = await built.archive.put(noise(1_500_000), { erasable: true })
    const headers = await headerPacks(built, root)
    const content = await packsOf(built, root, false)
    const certificate = await built.archive.shred(root)
    expect(certificate).toMatchObject({ version: 1, kind: 'shred', root, state: 'complete', headers })
    expect(standings(certificate)).toEqual({ disk: 'absent', nas: 'absent', ever: 'absent' })
    expect(certificate.vaults.every(({ at }) => Date.parse(at) >= Date.parse(certificate.begun))).toBe(true)
    expect(certificate.excluded.join(' ')).toMatch(/opened the object before.*backups/s)
    expect(certificate.remaining.map(({ vault, pack, kept }) => [vault, pack, kept]).sort()).toEqual([
      ['disk', content[0], 'until-removed'],
      ['ever', content[0], 'for-ever'],
      ['nas', content[0], 'until-removed'],
    ])
    for (const member of Object.values(built.members)) {
      expect(await blocksIn(member, headers)).toEqual([])
      for (const bytes of member.store.values()) expect(Buffer.from(bytes).includes('age-encryption.org')).toBe(false)
    }
    expect(await readdir(join(built.folder, 'archive', 'spool', 'packs'))).toEqual([])
    expect(await verifyCertificate(certificate, built.archive.publicKey)).toBe(true)
    expect(await verifyCertificate({ ...certificate, state: 'incomplete' })).toBe(false)
    expect(await built.archive.certificate(root)).toEqual(certificate)
  })

  it('leaves an object that nothing opens: get, entries and restore say so, verify and repair ask nothing of it', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    await built.archive.shred(root)
    const puts = built.members.disk.faults.calls.put
    for (const attempt of [
      () => bytesOf(built.archive.get(root)),
      () => all(built.archive.entries(root)),
      () => built.archive.restore(root, join(built.folder, 'out')),
    ])
      await expect(attempt()).rejects.toMatchObject({ name: 'ArchiveError', code: 'shredded' })
    expect(await built.archive.verify(root, { level: 'whole' })).toMatchObject({ state: 'satisfied', shredded: { complete: true } })
    expect(await built.archive.repair(root)).toMatchObject({ actions: [], state: 'satisfied' })
    for await (const report of built.archive.repairAll()) expect(report.actions).toEqual([])
    expect(built.members.disk.faults.calls.put).toBe(puts)
    expect(built.members.disk.store.has(`content/${header}`)).toBe(false)
    expect(only(await all(built.archive.objects()))).toMatchObject({ root, erasable: true, shredded: expect.any(String) })
  })

  it('is not undone by repair when a copy of the header comes to light again', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    const kept = built.members.disk.store.get(`content/${header}`) ?? new Uint8Array()
    await built.archive.shred(root)
    built.members.disk.store.set(`content/${header}`, kept)
    for await (const report of built.archive.repairAll()) expect(report.actions).toEqual([])
    expect(built.members.nas.store.has(`content/${header}`)).toBe(false)
    expect(await built.archive.shred(root)).toMatchObject({ state: 'complete' })
    expect(built.members.disk.store.has(`content/${header}`)).toBe(false)
  })

  it('publishes a signed tombstone that names the headers', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const certificate = await built.archive.shred(root)
    await built.archive.shred(root)
    const tombstones: TombstoneStatement[] = []
    for (const block of await blocksIn(built.members.nas, 'index')) {
      const statement = await openSigned(block).catch(() => undefined)
      if (statement?.kind === 'tombstone') tombstones.push(statement)
    }
    const tombstone = only(tombstones)
    expect(tombstone.root.toString()).toBe(root)
    expect(tombstone.shred?.packs.map(String)).toEqual(certificate.headers)
    expect(certificate.tombstone.vaults.toSorted()).toEqual(['disk', 'nas'])
  })

  it('leaves the ciphertext to rm, after which the certificate is still there', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const certificate = await built.archive.shred(root)
    const report = await built.archive.rm(root)
    expect(report.kept).toEqual([])
    expect([...built.members.disk.store.keys()].filter((at) => at.startsWith('content/'))).toEqual([])
    await expect(bytesOf(built.archive.get(root))).rejects.toMatchObject({ code: 'shredded' })
    expect(await built.archive.certificate(root)).toEqual(certificate)
    expect(await built.archive.shred(root)).toEqual(certificate)
  })

  it('does not touch the other objects of the same put', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const [one, two] = await built.archive.putAll(
      [
        { path: 'a', content: noise(10) },
        { path: 'b', content: Buffer.from('stays') },
      ],
      {
        erasable: true,
      },
    )
    await built.archive.shred(one?.root ?? '')
    expect((await bytesOf(built.archive.get(two?.root ?? ''))).toString()).toBe('stays')
    expect(await built.archive.verify(two?.root ?? '')).toMatchObject({ state: 'satisfied' })
    await expect(bytesOf(built.archive.get(one?.root ?? ''))).rejects.toMatchObject({ code: 'shredded' })
  })

  it('leaves in the spool what another object of the same put still waits for', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    for (const { faults } of Object.values(built.members)) faults.putFails = 99
    const entries = [
      { path: 'a', content: noise(10) },
      { path: 'b', content: Buffer.from('stays') },
    ]
    const [one, two] = await built.archive.putAll(entries, { erasable: true })
    for (const { faults } of Object.values(built.members)) faults.putFails = undefined
    await built.archive.shred(one?.root ?? '')
    await built.archive.verify(one?.root ?? '')
    expect(await built.archive.repair(two?.root ?? '')).toMatchObject({ state: 'satisfied' })
    expect((await bytesOf(built.archive.get(two?.root ?? ''))).toString()).toBe('stays')
  })

  it('refuses what was not put as erasable, and says what to do', async () => {
    const { archive } = await sealedHouse()
    const { root } = await archive.put(noise(10))
    await expect(archive.shred(root)).rejects.toMatchObject({ name: 'ArchiveError', code: 'not-erasable' })
    await expect(archive.shred(root)).rejects.toThrow(/perdure rm.*put --erasable/)
    expect(await archive.verify(root)).toMatchObject({ state: 'satisfied' })
    await expect(archive.shred('bafkqaaa')).rejects.toMatchObject({ code: 'unknown-root' })
  })
})

describe('a vault that does not go along', () => {
  it.each([
    ['says that it removed and holds it still', { removesNothing: true }, 'held'],
    ['does not answer', { unreachable: true as const }, 'unreachable'],
    ['refuses', { denied: 0 }, 'denied'],
    ['hangs', { hangVerbs: ['remove', 'locate', 'status'] as FaultyVerb[] }, 'unreachable'],
  ])('that %s is named, and the next call finishes', async (_, faults, standing) => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    Object.assign(built.members.nas.faults, faults)
    const certificate = await built.archive.shred(root)
    expect(certificate.state).toBe('incomplete')
    expect(standings(certificate)).toEqual({ disk: 'absent', nas: standing })
    expect(await built.archive.status(root)).toMatchObject({ state: 'unknown', shredded: { complete: false } })
    await expect(built.archive.rm(root)).rejects.toMatchObject({ code: 'shredded' })
    await expect(bytesOf(built.archive.get(root))).rejects.toMatchObject({ code: 'shredded' })
    expect((await built.archive.repair(root)).actions).toEqual([])
    Object.assign(built.members.nas.faults, { removesNothing: undefined, unreachable: undefined, denied: undefined, hangVerbs: undefined })
    expect(await built.archive.shred(root)).toMatchObject({ state: 'complete', begun: certificate.begun })
    expect(await built.archive.status(root)).toMatchObject({ state: 'satisfied', shredded: { complete: true } })
  })

  it('that says it is gone and still gives the bytes is not believed', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const liar = built.vaults.map((vault) =>
      vault.profile.id === 'nas'
        ? { ...vault, remove: async () => undefined, locate: async () => undefined, status: async () => 'absent' as const }
        : vault,
    )
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const lying = await built.reopen({ vaults: liar })
    const certificate = await lying.shred(root)
    expect(certificate).toMatchObject({ state: 'incomplete' })
    expect(certificate.vaults.find(({ vault }) => vault === 'nas')).toMatchObject({
      standing: 'held',
      detail: expect.stringContaining('gave its bytes'),
    })
  })

  it('and is not configured any more leaves it incomplete until it is reset', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const without = await built.reopen({ vaults: built.vaults.slice(0, 1) })
    expect(standings(await without.shred(root))).toEqual({ disk: 'absent', nas: 'unconfigured' })
    await without.resetVault('nas')
    expect(await without.shred(root)).toMatchObject({ state: 'complete' })
  })
})

describe('a repair that is still under way', () => {
  it('does not carry a header on from a vault that did not delete it', async () => {
    // Neither vault alone holds the floor: the spool is not cleared for another reason.
    const built = await keyedFleet(['disk', 'nas'], { policy: { copies: 2, floor: 2 } })
    const { root } = await built.archive.put(noise(1000), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    built.members.disk.store.delete(`content/${header}`)
    let shredding: Promise<ShredCertificate> | undefined
    let reads = 0
    let challenged = Number.POSITIVE_INFINITY
    const gated = built.vaults.map(
      (vault): Vault => ({
        ...vault,
        async *read(at, span, options) {
          if (vault.profile.id === 'nas' && at.includes(header) && ++reads > challenged) {
            shredding ??= other.shred(root)
            await shredding
          }
          yield* vault.read(at, span, options)
        },
      }),
    )
    built.members.nas.faults.removesNothing = true
    const repairing = await built.reopen({ vaults: gated, timeoutMs: 20_000 })
    const other = await createArchive({ path: repairing.path, vaults: built.vaults, clock: built.clock, timeoutMs: 200 })
    try {
      await repairing.verify(root)
      // Repair challenges as often, and then fetches the header to copy it.
      challenged = 2 * reads
      await repairing.repair(root)
      expect((await shredding)?.state).toBe('incomplete')
    } finally {
      await other.close()
    }
    expect(built.members.disk.store.has(`content/${header}`)).toBe(false)
    expect(await readdir(join(built.folder, 'archive', 'spool', 'packs'))).toEqual([])
  })
})

describe('a put that is still under way', () => {
  it('brings no header anywhere once shredding has begun', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    built.members.nas.faults.putFails = 9
    const { root } = await built.archive.put(noise(1000), { erasable: true, until: 'accepted' })
    built.members.nas.faults.putFails = undefined
    const [header = ''] = await headerPacks(built, root)
    await built.archive.shred(root)
    await built.archive.repair(root)
    for (const member of Object.values(built.members)) expect(member.store.has(`content/${header}`)).toBe(false)
    await expect(access(join(built.folder, 'archive', 'spool', 'packs', `${header}.car`))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('loses the race with shredding that begins in the middle of it', async () => {
    const built = await keyedFleet(['disk', 'nas'])
    let shredding: Promise<ShredCertificate> | undefined
    const receipt = await built.archive.put(noise(1000), {
      erasable: true,
      onProgress: (event) => {
        if (event.type === 'sealed') shredding = built.archive.shred(event.root)
      },
    })
    expect(await shredding).toMatchObject({ state: 'complete' })
    const [header = ''] = await headerPacks(built, receipt.root)
    expect(receipt.state).not.toBe('degraded')
    for (const member of Object.values(built.members)) expect(member.store.has(`content/${header}`)).toBe(false)
    expect(await built.archive.shred(receipt.root)).toMatchObject({ state: 'complete' })
  })
})
