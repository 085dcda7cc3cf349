import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { ArweaveSigner, createData, DataItem, deepHash as deepHashOfArbundles, EthereumSigner } from 'arbundles'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { itemIdOf, signItem, type Tag, verifiedItem } from '../../../../src/vaults/arweave/bundle/item.ts'
import { deepHash } from '../../../../src/vaults/arweave/deep-hash.ts'
import { codeOf } from '../../code-of.ts'
import { newWallet } from './wallet.ts'

const { jwk, address } = newWallet()

const TAGS: readonly Tag[] = [
  { name: 'Content-Type', value: 'application/vnd.ipld.car; version=1' },
  { name: 'Größe', value: '🗄️ 12 MiB' },
]

async function fromArbundles(bytes: Uint8Array, options: Parameters<typeof createData>[2] = {}): Promise<Buffer> {
  const signer = new ArweaveSigner(jwk)
  const item = createData(bytes, signer, options)
  await item.sign(signer)
  return item.getRaw()
}

function flipped(raw: Uint8Array, at: number, mask = 1): Uint8Array {
  const copy = Uint8Array.from(raw)
  copy[at] = (copy[at] ?? 0) ^ mask
  return copy
}

describe('an item signed by us', () => {
  it('is valid to arbundles, with the same id, owner, tags, anchor and data', async () => {
    const [bytes, anchor] = [randomBytes(5000), randomBytes(32)]
    const { id, bytes: raw } = await signItem(jwk, { bytes, tags: TAGS, anchor })
    const item = new DataItem(Buffer.from(raw))
    expect(await DataItem.verify(Buffer.from(raw))).toBe(true)
    expect(item).toMatchObject({ id, owner: jwk.n, tags: TAGS })
    expect(item.rawAnchor).toEqual(anchor)
    expect(item.rawData).toEqual(bytes)
  })

  it('is verified by us: address, tags, and where its data lie', async () => {
    const bytes = randomBytes(777)
    const { id, bytes: raw } = await signItem(jwk, { bytes, tags: TAGS })
    const item = await verifiedItem(raw)
    expect(item).toMatchObject({ id, address, tags: TAGS, dataOffset: raw.byteLength - 777 })
    expect(Buffer.from(item?.data ?? [])).toEqual(bytes)
    expect(itemIdOf(raw)).toBe(id)
  })

  it('may have no tags and no bytes', async () => {
    const { id, bytes: raw } = await signItem(jwk, { bytes: new Uint8Array(), tags: [] })
    expect(await verifiedItem(raw)).toMatchObject({ id, tags: [], dataOffset: raw.byteLength })
    expect(await DataItem.verify(Buffer.from(raw))).toBe(true)
  })

  it('may have 128 tags, and 2048 bytes of them', async () => {
    const tags = Array.from({ length: 128 }, (_, index) => ({ name: `n${index}`.padEnd(8, '.'), value: 'v'.repeat(8) }))
    const { bytes: raw } = await signItem(jwk, { bytes: randomBytes(1), tags })
    expect(await verifiedItem(raw)).toMatchObject({ tags })
    expect(await DataItem.verify(Buffer.from(raw))).toBe(true)
  })
})

describe('an item signed by arbundles', () => {
  it.each<[string, Parameters<typeof createData>[2]]>([
    ['without anything', {}],
    ['with tags', { tags: [...TAGS] }],
    ['with a target', { target: Buffer.alloc(32, 7).toString('base64url'), tags: [...TAGS] }],
    ['with an anchor', { anchor: 'a'.repeat(32) }],
    ['with both', { target: Buffer.alloc(32, 7).toString('base64url'), anchor: 'a'.repeat(32), tags: [...TAGS] }],
  ])('%s is verified by us', async (_, options) => {
    const raw = await fromArbundles(Buffer.from('hello'), options)
    const item = await verifiedItem(raw)
    expect(item).toMatchObject({ id: new DataItem(raw).id, address, tags: options?.tags ?? [] })
    expect(Buffer.from(item?.data ?? []).toString()).toBe('hello')
  })

  it('is verified where it lies in a larger buffer', async () => {
    const raw = await fromArbundles(Buffer.from('hello'), { tags: [...TAGS] })
    const larger = Buffer.concat([randomBytes(13), raw, randomBytes(5)])
    expect(await verifiedItem(larger.subarray(13, 13 + raw.byteLength))).toMatchObject({ id: new DataItem(raw).id })
  })

  it('is undefined to us with another type of signature', async () => {
    const signer = new EthereumSigner(randomBytes(32).toString('hex'))
    const item = createData('hello', signer)
    await item.sign(signer)
    expect(await DataItem.verify(item.getRaw())).toBe(true)
    expect(await verifiedItem(item.getRaw())).toBeUndefined()
    expect(itemIdOf(item.getRaw())).toBeUndefined()
  })
})

