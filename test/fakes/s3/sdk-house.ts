/** The fake S3 server and the AWS SDK itself, to ask it. */
import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { onTestFinished } from 'vitest'
import { type FakeS3, type FakeS3Options, startFakeS3 } from './server.ts'

/** The SDK as it comes, except that it never asks twice. */
export function clientOf(fake: FakeS3, config: S3ClientConfig = {}): S3Client {
  const { endpoint, accessKeyId, secretAccessKey } = fake
  const client = new S3Client({
    endpoint,
    region: fake.region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
    ...config,
  })
  onTestFinished(() => client.destroy())
  return client
}

/** A fake, a client for it, and the two requests that every test needs. */
export async function sdkHouse(options: FakeS3Options = {}, config: S3ClientConfig = {}) {
  const fake = await startFakeS3(options)
  onTestFinished(() => fake.close())
  const client = clientOf(fake, config)
  const Bucket = fake.bucket
  return {
    fake,
    client,
    Bucket,
    put: (Key: string, Body: string | Buffer, more: Partial<PutObjectCommandInput> = {}) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body, ...more })),
    get: async (Key: string, more: { Range?: string; VersionId?: string } = {}) => {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...more }))
      return { ...answer, text: (await answer.Body?.transformToString()) ?? '' }
    },
  }
}

export type SdkHouse = Awaited<ReturnType<typeof sdkHouse>>

/** The error of a request: its name, which is S3's code, and its HTTP status. */
export async function refusal(work: Promise<unknown>): Promise<readonly [string, number | undefined]> {
  try {
    await work
    return ['succeeded', undefined]
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
    return [name, $metadata?.httpStatusCode]
  }
}

/** Of the whole, as bytes. */
export const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest()

/** An upload of parts, begun. */
export async function upload({ client, Bucket }: SdkHouse, parts: readonly Buffer[], Key = 'k') {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const sent = await Promise.all(
    parts.map((Body, index) => client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body }))),
  )
  const Parts = sent.map(({ ETag }, index) => ({ ETag, PartNumber: index + 1 }))
  const complete = (own: readonly { ETag: string | undefined; PartNumber: number }[] = Parts, more: { IfNoneMatch?: string } = {}) =>
    client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: [...own] }, ...more }))
  return { UploadId, Parts, complete, at: { Bucket, Key, UploadId } }
}
