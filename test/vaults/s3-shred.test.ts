/** What shredding asks of a bucket: uploads that never ended are dropped, and what keeps an object is told. */
import { describe, expect, it } from 'vitest'
import { directory } from '../../src/vaults/directory.ts'
import { tempFolder } from '../flow/house.ts'
import { sealedHouse } from '../flow/sealed/keys.ts'
import { headerPacks } from '../flow/sealed/shred-house.ts'
import { journalInMemory, packOfParts, packsIn, s3House } from './s3-house.ts'

describe('abandon', () => {
  it('ends the uploads of one pack and leaves whole packs and other uploads', async () => {
    const { fake, vault } = await s3House()
    const [mine, other] = [await packOfParts(2, 'mine'), await packOfParts(2, 'other')]
    for (const pack of [mine, other]) {
      fake.faults.only = ({ op }) => op === 'UploadPart'
      fake.faults.killRequest = { at: 1, when: 'before' }
      await expect(vault.put(pack, { journal: journalInMemory() })).rejects.toMatchObject({ code: 'unreachable' })
    }
    fake.faults.only = undefined
    const whole = await packOfParts(1, 'whole')
    await vault.put(whole)
    expect(fake.uploads.size).toBe(2)
    await vault.abandon?.(mine.name, { kind: 'content' })
    expect([...fake.uploads.values()].map(({ key }) => key.includes(other.name.toString()))).toEqual([true])
    await vault.abandon?.(whole.name)
    expect(packsIn(fake).size).toBe(1)
  })
})

describe('shredding over a bucket', () => {
  it('empties it of headers, and names the day until which a lock keeps the ciphertext elsewhere', async () => {
    const open = await s3House({}, { id: 'open' })
    const locked = await s3House({ objectLock: true }, { id: 'locked', lock: { mode: 'COMPLIANCE', days: 30 } })
    const vaults = [directory({ id: 'disk', at: await tempFolder() }), open.make(), locked.make()]
    const built = await sealedHouse({ vaults, policy: { copies: 3, erasable: { copies: 2 } }, timeoutMs: 5_000 })
    const { root } = await built.archive.put(Buffer.from('a deed'), { erasable: true })
    const [header = ''] = await headerPacks(built, root)
    expect([...packsIn(open.fake).keys()].some((key) => key.includes(header))).toBe(true)
    expect([...packsIn(locked.fake).keys()].some((key) => key.includes(header))).toBe(false)
    const certificate = await built.archive.shred(root)
    expect(certificate.state).toBe('complete')
    expect([...packsIn(open.fake).keys()].some((key) => key.includes(header))).toBe(false)
    const kept = Object.fromEntries(certificate.remaining.map((copy) => [copy.vault, copy.kept]))
    expect(kept).toMatchObject({ disk: 'until-removed', open: 'until-removed' })
    expect(Math.abs(Date.parse(kept.locked ?? '') - Date.now() - 30 * 86_400_000)).toBeLessThan(60_000)
  })
})
