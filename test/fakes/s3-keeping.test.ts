/** What the fake S3 server keeps: parts, versions, locks, listings; asked by the AWS SDK itself. */
import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { md5, refusal, sdkHouse, upload } from './s3/sdk-house.ts'
import type { FakeS3Options } from './s3/server.ts'

const DAY_MS = 86_400_000

const PARTS = [Buffer.alloc(100, 1), Buffer.alloc(100, 2), Buffer.alloc(7, 3)]

describe('multipart uploads', () => {
  it('put parts together, with the ETag of their MD5s, and then they are gone', async () => {
    const house = await sdkHouse({ minPartBytes: 100 })
    const { complete, at } = await upload(house, PARTS)
    expect(await refusal(house.get('k')), 'nothing is there before').toEqual(['NoSuchKey', 404])
    const { ETag } = await complete()
    expect(ETag).toBe(`"${md5(Buffer.concat(PARTS.map(md5))).toString('hex')}-3"`)
    expect(house.fake.store.get('k')?.[0]?.body.equals(Buffer.concat(PARTS))).toBe(true)
    expect(await refusal(complete())).toEqual(['NoSuchUpload', 404])
    expect(await refusal(house.client.send(new ListPartsCommand(at)))).toEqual(['NoSuchUpload', 404])
  })

  it('refuse small parts, wrong order, wrong ETags, missing parts and none at all', async () => {
    const house = await sdkHouse()
    const small = await upload(house, PARTS)
    expect(await refusal(small.complete()), 'the least is 5 MiB').toEqual(['EntityTooSmall', 400])
    expect(await refusal(small.complete(small.Parts.slice(2))), 'but not for the last').toEqual(['succeeded', undefined])
    const { complete, Parts } = await upload(house, PARTS)
    expect(await refusal(complete(Parts.toReversed()))).toEqual(['InvalidPartOrder', 400])
    expect(await refusal(complete([{ ETag: '"00"', PartNumber: 1 }]))).toEqual(['InvalidPart', 400])
    expect(await refusal(complete([{ ETag: Parts[0]?.ETag, PartNumber: 9 }]))).toEqual(['InvalidPart', 400])
    expect(await refusal(complete([]))).toEqual(['MalformedXML', 400])
  })

  it('list their parts in pages and can be found by prefix until they are aborted', async () => {
    const house = await sdkHouse()
    const { at } = await upload(house, PARTS, 'a/one')
    await upload(house, [], 'a/two')
    await upload(house, [], 'b/three')
    const { client, Bucket } = house
    const first = await client.send(new ListPartsCommand({ ...at, MaxParts: 2 }))
    expect([first.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size]), first.IsTruncated]).toEqual([
      [
        [1, 100],
        [2, 100],
      ],
      true,
    ])
    const rest = await client.send(new ListPartsCommand({ ...at, PartNumberMarker: first.NextPartNumberMarker }))
    expect([rest.Parts?.map(({ PartNumber }) => PartNumber), rest.IsTruncated]).toEqual([[3], false])
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'a/', MaxUploads: 1 }))
    expect([page.Uploads?.map(({ Key }) => Key), page.IsTruncated]).toEqual([['a/one'], true])
    const { NextKeyMarker, NextUploadIdMarker } = page
    const next = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: 'a/', KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }),
    )
    expect(next.Uploads?.map(({ Key }) => Key)).toEqual(['a/two'])
    await client.send(new AbortMultipartUploadCommand(at))
    expect(await refusal(client.send(new ListPartsCommand(at)))).toEqual(['NoSuchUpload', 404])
    expect(house.fake.uploads.size).toBe(2)
  })

  it('that race to create one key have one winner, and leave the others unfinished', async () => {
    const house = await sdkHouse({ minPartBytes: 100 })
    const racers = await Promise.all(Array.from({ length: 5 }, () => upload(house, PARTS)))
    const outcomes = await Promise.all(racers.map(({ complete, Parts }) => refusal(complete(Parts, { IfNoneMatch: '*' }))))
    expect(outcomes.map(([name]) => name).sort()).toEqual([...Array.from({ length: 4 }, () => 'PreconditionFailed'), 'succeeded'])
    expect(house.fake.uploads.size).toBe(4)
  })

  it('keep a checksum made of those of the parts', async () => {
    const { client, Bucket } = await sdkHouse()
    const at = { Bucket, Key: 'k' }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'SHA256' }))
    const part = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'hello', ChecksumAlgorithm: 'SHA256' }))
    const digest = createHash('sha256').update('hello').digest()
    expect(part.ChecksumSHA256).toBe(digest.toString('base64'))
    const Parts = [{ ETag: part.ETag, PartNumber: 1, ChecksumSHA256: part.ChecksumSHA256 }]
    const done = await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }))
    expect(done.ChecksumSHA256).toBe(`${createHash('sha256').update(digest).digest('base64')}-1`)
  })
})

