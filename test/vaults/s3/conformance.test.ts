import { afterAll, beforeAll, describe, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../../src/conformance/vault.ts'
import { parseLocator } from '../../../src/vaults/s3/keys.ts'
import { type S3Options, s3 } from '../../../src/vaults/s3.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../../fakes/s3/server.ts'

const places: Readonly<Record<string, readonly [FakeS3Options, prefix: string, Partial<S3Options>?]>> = {
  'a bucket': [{}, ''],
  'a folder of a bucket': [{}, 'archives/mine'],
  'a versioned bucket': [{ versioning: true }, 'v/'],
  'a bucket, in parts': [{ minPartBytes: 1024 }, '', { partBytes: 16 * 1024 }],
  'a versioned bucket, in parts': [{ minPartBytes: 1024, versioning: true }, '', { partBytes: 16 * 1024, partsInFlight: 2 }],
  'a store that forgets checksums, in parts': [{ minPartBytes: 1024, checksums: 'ignored' }, '', { partBytes: 16 * 1024 }],
  'a store without conditions': [{ conditionalPuts: false, checksums: 'ignored' }, 'old/'],
  'a store that checks nothing': [{ minPartBytes: 1024, checksums: 'unchecked' }, '', { partBytes: 16 * 1024 }],
  'a store that knows CRC64NVME alone': [{ minPartBytes: 1024, checksums: 'crc64nvme' }, '', { partBytes: 16 * 1024 }],
  'a versioned store without conditions that lists folders alone': [
    { versioning: true, conditionalPuts: false, listsFoldersOnly: true, checksums: 'ignored' },
    '',
  ],
  'a store of small pages': [{ pageLimit: 2, minPartBytes: 1024 }, '', { partBytes: 16 * 1024 }],
}

for (const [place, [rules, prefix, options]] of Object.entries(places)) {
  describe(`s3 on ${place}`, () => {
    let fake: FakeS3
    let context: VaultContext & { close(): Promise<void> }
    beforeAll(async () => {
      fake = await startFakeS3(rules)
      context = await contextOf(fake, { ...options, prefix })
    })
    afterAll(async () => {
      await context.close()
      await fake.close()
    })
    for (const { name, run } of vaultCases) it(name, () => run(context))
  })
}

async function contextOf(fake: FakeS3, options: Partial<S3Options> & { readonly prefix: string }) {
  const { prefix } = options
  const { endpoint, bucket, accessKeyId, secretAccessKey, faults } = fake
  const make = () => s3({ ...options, endpoint, bucket, accessKeyId, secretAccessKey })
  const opened = async () => {
    const vault = make()
    await vault.open?.()
    return vault
  }
  const vault = await opened()
  return {
    vault,
    pack: samplePack,
    reopen: opened,
    lose: async (at: string) => {
      fake.store.delete(parseLocator(prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`, at)?.key ?? '')
    },
    deny: async () => {
      faults.denied = 0
      return async () => {
        faults.denied = undefined
      }
    },
    close: async () => vault.close?.(),
  }
}
