import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { S3_PRESETS, s3 } from '../../../src/s3.ts'
import { knowsProxies } from '../../../src/vaults/s3/client.ts'
import { joinedCrc64 } from '../../../src/vaults/s3/crc64.ts'
import { s3Error } from '../../../src/vaults/s3/errors.ts'
import { decodeUpload, encodeUpload } from '../../../src/vaults/s3/journal.ts'
import { keyOf, locatorOf, parseKey, parseLocator } from '../../../src/vaults/s3/keys.ts'
import { MAX_PARTS, partSize } from '../../../src/vaults/s3/parts.ts'
import { crc64nvme } from '../../fakes/s3/crc64.ts'

const NAME = CID.parse('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')
const MIB = 1024 * 1024

describe('a locator', () => {
  it('is read back as it was written, whatever the prefix and the version', () => {
    const prefix = fc.string({ unit: 'grapheme' }).map((text) => (text === '' ? '' : `${text}/`))
    fc.assert(
      fc.property(
        prefix,
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        fc.constantFrom('content', 'index'),
        (under, version, kind) => {
          fc.pre(version !== 'null')
          const key = keyOf(under, NAME, kind)
          const found = parseLocator(under, locatorOf(key, version))
          expect(found?.key).toBe(key)
          expect(found?.versionId).toBe(version)
          expect(found?.kind).toBe(kind)
          expect(found?.name.equals(NAME)).toBe(true)
        },
      ),
    )
  })

  it('that this vault never issued is not read', () => {
    const key = keyOf('p/', NAME, 'content')
    const foreign = [
      key,
      `s3:${keyOf('q/', NAME, 'content')}`,
      `s3:${key}?versionId=`,
      `s3:${key}?versionId=%zz`,
      `s3:${key}?versionId=a/b`,
      `s3:${key}?versionId=null`,
      `s3:${key}?versionId=a&x=b`,
      `s3:${key.replace('/5e/', '/aa/').replace('/n5/', '/aa/')}`,
      `s3:p/../p/packs/aa/${NAME}.car`,
      `s3:p/packs/n5/${NAME}`,
    ]
    for (const each of foreign) expect(parseLocator('p/', each), each).toBeUndefined()
  })

  it('stands for a key a person can read', () => {
    expect(keyOf('media/', NAME, 'index')).toBe(`media/index/n5/${NAME}.car`)
    expect(parseKey('media/', 'media/index/n5/readme.car')).toBeUndefined()
  })
})

describe('an error of a store', () => {
  const refused = (name: string, httpStatusCode: number, headers = {}) =>
    Object.assign(new Error('some sentence'), { name, $metadata: { httpStatusCode }, $response: { headers } })

  it.each([
    ['AccessDenied', 403, 'denied'],
    ['ExpiredToken', 400, 'denied'],
    ['InvalidAccessKeyId', 403, 'denied'],
    ['RequestTimeTooSkewed', 403, 'denied'],
    ['Strange', 401, 'denied'],
    ['NoSuchKey', 404, 'absent'],
    ['Strange', 404, 'unreachable'],
    ['NoSuchBucket', 404, 'invalid'],
    ['PermanentRedirect', 301, 'invalid'],
    ['SlowDown', 503, 'unreachable'],
    ['Strange', 500, 'unreachable'],
    ['Strange', 429, 'unreachable'],
    ['SyntaxError', 200, 'unreachable'],
    ['QuotaExceeded', 403, 'exhausted'],
    ['Strange', 507, 'exhausted'],
    ['PreconditionFailed', 412, 'conflict'],
    ['NotImplemented', 501, 'unsupported'],
    ['InvalidObjectState', 403, 'unsupported'],
  ])('%s with %i is %s', (name, status, code) => {
    expect(s3Error('media', 'reading x', refused(name, status))).toMatchObject({ code, vault: 'media' })
  })

  it('of the network is unreachable', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'DEPTH_ZERO_SELF_SIGNED_CERT'])
      expect(s3Error('media', 'reading x', Object.assign(new Error('x'), { code })).code).toBe('unreachable')
  })

  it('keeps its cause, names the right region and says how long to wait', () => {
    const cause = refused('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-3' })
    const error = s3Error('media', 'reading x', cause)
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('eu-west-3')
    expect(s3Error('media', 'x', refused('SlowDown', 503, { 'retry-after': '3' }))).toMatchObject({ retryAfterMs: 3000 })
    const mine = new VaultError('damaged', 'media', 'ours')
    expect(s3Error('media', 'x', mine)).toBe(mine)
  })
})