describe('listings', () => {
  it('are sorted by bytes, cut by prefix, and paged', async () => {
    const { put, client, Bucket } = await sdkHouse({ pageLimit: 3 })
    for (const key of ['p/b', 'p/é', 'p/a&<>', 'p/Z', 'q/x', 'p/ b']) await put(key, key)
    const found: (string | undefined)[][] = []
    let ContinuationToken: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket,
          Prefix: 'p/',
          EncodingType: 'url',
          ...(ContinuationToken !== undefined && { ContinuationToken }),
        }),
      )
      found.push((page.Contents ?? []).map(({ Key }) => Key))
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken !== undefined)
    expect(found.map((page) => page.map((key) => decodeURIComponent(key ?? '')))).toEqual([
      ['p/ b', 'p/Z', 'p/a&<>'],
      ['p/b', 'p/é'],
    ])
    const plain = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'p/a' }))
    expect(plain.Contents).toMatchObject([{ Key: 'p/a&<>', Size: 6, ETag: `"${md5('p/a&<>').toString('hex')}"` }])
  })
})

describe('versions', () => {
  it('are kept behind new ones and behind delete markers', async () => {
    const { put, get, client, Bucket } = await sdkHouse({ versioning: true })
    expect((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled')
    const one = await put('k', 'one')
    const two = await put('k', 'two')
    if (one.VersionId === undefined || two.VersionId === undefined) expect.unreachable()
    expect([(await get('k')).text, (await get('k', { VersionId: one.VersionId })).text]).toEqual(['two', 'one'])
    const marker = await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    expect(marker.DeleteMarker).toBe(true)
    expect(await refusal(get('k'))).toEqual(['NoSuchKey', 404])
    expect((await get('k', { VersionId: two.VersionId })).text).toBe('two')
    expect(await refusal(get('k', { VersionId: marker.VersionId ?? '' }))).toEqual(['MethodNotAllowed', 405])
    expect((await client.send(new ListObjectsV2Command({ Bucket }))).Contents).toBeUndefined()
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: marker.VersionId }))
    expect((await get('k')).text, 'without its marker it is back').toBe('two')
    expect(await refusal(get('k', { VersionId: 'never' }))).toEqual(['NoSuchVersion', 404])
  })

  it('are listed newest first, with markers, in pages', async () => {
    const { put, client, Bucket } = await sdkHouse({ versioning: true, pageLimit: 2 })
    await put('a', '1')
    await put('a', '22')
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }))
    await put('b', '333')
    const first = await client.send(new ListObjectVersionsCommand({ Bucket }))
    expect(first).toMatchObject({
      IsTruncated: true,
      DeleteMarkers: [{ Key: 'a', IsLatest: true }],
      Versions: [{ Key: 'a', Size: 2, IsLatest: false }],
    })
    const rest = await client.send(
      new ListObjectVersionsCommand({ Bucket, KeyMarker: first.NextKeyMarker, VersionIdMarker: first.NextVersionIdMarker }),
    )
    expect(rest).toMatchObject({
      IsTruncated: false,
      Versions: [
        { Key: 'a', Size: 1 },
        { Key: 'b', Size: 3, IsLatest: true },
      ],
    })
  })

  it('are none in a plain bucket', async () => {
    const { put, client, Bucket, fake } = await sdkHouse()
    await put('k', 'one')
    expect((await put('k', 'two')).VersionId).toBeUndefined()
    expect((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined()
    expect(fake.store.get('k')).toHaveLength(1)
  })
})

