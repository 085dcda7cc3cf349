/** Uploads that are cut, refused, raced and resumed, on the fake server. */
import { beforeAll, describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds, assertNothing } from '../../src/conformance/vault-context.ts'
import type { Pack } from '../../src/contracts.ts'
import { heal } from '../fakes/s3/faults.ts'
import { startFakeS3 } from '../fakes/s3/server.ts'
import { bytesUploaded, journalInMemory, onlyPack, opened, PART_BYTES, packOfParts, packsIn, s3House, s3HouseOn } from './s3-house.ts'

describe('an upload of which any one request is cut', () => {
  let pack: Pack
  let requests: readonly string[]
  beforeAll(async () => {
    pack = await packOfParts(3)
    const fake = await startFakeS3()
    const { vault } = await s3HouseOn(fake)
    fake.faults.log.length = 0
    await vault.put(pack, { journal: journalInMemory() })
    requests = fake.faults.log.map(({ op }) => op)
    await fake.close()
  })

  it('is the upload in parts that is meant', () => {
    expect(requests.filter((op) => op === 'UploadPart')).toHaveLength(3)
    expect(requests.length).toBeLessThan(10)
  })

  it.each(['before', 'after'] as const)('%s its effect converges to one object when it is put again with its journal', async (when) => {
    for (const [index, op] of requests.entries()) {
      const what = `${op}, request ${index + 1}, ${when}`
      const { fake, vault, make } = await s3House()
      const journal = journalInMemory()
      fake.faults.killRequest = { at: index + 1, when }
      const first = await vault.put(pack, { journal }).catch((error: unknown) => error)
      expect(fake.faults.killRequest, what).toBeUndefined()
      if (typeof first !== 'string') expect(first, what).toMatchObject({ code: 'unreachable' })
      const sent = bytesUploaded(fake)
      const another = await opened(make())
      const at = await another.put(pack, { journal })
      expect(onlyPack(fake).body.byteLength, what).toBe(pack.byteLength)
      expect(await another.status(at), what).toBe('held')
      // An upload whose id never arrived cannot be known; `open` clears it away in time.
      expect(fake.uploads.size, what).toBe(op === 'CreateMultipartUpload' && when === 'after' ? 1 : 0)
      expect(bytesUploaded(fake) - sent, what).toBeLessThanOrEqual(pack.byteLength)
      if (index === requests.length - 2) await assertHolds(another, at, pack)
    }
  })
})

describe('an upload of 16 parts', () => {
  let pack: Pack
  beforeAll(async () => {
    pack = await packOfParts(16)
  })

  it('that dies at 80 % sends at most 25 % again', async () => {
    // What is in flight is lost: of 16 parts four are a quarter.
    const { fake, vault, make } = await s3House({}, { partsInFlight: 4 })
    const journal = journalInMemory()
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.killRequest = { at: 14, when: 'before' }
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    const sent = bytesUploaded(fake)
    expect(sent).toBeGreaterThan(0.75 * pack.byteLength)
    const another = await opened(make())
    const at = await another.put(pack, { journal })
    expect(bytesUploaded(fake) - sent).toBeLessThanOrEqual(0.25 * pack.byteLength)
    await assertHolds(another, at, pack)
    expect(fake.uploads.size).toBe(0)
  })

  it('whose rights are taken away midway is denied, and goes on when they are back', async () => {
    const { fake, vault } = await s3House()
    const journal = journalInMemory()
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.denied = 8
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'denied' })
    fake.faults.only = undefined
    await expect(vault.locate(pack.name), 'denied is not absent').rejects.toMatchObject({ code: 'denied' })
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'denied' })
    heal(fake.faults)
    await assertNothing(vault, pack)
    const sent = fake.faults.counts.UploadPart ?? 0
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect((fake.faults.counts.UploadPart ?? 0) - sent, 'eight parts were there').toBe(8)
  })

  it('has never more parts under way than it may', async () => {
    const few = await packOfParts(6)
    const { fake, vault } = await s3House({}, { partsInFlight: 3 })
    const running = () => fake.faults.log.filter(({ op, status }) => op === 'UploadPart' && status === undefined).length
    let most = 0
    fake.faults.latencyMs = 5
    fake.faults.only = () => {
      most = Math.max(most, running())
      return true
    }
    await vault.put(few)
    expect(most).toBe(3)
  })
})

describe('an upload of ten parts', () => {
  it('that meets the quota in the seventh is exhausted, leaves nothing to be located, and ends well when there is room', async () => {
    const pack = await packOfParts(10)
    const { fake, vault } = await s3House({}, { partsInFlight: 1 })
    const journal = journalInMemory()
    fake.faults.quotaAfterBytes = 6 * PART_BYTES + 1_000
    const error = await vault.put(pack, { journal }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'exhausted' })
    expect(String(error)).toMatch(/quota/)
    expect(fake.faults.counts.UploadPart).toBe(7)
    await assertNothing(vault, pack)
    heal(fake.faults)
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect(fake.faults.counts.UploadPart, 'six parts were kept').toBe(11)
  })
})

