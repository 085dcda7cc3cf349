/** The real S3 servers that run.sh started, and what tests do with them behind the vault's back, through the plain SDK. */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { Locator } from '../../src/contracts.ts'
import type { S3Options } from '../../src/vaults/s3.ts'

export interface S3Server {
  readonly name: string
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Those that run here: `PERDURE_S3_<NAME>_ENDPOINT`, `_ACCESS_KEY` and `_SECRET_KEY` of each. */
export const servers: readonly S3Server[] = ['radosgw', 'minio', 'versitygw'].flatMap((name) => {
  const setting = (key: string) => process.env[`PERDURE_S3_${name.toUpperCase()}_${key}`] ?? ''
  const server = { name, endpoint: setting('ENDPOINT'), accessKeyId: setting('ACCESS_KEY'), secretAccessKey: setting('SECRET_KEY') }
  return server.endpoint === '' ? [] : [server]
})

/** A bucket of its own, and the plain SDK at it. */
export interface Bucket {
  readonly server: S3Server
  readonly bucket: string
  readonly client: S3Client
  /** What a vault needs to live there. */
  readonly options: S3Options
  /** Keys of everything in it, in order. */
  keys(prefix?: string): Promise<readonly string[]>
  /** How many versions of the key are kept, delete markers left out. */
  versions(key: string): Promise<number>
  bytes(key: string): Promise<Buffer>
  overwrite(key: string, bytes: Uint8Array): Promise<void>
  remove(at: Locator): Promise<void>
}

export type BucketKind = 'plain' | 'versioned' | 'lockable'

let count = 0

/** Makes a bucket; rejects when the server does not know that kind. */
export async function newBucket(server: S3Server, kind: BucketKind = 'plain'): Promise<Bucket> {
  const bucket = `perdure-${process.pid}-${Date.now().toString(36)}-${count++}`
  const { accessKeyId, secretAccessKey, endpoint } = server
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const lockable = kind === 'lockable'
  await client.send(new CreateBucketCommand({ Bucket: bucket, ...(lockable && { ObjectLockEnabledForBucket: true }) }))
  if (kind === 'versioned')
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }))
  const at = (Key: string) => ({ Bucket: bucket, Key })
  return {
    server,
    bucket,
    client,
    options: { bucket, id: server.name, region: 'us-east-1', endpoint, accessKeyId, secretAccessKey, operator: server.name },
    async keys(Prefix = '') {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }))
      return Contents.flatMap(({ Key }) => Key ?? [])
    },
    async versions(key) {
      const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }))
      return Versions.length
    },
    async bytes(key) {
      const { Body } = await client.send(new GetObjectCommand(at(key)))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    },
    overwrite: async (key, bytes) => void (await client.send(new PutObjectCommand({ ...at(key), Body: bytes }))),
    async remove(locator) {
      const { key, version } = partsOf(locator)
      await client.send(new DeleteObjectCommand({ ...at(key), ...(version !== undefined && { VersionId: version }) }))
    },
  }
}

/** What a locator of the S3 vault says; FORMAT.md has its form. */
export function partsOf(locator: Locator): { readonly key: string; readonly version: string | undefined } {
  const { key = '', version } = /^s3:(?<key>[^?]+)(\?versionId=(?<version>.+))?$/.exec(locator)?.groups ?? {}
  return { key, version: version === undefined ? undefined : decodeURIComponent(version) }
}
