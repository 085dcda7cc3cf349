/** An S3 vault on the fake server, for tests of its faults. */
import { onTestFinished } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import type { Journal, Pack, Vault } from '../../src/contracts.ts'
import { type S3Options, s3 } from '../../src/vaults/s3.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../fakes/s3/server.ts'
import type { StoredVersion } from '../fakes/s3/versions.ts'

export const MIB = 1024 * 1024
/** The least that S3 takes as a part. */
export const PART_BYTES = 5 * MIB

export interface S3House {
  readonly fake: FakeS3
  /** Opened, with the profile that `open` found. */
  readonly vault: Vault
  /** Another instance for the same bucket, as another process would have it; not opened. */
  make(options?: Partial<S3Options>): Vault
}

export async function s3House(rules: FakeS3Options = {}, options: Partial<S3Options> = {}): Promise<S3House> {
  const fake = await startFakeS3(rules)
  onTestFinished(() => fake.close())
  return s3HouseOn(fake, options)
}

export async function s3HouseOn(fake: FakeS3, options: Partial<S3Options> = {}): Promise<S3House> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = fake
  const given = { id: 'fake', endpoint, bucket, region, accessKeyId, secretAccessKey, partBytes: PART_BYTES, requestTimeoutMs: 5_000 }
  const make = (more: Partial<S3Options> = {}) => s3({ ...given, ...options, ...more })
  return { fake, make, vault: await opened(make()) }
}

/** As an archive has it: with what `open` found. */
export async function opened(vault: Vault): Promise<Vault> {
  return { ...vault, profile: (await vault.open?.()) ?? vault.profile }
}

/** A journal that survives the vault instance it was given to. */
export function journalInMemory(): Journal {
  let state: Uint8Array | undefined
  return {
    load: async () => state,
    save: async (next) => {
      state = next.slice()
    },
  }
}

/** A pack of so many parts, the last one shorter. */
export function packOfParts(parts: number, seed = 'parts'): Promise<Pack> {
  return samplePack({ seed, blocks: parts * 5 - 2, blockLength: MIB })
}

/** Packs in the bucket by key, every version of each; what else lies there is not counted. */
export function packsIn({ store }: FakeS3): ReadonlyMap<string, readonly StoredVersion[]> {
  return new Map([...store].filter(([key]) => key.endsWith('.car')))
}

/** The one version of the one pack in the bucket. */
export function onlyPack(fake: FakeS3): StoredVersion {
  const versions = [...packsIn(fake).values()].flat()
  const [version] = versions
  if (!version || versions.length > 1) throw new RangeError(`one pack was expected, there are ${versions.length}`)
  return version
}

/** Bytes that arrived as packs or parts of them. */
export function bytesUploaded({ faults }: FakeS3): number {
  return faults.log.filter(({ method, key }) => method === 'PUT' && key.endsWith('.car')).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Somebody damages what is stored; length and ETag stay. */
export function flipByte(version: StoredVersion, at: number): void {
  version.body = Buffer.from(version.body)
  version.body.writeUInt8(version.body.readUInt8(at) ^ 1, at)
}
