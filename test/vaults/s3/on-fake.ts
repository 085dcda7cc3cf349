/** A vault on the fake S3 server, opened, that ends with the test. */
import { onTestFinished } from 'vitest'
import type { Journal, Vault } from '../../../src/contracts.ts'
import { type S3Options, s3 } from '../../../src/vaults/s3.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../../fakes/s3/server.ts'

export const PART_BYTES = 16 * 1024

export async function fakeS3(rules: FakeS3Options = {}): Promise<FakeS3> {
  const fake = await startFakeS3({ minPartBytes: 1024, ...rules })
  onTestFinished(() => fake.close())
  return fake
}

/** Not opened. Parts are small. */
export function vaultOn(fake: FakeS3, options: Partial<S3Options> = {}): Vault {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const vault = s3({ endpoint, bucket, accessKeyId, secretAccessKey, partBytes: PART_BYTES, requestTimeoutMs: 500, ...options })
  onTestFinished(async () => vault.close?.())
  return vault
}

export async function openedOn(fake: FakeS3, options: Partial<S3Options> = {}): Promise<Vault> {
  const vault = vaultOn(fake, options)
  await vault.open?.()
  return vault
}

export function journalInMemory(): Journal & { saves: number } {
  let state: Uint8Array | undefined
  const journal = {
    saves: 0,
    load: async () => state,
    save: async (next: Uint8Array) => {
      journal.saves++
      state = next.slice()
    },
  }
  return journal
}
