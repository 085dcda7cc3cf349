/** Bytes that change on their way to the store, on stores that look at different digests, or at none. */
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds, assertNothing } from '../../../src/conformance/vault-context.ts'
import { keyOf } from '../../../src/vaults/s3/keys.ts'
import { crc64nvme } from '../../fakes/s3/crc64.ts'
import { heal } from '../../fakes/s3/faults.ts'
import type { FakeS3, FakeS3Options } from '../../fakes/s3/server.ts'
import { fakeS3, journalInMemory, openedOn, PART_BYTES } from './on-fake.ts'

const SMALL = { seed: 'small' }
const FOUR_PARTS = { seed: 'four parts', blocks: 1, blockLength: 4 * PART_BYTES - 200 }

const stores: readonly (readonly [string, FakeS3Options])[] = [
  ['keeps SHA-256', {}],
  ['checks what was signed', { checksums: 'ignored' }],
  ['knows CRC64NVME alone', { checksums: 'crc64nvme' }],
  ['knows CRC64NVME alone, and keeps versions', { checksums: 'crc64nvme', versioning: true }],
  ['checks nothing', { checksums: 'unchecked' }],
  ['checks nothing, the ETags of its parts opaque', { checksums: 'unchecked', etags: 'opaque-parts' }],
  ['checks nothing, its ETags opaque', { checksums: 'unchecked', etags: 'opaque' }],
  ['checks nothing, its ETags opaque, and keeps versions', { checksums: 'unchecked', etags: 'opaque', versioning: true }],
  ['keeps what it is told unread', { checksums: 'echoed', etags: 'opaque' }],
]

const packsIn = ({ store }: FakeS3) => [...store].filter(([key]) => key.endsWith('.car')).flatMap(([, versions]) => versions)

describe.each(stores)('a store that %s', (_, rules) => {
  it.each([
    ['in one request', SMALL],
    ['in parts', FOUR_PARTS],
  ])('never keeps a pack of which a bit was flipped on the way, sent %s', async (_, options) => {
    const fake = await fakeS3(rules)
    const vault = await openedOn(fake, { partsInFlight: 1 })
    const pack = await samplePack(options)
    const journal = journalInMemory()
    fake.faults.flipBit = 1
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: expect.stringMatching(/^(unreachable|damaged)$/) })
    expect(fake.faults.flipBit).toBe(0)
    await assertNothing(vault, pack)
    expect(packsIn(fake).filter(({ marker }) => !marker)).toEqual([])
    const next = await openedOn(fake)
    await assertHolds(next, await next.put(pack, { journal }), pack)
    expect(packsIn(fake)).toHaveLength(1)
    expect(fake.uploads.size).toBe(0)
  })

  it('takes a pack whose bytes arrive as they are, and sends it once', async () => {
    for (const options of [SMALL, FOUR_PARTS]) {
      const fake = await fakeS3(rules)
      const vault = await openedOn(fake)
      const pack = await samplePack(options)
      fake.faults.log.length = 0
      await assertHolds(vault, await vault.put(pack), pack)
      const sent = fake.faults.log.filter(({ op }) => op === 'PutObject' || op === 'UploadPart').reduce((sum, { bytes }) => sum + bytes, 0)
      expect(sent).toBe(pack.byteLength)
    }
  })
})

describe('where CRC64NVME is all that is checked', () => {
  it.each([
    ['in one request', SMALL],
    ['in parts', FOUR_PARTS],
  ])('that of the whole is kept by the store, sent %s', async (_, options) => {
    const fake = await fakeS3({ checksums: 'crc64nvme' })
    const vault = await openedOn(fake)
    const pack = await samplePack(options)
    await vault.put(pack)
    const [stored] = packsIn(fake)
    expect(stored?.checksum).toEqual({ name: 'crc64nvme', value: crc64nvme(stored?.body ?? Buffer.alloc(0)).toString('base64') })
  })

  it('an upload that was killed goes on where it stopped, and its whole is still told', async () => {
    const fake = await fakeS3({ checksums: 'crc64nvme' })
    const journal = journalInMemory()
    const pack = await samplePack(FOUR_PARTS)
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.killRequest = { at: 3, when: 'before' }
    const vault = await openedOn(fake, { partsInFlight: 1 })
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    const before = fake.faults.counts.UploadPart ?? 0
    const next = await openedOn(fake)
    const at = await next.put(pack, { journal })
    expect((fake.faults.counts.UploadPart ?? 0) - before).toBe(2)
    const read = fake.faults.log.filter(({ op, status }) => op === 'GetObject' && (status ?? 0) < 300)
    expect(read, 'nothing had to be read back').toEqual([])
    await assertHolds(next, at, pack)
  })

  it.each([
    ['in one request', SMALL],
    ['in parts', FOUR_PARTS],
  ])('bytes that change after they were checked are noticed by what the store keeps, sent %s', async (_, options) => {
    const fake = await fakeS3({ checksums: 'crc64nvme' })
    const vault = await openedOn(fake)
    const pack = await samplePack(options)
    // The store puts other bytes down than it had checked, and says their checksum when it is asked.
    fake.faults.only = ({ op, key }) => {
      const stored = op === 'HeadObject' ? fake.store.get(key)?.at(-1) : undefined
      if (stored) {
        const body = Buffer.from(stored.body).fill(7, 0, 1)
        const checksum = { name: 'crc64nvme' as const, value: crc64nvme(body).toString('base64') }
        fake.store.set(key, [{ ...stored, body, checksum }])
      }
      return false
    }
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'damaged' })
    heal(fake.faults)
    await assertNothing(vault, pack)
  })
})

describe('where nothing is checked and ETags tell nothing', () => {
  const rules = { checksums: 'unchecked', etags: 'opaque' } as const

  it('what a dead run left there is read before it counts, and stored anew when it is wrong', async () => {
    const fake = await fakeS3(rules)
    const vault = await openedOn(fake)
    const pack = await samplePack(SMALL)
    const at = await vault.put(pack)
    const [stored] = packsIn(fake)
    stored?.body.fill(7, 100, 101)
    expect(await vault.put(pack)).toBe(at)
    await assertHolds(vault, at, pack)
  })

  it('a pack that cannot be read back is not accepted', async () => {
    const fake = await fakeS3(rules)
    const vault = await openedOn(fake)
    const pack = await samplePack(SMALL)
    fake.faults.only = ({ op }) => op === 'GetObject'
    fake.faults.truncate200 = 100
    fake.faults.killRequest = { at: 2, when: 'before' }
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    heal(fake.faults)
    await assertNothing(vault, pack)
    await assertHolds(vault, await vault.put(pack), pack)
  })

  it('a key that may not delete empties what is wrong, so that nobody takes it for the pack', async () => {
    const fake = await fakeS3(rules)
    const vault = await openedOn(fake)
    const pack = await samplePack(SMALL)
    fake.faults.flipBit = 1
    fake.faults.denied = 0
    let puts = 0
    fake.faults.only = ({ op }) => op === 'DeleteObject' || (op === 'PutObject' && ++puts === 1 && allowed(fake))
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'damaged' })
    heal(fake.faults)
    expect(fake.store.get(keyOf('', pack.name, 'content'))?.at(-1)?.body.byteLength).toBe(0)
    await assertNothing(vault, pack)
    await assertHolds(vault, await vault.put(pack), pack)
  })
})

/** The request that is met now goes through. */
function allowed({ faults }: FakeS3): boolean {
  faults.denied = 1
  return true
}
