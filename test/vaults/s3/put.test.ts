import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds } from '../../../src/conformance/vault-context.ts'
import { keyOf, locatorOf } from '../../../src/vaults/s3/keys.ts'
import { heal } from '../../fakes/s3/faults.ts'
import type { StoredVersion } from '../../fakes/s3/versions.ts'
import { fakeS3, journalInMemory, openedOn, PART_BYTES, vaultOn } from './on-fake.ts'

const TEN_PARTS = { blocks: 1, blockLength: 10 * PART_BYTES - 200 }

describe('a small pack', () => {
  it('is one conditional request with a checksum and its kind', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'small', kind: 'index' })
    fake.faults.log.length = 0
    await vault.put(pack)
    expect(fake.faults.log.filter(({ method }) => method === 'PUT' || method === 'POST').map(({ op }) => op)).toEqual(['PutObject'])
    const stored = fake.store.get(keyOf('', pack.name, 'index'))?.at(-1)
    expect(stored?.contentType).toBe('application/vnd.ipld.car')
    expect(stored?.metadata).toEqual({ 'perdure-kind': 'index' })
    expect(stored?.checksum).toBeDefined()
  })

  it('that stands there with another length is written over', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'overwritten' })
    const at = await vault.put(pack)
    for (const stored of fake.store.get(keyOf('', pack.name, 'content')) ?? []) stored.body = Buffer.from('something else')
    expect(await vault.put(pack)).toBe(at)
    await assertHolds(vault, at, pack)
  })

  it('has one winner among twenty racing creates, and all of them its locator', async () => {
    const fake = await fakeS3({ versioning: true })
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'raced' })
    const locators = await Promise.all(Array.from({ length: 20 }, () => vault.put(pack)))
    expect(new Set(locators).size).toBe(1)
    expect(fake.store.get(keyOf('', pack.name, 'content'))).toHaveLength(1)
  })

  describe('on a store that lets every create win', () => {
    const raced = async (meanwhile: (versions: StoredVersion[], deleting: boolean) => StoredVersion[]) => {
      const fake = await fakeS3({ versioning: true, conditionalPuts: false })
      const vault = await openedOn(fake)
      const pack = await samplePack({ seed: 'raced' })
      const key = keyOf('', pack.name, 'content')
      fake.faults.only = ({ op, key: of }) => {
        if (op === 'ListObjectVersions' || (op === 'DeleteObject' && of === key))
          fake.store.set(key, meanwhile(fake.store.get(key) ?? [], op === 'DeleteObject'))
        return true
      }
      return { fake, vault, pack, key }
    }
    const named = (key: string, versionId: string) => locatorOf(key, versionId)
    const another = (versionId: string, like: StoredVersion | undefined): StoredVersion[] => (like ? [{ ...like, versionId }] : [])

    it('names the copy that was there before its own, and takes its own away', async () => {
      let hasCome = false
      const { fake, vault, pack, key } = await raced((versions, deleting) => {
        if (hasCome || deleting) return versions
        hasCome = versions.length > 0
        return [...another('older', versions[0]), ...versions]
      })
      expect(await vault.put(pack)).toBe(named(key, 'older'))
      expect(fake.store.get(key)?.map(({ versionId }) => versionId)).toEqual(['older'])
    })

    it('names none that its writer gives up for an older one', async () => {
      const { vault, pack, key } = await raced((versions, deleting) => {
        const [first] = versions
        if (deleting) return [...another('oldest', first), ...versions.filter(({ versionId }) => versionId !== 'older')]
        return versions.length === 1 && first?.versionId !== 'oldest' ? [...another('older', first), ...versions] : versions
      })
      const at = await vault.put(pack)
      expect(at).toBe(named(key, 'oldest'))
      await assertHolds(vault, at, pack)
    })

    it('says so when the other copy is gone again and there is none left, and stores it when it is put again', async () => {
      let meddles = true
      const { vault, pack } = await raced((versions, deleting) => {
        if (!meddles) return versions
        if (deleting) return versions.filter(({ versionId }) => versionId !== 'older')
        return [...another('older', versions[0]), ...versions]
      })
      await expect(vault.put(pack)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('put again') })
      meddles = false
      await assertHolds(vault, await vault.put(pack), pack)
    })
  })

  it('is not believed to be stored when a proxy answers', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const pack = await samplePack({ seed: 'html' })
    fake.faults.only = ({ op }) => op === 'PutObject'
    fake.faults.html200 = 1
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    await assertHolds(vault, await vault.put(pack), pack)
  })
})

