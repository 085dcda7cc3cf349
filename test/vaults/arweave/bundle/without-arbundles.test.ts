import { constants, randomBytes, sign } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { itemIdOf, signItem, verifiedItem } from '../../../../src/vaults/arweave/bundle/item.ts'
import { deepHash } from '../../../../src/vaults/arweave/deep-hash.ts'
import { newWallet } from './wallet.ts'

vi.mock('arbundles', () => {
  throw new Error('Cannot find package')
})

const { jwk, address } = newWallet()

/** An item without target, anchor and tags. */
function handmade(content: Uint8Array): Buffer {
  const owner = Buffer.from(jwk.n, 'base64url')
  const none = Buffer.alloc(0)
  const message = deepHash([Buffer.from('dataitem'), Buffer.from('1'), Buffer.from('1'), owner, none, none, none, content])
  const signature = sign('sha256', message, { key: jwk, format: 'jwk', padding: constants.RSA_PKCS1_PSS_PADDING })
  return Buffer.concat([Uint8Array.of(1, 0), signature, owner, Buffer.alloc(2 + 16), content])
}

describe('without arbundles', () => {
  it('signing says what to install', async () => {
    const work = signItem(jwk, { bytes: Uint8Array.of(1), tags: [] }, { id: 'weave' })
    await expect(work).rejects.toMatchObject({
      code: 'unsupported',
      vault: 'weave',
      message: expect.stringContaining('npm install arbundles'),
    })
  })

  it('items are verified all the same', async () => {
    const content = randomBytes(100)
    const raw = handmade(content)
    const item = await verifiedItem(raw)
    expect(item).toMatchObject({ id: itemIdOf(raw), address, tags: [], dataOffset: 1044 })
    expect(Buffer.from(item?.data ?? [])).toEqual(content)
  })
})
