/** How the fake S3 server fails when it is told to, and what it tells of its bucket. */
import {
  GetBucketLifecycleConfigurationCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { heal } from './s3/faults.ts'
import { clientOf, refusal, sdkHouse, upload } from './s3/sdk-house.ts'

describe('the bucket', () => {
  it('of another name or region is not here, and of another region says where it is', async () => {
    const { client, fake, Bucket } = await sdkHouse({ region: 'eu-west-1' })
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket: 'other' })))).toEqual(['NoSuchBucket', 404])
    const lost = clientOf(fake, { region: 'us-east-1' })
    const error = await lost.send(new ListObjectsV2Command({ Bucket })).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'PermanentRedirect', $metadata: { httpStatusCode: 301 } })
    expect(error).toMatchObject({ $response: { headers: { 'x-amz-bucket-region': 'eu-west-1' } } })
    expect((await refusal(lost.send(new HeadBucketCommand({ Bucket }))))[1]).toBe(301)
    expect((await client.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('eu-west-1')
  })

  it('tells its lifecycle rules, and refuses what this fake does not know', async () => {
    const { client, Bucket } = await sdkHouse({ lifecycle: [{ id: 'tidy', prefix: 'packs/', expirationDays: 30, abortIncompleteDays: 7 }] })
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
    expect(Rules).toMatchObject([
      {
        ID: 'tidy',
        Status: 'Enabled',
        Filter: { Prefix: 'packs/' },
        Expiration: { Days: 30 },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ])
    expect(await refusal(client.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' })))).toEqual(['NotImplemented', 501])
    const none = await sdkHouse()
    expect(await refusal(none.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: none.Bucket })))).toEqual([
      'NoSuchLifecycleConfiguration',
      404,
    ])
  })
})

describe('faults', () => {
  it('cut the n-th request that is meant, with or without its effect', async () => {
    const { fake, put } = await sdkHouse()
    fake.faults.only = ({ key }) => key.startsWith('meant')
    for (const [when, kept] of [
      ['before', 0],
      ['after', 1],
    ] as const) {
      fake.faults.killRequest = { at: 2, when }
      await put('other', 'x')
      await put('meant-1', 'x')
      expect((await refusal(put(`meant-${when}`, 'x')))[1]).toBeUndefined()
      await put('meant-3', 'x')
      expect(fake.store.get(`meant-${when}`)?.length ?? 0).toBe(kept)
    }
    expect(fake.faults.log.filter(({ status }) => status === undefined)).toHaveLength(2)
    expect(fake.faults.counts.PutObject).toBe(8)
  })

  it('answer for a busy, a forbidding, a full and a broken server, and heal', async () => {
    const { fake, put, get } = await sdkHouse()
    await put('k', '0123456789')
    const { faults } = fake
    faults.slowDown = { times: 1, retryAfterSeconds: 7 }
    const busy = await put('a', 'x').catch((error: unknown) => error)
    expect(busy).toMatchObject({ name: 'SlowDown', $response: { statusCode: 503, headers: { 'retry-after': '7' } } })
    faults.denied = 1
    expect([await refusal(get('k')), await refusal(get('k'))]).toEqual([
      ['succeeded', undefined],
      ['AccessDenied', 403],
    ])
    heal(faults)
    faults.quotaAfterBytes = 3
    expect([await refusal(put('a', '123')), await refusal(put('b', '1'))]).toEqual([
      ['succeeded', undefined],
      ['QuotaExceeded', 403],
    ])
    heal(faults)
    faults.truncate200 = 1
    expect((await refusal(get('k')))[0]).not.toBe('succeeded')
    expect((await get('k')).text).toBe('0123456789')
    faults.bucketGone = true
    expect(await refusal(get('k'))).toEqual(['NoSuchBucket', 404])
    heal(faults)
    expect((await get('k')).text).toBe('0123456789')
  })

  it('answer 200 where nothing was done: a page of a proxy, an error inside a completed upload', async () => {
    const house = await sdkHouse()
    const { faults, store } = house.fake
    const { complete } = await upload(house, [Buffer.from('x')])
    faults.errorIn200 = 1
    expect((await refusal(complete()))[0]).toBe('InternalError')
    faults.html200 = 1
    expect((await house.get('k')).text).toMatch(/^<!DOCTYPE html>/)
    expect(store.size).toBe(0)
    faults.emptyEtag = 1
    expect((await complete()).ETag ?? '').toBe('')
    expect(store.size).toBe(1)
  })

  it('leave a request without an answer, or answer late', async () => {
    const { fake, client, Bucket } = await sdkHouse()
    fake.faults.hang = 1
    const hung = client.send(new HeadBucketCommand({ Bucket }), { abortSignal: AbortSignal.timeout(100) })
    expect((await refusal(hung))[0]).toBe('AbortError')
    fake.faults.latencyMs = 60
    const started = performance.now()
    await client.send(new HeadBucketCommand({ Bucket }))
    expect(performance.now() - started).toBeGreaterThan(55)
  })
})