describe('a large pack', () => {
  it('goes in parts, not more at a time than allowed', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake, { partsInFlight: 3 })
    let most = 0
    fake.faults.latencyMs = 5
    fake.faults.only = () => {
      most = Math.max(most, fake.faults.log.filter(({ op, status }) => op === 'UploadPart' && status === undefined).length)
      return true
    }
    const pack = await samplePack({ seed: 'parts', ...TEN_PARTS })
    await assertHolds(vault, await vault.put(pack), pack)
    expect(fake.faults.counts.UploadPart).toBe(10)
    expect(most).toBe(3)
    expect(fake.uploads.size).toBe(0)
  })

  it.each(['kept', 'ignored'] as const)(
    'that was killed goes on where it stopped, on a store whose checksums are %s',
    async (checksums) => {
      const fake = await fakeS3({ checksums })
      const journal = journalInMemory()
      const pack = await samplePack({ seed: 'killed', ...TEN_PARTS })
      fake.faults.only = ({ op }) => op === 'UploadPart'
      const vault = await openedOn(fake, { partsInFlight: 1 })
      fake.faults.killRequest = { at: 9, when: 'before' }
      await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
      fake.faults.log.length = 0
      const next = await openedOn(fake)
      let sent = 0
      const onProgress = ({ byteLength }: { readonly byteLength: number }) => {
        sent += byteLength
      }
      const at = await next.put(pack, { journal, onProgress })
      await assertHolds(next, at, pack)
      expect(
        fake.faults.log
          .filter(({ op }) => op === 'UploadPart')
          .map(({ query }) => query.partNumber)
          .sort(),
      ).toEqual(['10', '9'])
      expect(sent).toBe(pack.byteLength - 8 * PART_BYTES)
      expect(fake.uploads.size).toBe(0)
    },
  )

  it('converges whichever of its requests is cut, before or after it took effect', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; at <= 8; at++) {
        const fake = await fakeS3()
        const vault = await openedOn(fake, { partsInFlight: 2 })
        const journal = journalInMemory()
        const pack = await samplePack({ seed: 'cut', blocks: 1, blockLength: 4 * PART_BYTES - 200 })
        fake.faults.killRequest = { at, when }
        await vault.put(pack, { journal }).catch((error: unknown) => expect(error).toMatchObject({ code: 'unreachable' }))
        await assertHolds(vault, await vault.put(pack, { journal }), pack)
        expect(fake.store.get(keyOf('', pack.name, 'content'))).toHaveLength(1)
      }
    }
  })

  it('begins anew when its upload was aborted behind its back', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const journal = journalInMemory()
    const pack = await samplePack({ seed: 'forgotten', ...TEN_PARTS })
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.killRequest = { at: 1, when: 'before' }
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    fake.uploads.clear()
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect(journal.saves).toBe(2)
  })

  it('leaves no upload behind when it fails without a journal', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.killRequest = { at: 3, when: 'before' }
    await expect(vault.put(await samplePack({ seed: 'no-journal', ...TEN_PARTS }))).rejects.toMatchObject({ code: 'unreachable' })
    expect(fake.uploads.size).toBe(0)
  })

  it('does not believe an error, an empty ETag or a page inside a success', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake)
    const journal = journalInMemory()
    const pack = await samplePack({ seed: 'lies', ...TEN_PARTS })
    fake.faults.only = ({ op }) => op === 'CompleteMultipartUpload'
    fake.faults.errorIn200 = 1
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    fake.faults.html200 = 1
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    fake.faults.emptyEtag = 1
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect(fake.faults.counts.UploadPart).toBe(10)
  })

  it('is exhausted when the quota ends in part 7, and goes on there when it was raised', async () => {
    const fake = await fakeS3()
    const vault = await openedOn(fake, { partsInFlight: 1 })
    const journal = journalInMemory()
    const pack = await samplePack({ seed: 'quota', ...TEN_PARTS })
    fake.faults.quotaAfterBytes = 6.5 * PART_BYTES
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'exhausted' })
    heal(fake.faults)
    const before = fake.faults.counts.UploadPart ?? 0
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect((fake.faults.counts.UploadPart ?? 0) - before).toBe(4)
  })

  it('ends at once when it is aborted while the store is silent', async () => {
    const fake = await fakeS3()
    const vault = vaultOn(fake, { requestTimeoutMs: 20_000 })
    await vault.open?.()
    fake.faults.only = ({ op }) => op === 'UploadPart'
    fake.faults.hang = Number.POSITIVE_INFINITY
    const reason = new Error('enough')
    const since = performance.now()
    const put = vault.put(await samplePack({ seed: 'silent', ...TEN_PARTS }), {
      signal: AbortSignal.any([after(100, reason)]),
      journal: journalInMemory(),
    })
    await expect(put).rejects.toBe(reason)
    expect(performance.now() - since).toBeLessThan(1500)
  })
})

function after(ms: number, reason: Error): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), ms)
  return controller.signal
}