describe('Object Lock', () => {
  const later = (days: number) => new Date(Date.now() + days * DAY_MS)

  async function locked(Mode: 'GOVERNANCE' | 'COMPLIANCE') {
    const house = await sdkHouse({ objectLock: true })
    const { VersionId } = await house.put('k', 'x', { ObjectLockMode: Mode, ObjectLockRetainUntilDate: later(2) })
    const at = { Bucket: house.Bucket, Key: 'k', VersionId }
    const retain = (mode: 'GOVERNANCE' | 'COMPLIANCE', days: number) =>
      house.client.send(new PutObjectRetentionCommand({ ...at, Retention: { Mode: mode, RetainUntilDate: later(days) } }))
    return { ...house, at, retain }
  }

  it('keeps a version until its date; a delete without a version only marks', async () => {
    const { client, at, get, Bucket, fake } = await locked('COMPLIANCE')
    expect(await refusal(client.send(new DeleteObjectCommand(at)))).toEqual(['AccessDenied', 403])
    expect(await refusal(client.send(new DeleteObjectCommand({ ...at, BypassGovernanceRetention: true })))).toEqual(['AccessDenied', 403])
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    expect((await get('k', { VersionId: at.VersionId ?? '' })).text).toBe('x')
    const stored = fake.store.get('k')?.[0]
    if (!stored) expect.unreachable()
    stored.retention = { mode: 'COMPLIANCE', until: Date.now() - 1 }
    await client.send(new DeleteObjectCommand(at))
    expect(fake.store.get('k')?.map(({ marker }) => marker)).toEqual([true])
  })

  it('in governance mode yields to those who may and say so', async () => {
    const { client, at, retain } = await locked('GOVERNANCE')
    expect(await refusal(client.send(new DeleteObjectCommand(at)))).toEqual(['AccessDenied', 403])
    expect(await refusal(retain('GOVERNANCE', 1))).toEqual(['AccessDenied', 403])
    await client.send(new DeleteObjectCommand({ ...at, BypassGovernanceRetention: true }))
  })

  it('is extended, never shortened', async () => {
    const { client, at, retain } = await locked('COMPLIANCE')
    expect(await refusal(retain('COMPLIANCE', 1))).toEqual(['AccessDenied', 403])
    expect(await refusal(retain('GOVERNANCE', 9))).toEqual(['AccessDenied', 403])
    await retain('COMPLIANCE', 9)
    const { Retention } = await client.send(new GetObjectRetentionCommand(at))
    expect(Retention?.Mode).toBe('COMPLIANCE')
    expect((Retention?.RetainUntilDate?.getTime() ?? 0) - Date.now()).toBeGreaterThan(8 * DAY_MS)
  })

  it('holds without a date as long as the hold is on', async () => {
    const { client, put, Bucket } = await sdkHouse({ objectLock: true })
    const { VersionId } = await put('k', 'x', { ObjectLockLegalHoldStatus: 'ON' })
    const at = { Bucket, Key: 'k', VersionId }
    expect((await client.send(new GetObjectLegalHoldCommand(at))).LegalHold?.Status).toBe('ON')
    expect(await refusal(client.send(new DeleteObjectCommand(at)))).toEqual(['AccessDenied', 403])
    await client.send(new PutObjectLegalHoldCommand({ ...at, LegalHold: { Status: 'OFF' } }))
    await client.send(new DeleteObjectCommand(at))
  })

  it('of the bucket itself holds for every object that brings none, and wants a digest of it', async () => {
    const rules: FakeS3Options = { objectLock: true, defaultRetention: { mode: 'GOVERNANCE', days: 3 } }
    const { client, put, Bucket } = await sdkHouse(rules)
    const { VersionId } = await put('k', 'x')
    const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket, Key: 'k', VersionId }))
    expect(Retention?.Mode).toBe('GOVERNANCE')
    const { ObjectLockConfiguration } = await client.send(new GetObjectLockConfigurationCommand({ Bucket }))
    expect(ObjectLockConfiguration?.Rule?.DefaultRetention).toEqual({ Mode: 'GOVERNANCE', Days: 3 })
    const bare = await sdkHouse(rules, { requestChecksumCalculation: 'WHEN_REQUIRED' })
    expect(await refusal(bare.put('k', 'x'))).toEqual(['InvalidRequest', 400])
  })

  it('wants a digest and a bucket that was made for it', async () => {
    const plain = await sdkHouse()
    const lock = { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: later(1) } as const
    expect(await refusal(plain.put('k', 'x', lock))).toEqual(['InvalidRequest', 400])
    expect(await refusal(plain.client.send(new GetObjectLockConfigurationCommand({ Bucket: plain.Bucket })))).toEqual([
      'ObjectLockConfigurationNotFoundError',
      404,
    ])
    const bare = await sdkHouse({ objectLock: true }, { requestChecksumCalculation: 'WHEN_REQUIRED' })
    expect(await refusal(bare.put('k', 'x', lock))).toEqual(['InvalidRequest', 400])
    await bare.put('k', 'x', { ...lock, ContentMD5: md5('x').toString('base64') })
    expect(
      await refusal(bare.put('old', 'x', { ...lock, ObjectLockRetainUntilDate: later(-1), ContentMD5: md5('x').toString('base64') })),
    ).toEqual(['InvalidArgument', 400])
  })
})
