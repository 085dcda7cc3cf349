/** Recovery over places of other kinds: folders, and buckets that lock. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Vault } from '../../../src/contracts.ts'
import { directory } from '../../../src/vaults/directory.ts'
import { s3 } from '../../../src/vaults/s3.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../../fakes/s3/server.ts'
import { bytesOf, files, house, noise, tempFolder, treeOf } from '../house.ts'
import { keyIn, recovered, shownOf } from './wiped.ts'

const DAY_MS = 86_400_000

async function bucket(id: string, rules: FakeS3Options = {}): Promise<{ readonly fake: FakeS3; readonly open: () => Vault }> {
  const fake = await startFakeS3(rules)
  onTestFinished(() => fake.close())
  const { endpoint, bucket: name, accessKeyId, secretAccessKey } = fake
  return { fake, open: () => s3({ id, operator: id, endpoint, bucket: name, accessKeyId, secretAccessKey, requestTimeoutMs: 2_000 }) }
}

const contentPuts = ({ faults }: FakeS3): number =>
  faults.log.filter(({ method, key }) => method === 'PUT' && key.startsWith('packs/')).length

describe('recover, over a bucket and a folder', () => {
  it('brings a tree in many packs back from the bucket alone, and finds the folder by the locators in its records', async () => {
    const { fake, open } = await bucket('bucket')
    const place = await tempFolder()
    const folder = () => directory({ id: 'folder', at: join(place, 'folder') })
    const { archive, folder: home } = await house({ timeoutMs: 2_000, maxPackBytes: 400_000, vaults: [open(), folder()] })
    const tree = await files(join(home, 'tree'), {
      'one.bin': noise(1_300_000, 'one'),
      'sub/two.bin': noise(300_000, 'two'),
      'three.txt': 'three',
    })
    const receipt = await archive.put(tree)
    const before = await shownOf(archive)
    const key = await keyIn(home)
    await archive.close()
    const puts = contentPuts(fake)
    const back = await recovered({ timeoutMs: 2_000, maxPackBytes: 400_000, vaults: [open(), folder()] }, { from: ['bucket'], key })
    const packs = receipt.packs.length
    expect(packs).toBeGreaterThan(2)
    expect(back.report).toMatchObject({ restored: 1, packs, replicas: { bucket: packs, folder: packs }, log: { complete: true } })
    expect(await shownOf(back.archive)).toEqual(before)
    expect(await back.archive.verify(receipt.root, { level: 'whole' })).toMatchObject({ state: 'satisfied' })
    const out = join(await tempFolder(), 'out')
    await back.archive.restore(receipt.root, out)
    expect(await treeOf(out)).toEqual(await treeOf(tree))
    expect((await back.archive.put(tree)).root).toBe(receipt.root)
    await back.archive.repair(receipt.root)
    expect(back.uploads).toEqual([])
    expect(contentPuts(fake)).toBe(puts)
  })

  it('makes nothing where a disk is not mounted, and says so', async () => {
    const { open } = await bucket('bucket')
    const place = await tempFolder()
    const { archive, folder: home } = await house({
      timeoutMs: 2_000,
      vaults: [open(), directory({ id: 'folder', at: join(place, 'folder') })],
    })
    const { root } = await archive.put(noise(1_000))
    const key = await keyIn(home)
    await archive.close()
    const elsewhere = join(await tempFolder(), 'not-mounted')
    const back = await recovered({ timeoutMs: 2_000, vaults: [open(), directory({ id: 'folder', at: elsewhere })] }, { key })
    expect(back.report.from).toMatchObject([{ vault: 'bucket' }, { vault: 'folder', error: expect.any(String) }])
    expect(back.report.restored).toBe(1)
    expect((await bytesOf(back.archive.get(root))).equals(noise(1_000))).toBe(true)
  })
})

describe('recover, of objects that are retained', () => {
  it('brings back until when, and believes no lock before it was asked for', async () => {
    const [a, b] = [await bucket('a', { objectLock: true }), await bucket('b', { objectLock: true })]
    const { archive, folder } = await house({ timeoutMs: 2_000, vaults: [a.open(), b.open()] })
    const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 30 * DAY_MS)
    const receipt = await archive.put(noise(10_000), { retain: { until, mode: 'compliance', legalHold: true } })
    const key = await keyIn(folder)
    await archive.close()
    const back = await recovered({ timeoutMs: 2_000, vaults: [a.open(), b.open()] }, { key })
    expect((await back.archive.status(receipt.root)).retain).toEqual(receipt.retain)
    await back.archive.verify(receipt.root)
    await back.archive.repair(receipt.root)
    expect(await back.archive.verify(receipt.root)).toMatchObject({ state: 'satisfied', retain: receipt.retain })
    expect(back.uploads).toEqual([])
    const { removed, kept } = await back.archive.rm(receipt.root)
    expect(removed).toEqual([])
    expect(kept.length).toBeGreaterThanOrEqual(2)
  })
})
