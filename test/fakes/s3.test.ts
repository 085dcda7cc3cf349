/** The fake S3 server, asked by the AWS SDK itself. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { crc64nvme } from './s3/crc64.ts'
import { clientOf, md5, refusal, sdkHouse } from './s3/sdk-house.ts'

const HOUR_MS = 3_600_000

describe('signatures', () => {
  it('are accepted when they are right, with a signed, an unsigned and a streamed payload', async () => {
    const { put, get, fake } = await sdkHouse()
    await put('a space/and +&=(é)!*', 'signed')
    expect((await get('a space/and +&=(é)!*')).text).toBe('signed')
    expect([...fake.store.keys()]).toEqual(['a space/and +&=(é)!*'])
    const strict = await sdkHouse({}, { requestChecksumCalculation: 'WHEN_REQUIRED' })
    await strict.put('plain', 'hashed whole')
    expect((await strict.get('plain')).text).toBe('hashed whole')
    const body = Readable.from([Buffer.alloc(60_000, 7), Buffer.alloc(40_000, 7)])
    await strict.client.send(
      new PutObjectCommand({ Bucket: strict.Bucket, Key: 'streamed', Body: body, ContentLength: 100_000, ChecksumAlgorithm: 'CRC64NVME' }),
    )
    expect(strict.fake.store.get('streamed')?.[0]?.body.equals(Buffer.alloc(100_000, 7))).toBe(true)
    expect(strict.fake.store.get('streamed')?.[0]?.checksum?.value).toBe(crc64nvme(Buffer.alloc(100_000, 7)).toString('base64'))
  })

  it('of a wrong secret, an unknown key and a foreign session are refused, each by its name', async () => {
    const { fake, Bucket } = await sdkHouse()
    const { accessKeyId, secretAccessKey } = fake
    const list = (credentials: S3ClientConfig['credentials']) =>
      refusal(clientOf(fake, credentials ? { credentials } : {}).send(new ListObjectsV2Command({ Bucket })))
    expect(await list({ accessKeyId, secretAccessKey: 'wrong' })).toEqual(['SignatureDoesNotMatch', 403])
    expect(await list({ accessKeyId: 'NOBODY', secretAccessKey })).toEqual(['InvalidAccessKeyId', 403])
    expect(await list({ accessKeyId, secretAccessKey, sessionToken: 'foreign' })).toEqual(['InvalidToken', 400])
    expect(await list({ accessKeyId, secretAccessKey, sessionToken: fake.sessionToken })).toEqual(['succeeded', undefined])
    expect(fake.faults.log.map(({ status }) => status)).toEqual([403, 403, 400, 200])
  })

  it('are refused when a byte of the request was changed on its way', async () => {
    const { fake, client, Bucket } = await sdkHouse()
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { path: string }
        request.path = request.path.replace('one', 'two')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    expect(await refusal(client.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'x' })))).toEqual(['SignatureDoesNotMatch', 403])
    expect(fake.store.size).toBe(0)
    expect((await fetch(`${fake.endpoint}/${Bucket}?list-type=2`)).status, 'nobody is let in without a signature').toBe(403)
  })

  it('are refused more than 15 minutes off, with the time of the server', async () => {
    const { fake, client, Bucket } = await sdkHouse()
    fake.faults.skewMs = 14 * 60_000
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toEqual(['succeeded', undefined])
    for (const skewMs of [HOUR_MS, -HOUR_MS]) {
      fake.faults.skewMs = skewMs
      const fresh = clientOf(fake)
      expect(await refusal(fresh.send(new ListObjectsV2Command({ Bucket })))).toEqual(['RequestTimeTooSkewed', 403])
      expect(await refusal(fresh.send(new ListObjectsV2Command({ Bucket }))), 'the SDK sets its own clock by the answer').toEqual([
        'succeeded',
        undefined,
      ])
    }
  })

  it('do not help an expired session', async () => {
    const { fake, Bucket } = await sdkHouse()
    const { accessKeyId, secretAccessKey, sessionToken } = fake
    const client = clientOf(fake, { credentials: { accessKeyId, secretAccessKey, sessionToken } })
    fake.faults.expireSession = 1
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toEqual(['succeeded', undefined])
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toEqual(['ExpiredToken', 400])
    expect(await refusal(clientOf(fake).send(new ListObjectsV2Command({ Bucket }))), 'long-term keys go on').toEqual([
      'succeeded',
      undefined,
    ])
  })
})

describe('objects', () => {
  it('come back with type, metadata, storage class and the MD5 as ETag', async () => {
    const { put, get } = await sdkHouse()
    const { ETag } = await put('k', 'hello', { ContentType: 'text/plain', Metadata: { kind: 'content' }, StorageClass: 'STANDARD_IA' })
    expect(ETag).toBe(`"${md5('hello').toString('hex')}"`)
    expect(await get('k')).toMatchObject({
      text: 'hello',
      ContentType: 'text/plain',
      Metadata: { kind: 'content' },
      StorageClass: 'STANDARD_IA',
      ETag,
      ContentLength: 5,
    })
  })

  it('are absent after a delete, and a delete of nothing is silent', async () => {
    const { put, client, Bucket } = await sdkHouse()
    await put('k', 'x')
    for (let times = 0; times < 2; times++) await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    expect(await refusal(client.send(new GetObjectCommand({ Bucket, Key: 'k' })))).toEqual(['NoSuchKey', 404])
    expect(await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'k' })))).toEqual(['NotFound', 404])
  })

  it.each([
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=3-5', '345', 'bytes 3-5/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
    ['bytes=5-3', '0123456789', undefined],
  ])('give %s as %s', async (Range, text, ContentRange) => {
    const { put, get } = await sdkHouse()
    await put('k', '0123456789')
    const answer = await get('k', { Range })
    expect([answer.text, answer.ContentRange]).toEqual([text, ContentRange])
    expect(answer.$metadata.httpStatusCode).toBe(ContentRange === undefined ? 200 : 206)
  })

  it('refuse a range past their end', async () => {
    const { put, get } = await sdkHouse()
    await put('k', '0123456789')
    expect(await refusal(get('k', { Range: 'bytes=10-20' }))).toEqual(['InvalidRange', 416])
    await put('empty', '')
    expect(await refusal(get('empty', { Range: 'bytes=0-0' }))).toEqual(['InvalidRange', 416])
  })

  it('have one winner among 20 racing creates, and keep what it wrote', async () => {
    const { put, get } = await sdkHouse()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, number) => refusal(put('k', `writer ${number}`, { IfNoneMatch: '*' }))),
    )
    const winner = outcomes.findIndex(([name]) => name === 'succeeded')
    expect(outcomes.filter(([name]) => name === 'PreconditionFailed')).toHaveLength(19)
    expect((await get('k')).text).toBe(`writer ${winner}`)
  })

  it('are overwritten under If-Match only by who knows them', async () => {
    const { put, get } = await sdkHouse()
    const { ETag } = await put('k', 'one')
    if (ETag === undefined) expect.unreachable()
    expect(await refusal(put('k', 'two', { IfMatch: '"0"' }))).toEqual(['PreconditionFailed', 412])
    await put('k', 'two', { IfMatch: ETag })
    expect((await get('k')).text).toBe('two')
    expect(await refusal(put('other', 'x', { IfMatch: ETag }))).toEqual(['NoSuchKey', 404])
  })

  it('can be damaged behind the back of the server, which still shows the old ETag', async () => {
    const { fake, put, get } = await sdkHouse()
    const { ETag } = await put('k', 'hello')
    const stored = fake.store.get('k')?.[0]
    if (!stored || ETag === undefined) expect.unreachable()
    stored.body[0] = 0x6a
    expect(await get('k').catch((error: unknown) => String(error))).toMatch(/checksum/i)
    const careless = new GetObjectCommand({ Bucket: fake.bucket, Key: 'k' })
    const answer = await clientOf(fake, { responseChecksumValidation: 'WHEN_REQUIRED' }).send(careless)
    expect([await answer.Body?.transformToString(), answer.ETag]).toEqual(['jello', ETag])
  })

  it('that are absent are forbidden where the right to list is missing', async () => {
    const { put, get, client, Bucket } = await sdkHouse({ deniesAbsent: true })
    await put('k', 'x')
    expect((await get('k')).text).toBe('x')
    expect(await refusal(get('absent'))).toEqual(['AccessDenied', 403])
    expect((await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'absent' }))))[1]).toBe(403)
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toEqual(['AccessDenied', 403])
  })
})

describe('checksums', () => {
  it('are those of the standards', () => {
    expect(crc64nvme(Buffer.from('123456789')).toString('hex')).toBe('ae8b14860a799888')
  })

  it.each(['CRC32', 'CRC64NVME', 'SHA1', 'SHA256'] as const)('%s is checked, kept and given back', async (ChecksumAlgorithm) => {
    const { put, client, Bucket } = await sdkHouse()
    await put('k', 'hello', { ChecksumAlgorithm })
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }))
    expect(head[`Checksum${ChecksumAlgorithm}`]).toMatch(/^[A-Za-z0-9+/]+=*$/)
    expect(head.ChecksumType).toBe('FULL_OBJECT')
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: 'k' })))[`Checksum${ChecksumAlgorithm}`]).toBeUndefined()
    const other = createHash('sha256').update('other').digest('base64')
    expect(await refusal(put('k', 'hello', { ChecksumSHA256: other }))).toEqual(['BadDigest', 400])
  })

  it('are accepted and forgotten by a store that ignores them', async () => {
    const { put, client, Bucket } = await sdkHouse({ checksums: 'ignored' })
    await put('k', 'hello', { ChecksumSHA256: createHash('sha256').update('other').digest('base64') })
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }))
    expect(head.ChecksumSHA256).toBeUndefined()
  })

  it('in Content-MD5 are checked everywhere', async () => {
    for (const checksums of ['kept', 'ignored'] as const) {
      const { put } = await sdkHouse({ checksums })
      await put('k', 'hello', { ContentMD5: md5('hello').toString('base64') })
      expect(await refusal(put('k', 'hello', { ContentMD5: md5('other').toString('base64') }))).toEqual(['BadDigest', 400])
      expect(await refusal(put('k', 'hello', { ContentMD5: 'bm90IGFuIE1ENQ==' }))).toEqual(['InvalidDigest', 400])
    }
  })
})
