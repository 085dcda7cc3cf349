/** The conformance cases on the fake S3 server, as buckets of unlike rules. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SampleOptions, samplePack } from '../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../src/conformance/vault.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../fakes/s3/server.ts'
import { opened, PART_BYTES, s3HouseOn } from './s3-house.ts'

/** Rules of the bucket, and whether packs are so large that they travel in parts. */
const places: Readonly<Record<string, { readonly rules?: FakeS3Options; readonly inParts?: boolean; readonly prefix?: string }>> = {
  'a plain bucket': {},
  'a plain bucket, listed two by two, under a prefix': { rules: { pageLimit: 2 }, prefix: 'a prefix/with & and +' },
  'a versioned bucket': { rules: { versioning: true } },
  'a store that ignores checksums': { rules: { checksums: 'ignored' } },
  'a store that ignores If-None-Match': { rules: { conditionalPuts: false } },
  'a bucket with Object Lock that nobody uses': { rules: { objectLock: true } },
  'a plain bucket, in parts': { inParts: true },
  'a versioned bucket of a store that ignores checksums, in parts': { rules: { versioning: true, checksums: 'ignored' }, inParts: true },
}

/** Blocks that make a pack a little longer than a part; the empty one stays empty. */
const large = ({ blocks = 3, blockLength = 1024, ...rest }: SampleOptions = {}) =>
  samplePack({ ...rest, blocks, blockLength: blockLength === 0 ? 0 : Math.ceil(PART_BYTES / blocks) + blockLength })

for (const [place, { rules = {}, inParts = false, prefix = '' }] of Object.entries(places)) {
  describe(place, () => {
    let fake: FakeS3
    let context: VaultContext
    beforeAll(async () => {
      fake = await startFakeS3(rules)
      const { vault, make } = await s3HouseOn(fake, { prefix })
      context = {
        vault,
        pack: inParts ? large : samplePack,
        reopen: () => opened(make()),
        lose: async (at) => {
          const key = /^s3:(.*\.car)/s.exec(at)?.[1]
          expect(key !== undefined && fake.store.delete(key), 'it was there').toBe(true)
        },
        deny: async () => {
          fake.faults.denied = 0
          return async () => {
            fake.faults.denied = undefined
          }
        },
      }
    })
    afterAll(() => fake.close())

    for (const { name, run } of vaultCases) it(name, () => run(context))

    it('has used the way of storing that is meant', () => {
      expect((fake.faults.counts.CompleteMultipartUpload ?? 0) > 0).toBe(inParts)
    })
  })
}