describe('an item that was changed', async () => {
  const raw = await fromArbundles(randomBytes(100), {
    target: Buffer.alloc(32, 7).toString('base64url'),
    anchor: 'a'.repeat(32),
    tags: [...TAGS],
  })
  const { dataOffset = 0 } = (await verifiedItem(raw)) ?? {}

  it('is verified before that', () => {
    expect(dataOffset).toBeGreaterThan(1092 + 16)
  })

  it.each<[string, number]>([
    ['the type of signature', 0],
    ['the high byte of the type', 1],
    ['the first byte of the signature', 2],
    ['the last byte of the signature', 513],
    ['the first byte of the owner', 514],
    ['the last byte of the owner', 1025],
    ['the presence of the target', 1026],
    ['the target', 1027],
    ['the presence of the anchor', 1059],
    ['the anchor', 1091],
    ['the number of tags', 1092],
    ['the highest byte of the number of tags', 1099],
    ['the length of the tags', 1100],
    ['the highest byte of their length', 1107],
    ['the tags', 1109],
    ['the end of the tags', dataOffset - 1],
    ['the first byte of the data', dataOffset],
    ['the last byte of the data', raw.byteLength - 1],
  ])('is undefined: %s', async (_, at) => {
    for (const mask of [1, 0x80, 0xff]) expect(await verifiedItem(flipped(raw, at, mask))).toBeUndefined()
  })

  it('is undefined where the presence of something is neither 0 nor 1, which no signature covers', async () => {
    const bare = await fromArbundles(Buffer.from('hello'))
    const changed = flipped(bare, 1026, 2)
    expect(await DataItem.verify(Buffer.from(changed))).toBe(true)
    expect(await verifiedItem(changed)).toBeUndefined()
    expect(await verifiedItem(bare)).toBeDefined()
  })

  it('is undefined where bytes are added or missing', async () => {
    expect(await verifiedItem(Buffer.concat([raw, Uint8Array.of(0)]))).toBeUndefined()
    for (const length of [0, 1, 2, 513, 1026, 1027, 1060, 1092, 1099, 1107, 1108, dataOffset - 1, dataOffset, raw.byteLength - 1])
      expect(await verifiedItem(raw.subarray(0, length)), `${length} bytes`).toBeUndefined()
  })

  it('is undefined for an owner that is no key', async () => {
    for (const byte of [0, 0xff])
      expect(await verifiedItem(Buffer.concat([raw.subarray(0, 514), Buffer.alloc(512, byte), raw.subarray(1026)]))).toBeUndefined()
  })

  it('is undefined for any bytes, and never an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (tail) => {
        expect(await verifiedItem(tail)).toBeUndefined()
        expect(await verifiedItem(Buffer.concat([raw.subarray(0, 1026), tail]))).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })
})

describe('signing', () => {
  const bytes = Uint8Array.of(1)
  const sign = (tags: readonly Tag[]) => codeOf(signItem(jwk, { bytes, tags }))

  it('refuses tags that no bundler or gateway would keep', async () => {
    expect(await sign(Array<Tag>(129).fill({ name: 'n', value: 'v' }))).toBe('invalid')
    expect(await sign([{ name: 'n', value: 'v'.repeat(2048) }])).toBe('invalid')
    expect(await sign([{ name: 'n', value: 'ü'.repeat(1024) }])).toBe('invalid')
    expect(await sign([{ name: 'n'.repeat(1025), value: 'v' }])).toBe('invalid')
    expect(await sign([{ name: '', value: 'v' }])).toBe('invalid')
    expect(await sign([{ name: 'n', value: '' }])).toBe('invalid')
    expect(await sign([{ name: 'n', value: '\ud800' }])).toBe('invalid')
    expect(await sign([{ name: 'n', value: 'v'.repeat(2047) }])).toBe('succeeded')
  })

  it('refuses an anchor that has not 32 bytes', async () => {
    expect(await codeOf(signItem(jwk, { bytes, tags: [], anchor: new Uint8Array(31) }))).toBe('invalid')
  })

  const { d = '', ...publicKey } = jwk
  const secret = d.slice(0, 20)
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', JSON.stringify(jwk)],
    ['the public half', publicKey],
    ['another exponent', { ...jwk, e: 'Aw' }],
    ['another type', { ...jwk, kty: 'EC' }],
    ['numbers that do not belong together', { ...jwk, n: `${jwk.n.slice(0, -4)}${jwk.n.endsWith('AAAB') ? 'AAAD' : 'AAAB'}` }],
  ])('refuses a key that is %s, and shows nothing of it', async (_, key) => {
    const error = await signItem(key, { bytes, tags: [] }, { id: 'weave' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'invalid', vault: 'weave' })
    expect(inspect(error, { depth: 8 })).not.toContain(secret)
  })
})

describe('the deep hash', () => {
  it('is that of arbundles', async () => {
    const tree = [Buffer.from('dataitem'), Buffer.alloc(0), [Buffer.from('a'), [], [randomBytes(1000)]]]
    expect(Buffer.from(deepHash(tree))).toEqual(Buffer.from(await deepHashOfArbundles(tree as unknown as Uint8Array)))
  })
})