describe('parts', () => {
  it('are never more than 10,000 and never smaller than wished', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * 1024 * 1024 * MIB }), fc.integer({ min: 5 * MIB, max: 64 * MIB }), (byteLength, wished) => {
        const size = partSize(byteLength, wished)
        expect(size).toBeGreaterThanOrEqual(wished)
        expect(Math.ceil(byteLength / size)).toBeLessThanOrEqual(MAX_PARTS)
        if (size > wished) expect(Math.ceil(byteLength / (size - MIB))).toBeGreaterThan(MAX_PARTS)
      }),
    )
  })
})

describe('CRC64NVME of a whole', () => {
  const crc64 = (bytes: Uint8Array) => crc64nvme(bytes).toString('base64')

  it('is what the check value of the catalogue of CRCs says', () => {
    // https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme
    expect(crc64nvme(Buffer.from('123456789')).toString('hex')).toBe('ae8b14860a799888')
    const pieces = ['1234', '', '5', '6789'].map((text) => ({ crc64: crc64(Buffer.from(text)), byteLength: text.length }))
    expect(Buffer.from(joinedCrc64(pieces), 'base64').toString('hex')).toBe('ae8b14860a799888')
    expect(joinedCrc64([])).toBe(crc64(new Uint8Array()))
  })

  it('follows from those of its pieces, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
        const told = pieces.map((bytes) => ({ crc64: crc64(bytes), byteLength: bytes.byteLength }))
        expect(joinedCrc64(told)).toBe(crc64(Buffer.concat(pieces)))
      }),
    )
  })
})

describe('the journal', () => {
  const state = { uploadId: 'u/1', key: 'packs/n5/x.car', byteLength: 20, partBytes: 7, sha256: true, replace: false }

  it('is read back as it was written', () => {
    for (const each of [state, { ...state, sha256: false, crc64: true }]) expect(decodeUpload(encodeUpload(each))).toEqual(each)
  })

  it('that is cut off, foreign or of a later version is no journal', () => {
    const bytes = encodeUpload(state)
    expect(decodeUpload(undefined)).toBeUndefined()
    for (let end = 0; end < bytes.byteLength; end++) expect(decodeUpload(bytes.subarray(0, end))).toBeUndefined()
    for (const value of [null, 7, {}, { ...state, version: 2 }, { ...state, version: 1, partBytes: -1 }])
      expect(decodeUpload(new TextEncoder().encode(JSON.stringify(value)))).toBeUndefined()
  })
})

describe('options', () => {
  const keys = { accessKeyId: 'a', secretAccessKey: 'b' }

  it('take network, operator and region from the preset', () => {
    const seen = Object.keys(S3_PRESETS).map((preset) => {
      const name = preset as keyof typeof S3_PRESETS
      const needs = ['r2', 'minio', 'ceph'].includes(name) ? { endpoint: 'https://s3.example.org' } : {}
      const { network, operator } = s3({ bucket: 'media', preset: name, ...needs, ...keys }).profile
      return `${name} ${network} ${operator}`
    })
    expect(seen).toEqual([
      'aws s3 aws',
      'storj storj storj',
      'r2 s3 cloudflare',
      'b2 s3 backblaze',
      'filebase s3 filebase',
      'wasabi s3 wasabi',
      'minio s3 s3.example.org',
      'ceph s3 s3.example.org',
      'gcs gcs google',
    ])
  })

  it('each preset names its quirks and an example that is written with its own name', () => {
    for (const [name, { network, quirks = [], example }] of Object.entries(S3_PRESETS)) {
      expect(network, name).not.toBe('')
      expect(quirks.length, name).toBeGreaterThan(0)
      expect(example, name).toMatch(new RegExp(`^s3\\(\\{ preset: '${name}', bucket: `))
    }
  })

  it('of a user win over the preset', () => {
    const { profile } = s3({ bucket: 'My.Media', preset: 'storj', network: 'n', operator: 'o', storageClass: 'DEEP_ARCHIVE' })
    expect(profile).toMatchObject({ id: 'my-media', network: 'n', operator: 'o', cold: true })
  })

  it.each([
    ['a bucket without a name', { bucket: '' }],
    ['a preset that is unknown', { bucket: 'media', preset: 'oracle' as 'aws' }],
    ['a preset without its endpoint', { bucket: 'media', preset: 'minio' as const }],
    ['an endpoint that is no URL', { bucket: 'media', endpoint: 'localhost:9000' }],
    ['half a key pair', { bucket: 'media', accessKeyId: 'a' }],
    ['parts of no size', { bucket: 'media', partBytes: 0 }],
    ['no parts at a time', { bucket: 'media', partsInFlight: 0 }],
    ['a lock for no time', { bucket: 'media', lock: { mode: 'GOVERNANCE' as const, days: 0 } }],
  ])('are refused with %s', (_, options) => {
    expect(() => s3(options)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })

  it('allow a proxy where Node knows how', () => {
    expect(['22.18.0', '24.4.1', '24.5.0', '25.0.0'].map(knowsProxies)).toEqual([false, false, true, true])
  })
})