describe('the end of an upload', () => {
  it.each(['ignored', 'kept'] as const)('without an ETag in the answer is an end all the same, checksums %s', async (checksums) => {
    const pack = await packOfParts(2)
    const { fake, vault } = await s3House({ checksums })
    fake.faults.emptyEtag = 1
    await assertHolds(vault, await vault.put(pack), pack)
    expect(fake.faults.emptyEtag).toBe(0)
  })

  it('that is an error inside a 200 is unreachable, and nothing is there until it is put again', async () => {
    const pack = await packOfParts(2)
    const { fake, vault } = await s3House()
    const journal = journalInMemory()
    fake.faults.errorIn200 = 1
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    await assertNothing(vault, pack)
    const sent = bytesUploaded(fake)
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect(bytesUploaded(fake), 'the parts were there').toBe(sent)
  })

  it('that was a page of a proxy is no success', async () => {
    const pack = await packOfParts(2)
    const { fake, vault } = await s3House()
    const journal = journalInMemory()
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.html200 = 1
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    await assertNothing(vault, pack)
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
  })

  it('with lost parts begins again: an upload that somebody aborted is not gone on with', async () => {
    const pack = await packOfParts(3)
    const { fake, vault } = await s3House()
    const journal = journalInMemory()
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.killRequest = { at: 1, when: 'before' }
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    expect(fake.uploads.size).toBe(1)
    fake.uploads.clear()
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
  })

  it('does not take over parts that have rotted in the store', async () => {
    const pack = await packOfParts(3)
    const { fake, vault } = await s3House()
    const journal = journalInMemory()
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.killRequest = { at: 1, when: 'before' }
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    const [upload] = [...fake.uploads.values()]
    const part = upload?.parts.get(2)
    if (!upload || !part) expect.unreachable()
    upload.parts.set(2, { ...part, etag: '"00000000000000000000000000000000"', checksum: undefined })
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
  })
})

describe('uploads that nobody ends', () => {
  it('are aborted at open after seven days, and others are left alone', async () => {
    const { fake, make } = await s3House({}, { prefix: 'mine/' })
    const names = await Promise.all(['one', 'two'].map(async (seed) => (await samplePack({ seed })).name.toString()))
    const begin = (id: string, key: string, days: number) =>
      fake.uploads.set(id, { ...begun, key, initiated: Date.now() - days * 86_400_000 })
    const keys = names.map((name) => `packs/${name.slice(-3, -1)}/${name}.car`)
    begin('old', `mine/${keys[0]}`, 8)
    begin('young', `mine/${keys[1]}`, 6)
    begin('of another vault', `${keys[0]}`, 8)
    begin('of another program', 'mine/packs/film.mkv', 8)
    await make().open?.()
    expect([...fake.uploads.keys()]).toEqual(['young', 'of another vault', 'of another program'])
  })

  const making = { contentType: '', storageClass: 'STANDARD', metadata: {}, retention: undefined, legalHold: false }
  const begun = { making, algorithm: undefined, parts: new Map() }
})

describe('racing creates', () => {
  it.each([
    ['in one request', {}, 1],
    ['in one request, versions kept', { versioning: true }, 1],
    ['in parts', {}, 6 * 1024 * 1024],
    ['in parts, versions kept', { versioning: true }, 6 * 1024 * 1024],
  ] as const)('leave one whole object and one locator: %s', async (_, rules, blockLength) => {
    const pack = await samplePack({ seed: 'race', blocks: 1, blockLength })
    const { fake, make } = await s3House(rules)
    const racers = await Promise.all(Array.from({ length: blockLength > 1 ? 6 : 20 }, () => opened(make())))
    const places = await Promise.all(racers.map((vault) => vault.put(pack)))
    expect(new Set(places).size).toBe(1)
    expect(onlyPack(fake).body.byteLength).toBe(pack.byteLength)
    expect(fake.uploads.size, 'the losers clean up').toBe(0)
    expect(packsIn(fake).size).toBe(1)
  })

  it('under one name with different bytes do not end with the wrong ones believed', async () => {
    const pack = await samplePack({ seed: 'race' })
    const { fake, vault } = await s3House()
    fake.faults.latencyMs = 20
    const put = vault.put(pack)
    const key = await firstKey(fake)
    const stranger = {
      contentType: '',
      storageClass: 'STANDARD',
      metadata: {},
      checksum: undefined,
      retention: undefined,
      legalHold: false,
    }
    fake.store.set(key, [
      { ...stranger, versionId: 'null', marker: false, body: Buffer.from('stranger'), etag: '"00"', modified: Date.now() },
    ])
    await expect(put).rejects.toMatchObject({ code: 'conflict' })
  })
})

/** The key that the vault asks for first, as soon as it has. */
async function firstKey({
  faults,
}: {
  readonly faults: { readonly log: readonly { readonly op: string; readonly key: string }[] }
}): Promise<string> {
  const seen = faults.log.length
  for (;;) {
    const asked = faults.log.slice(seen).find(({ op }) => op === 'PutObject')
    if (asked) return asked.key
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
