import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeSigner, signer, sodiumSigner } from '../../src/format/ed25519.ts'
import { keyFromSeed, signBytes, verifiesBytes } from '../../src/format/sign.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

/** RFC 8032, section 7.1, tests 1 to 3. */
const RFC_8032 = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
]

describe('Ed25519', () => {
  it('is done natively where the platform has it', async () => {
    expect((await signer()).name).toBe('node')
  })

  it.each(RFC_8032)('gives the key and the signature of RFC 8032 over $message, on both paths', async (test) => {
    for (const own of [nodeSigner, await sodiumSigner()]) {
      const { publicKey, privateKey } = own.pair(hex(test.seed))
      expect(Buffer.from(publicKey).toString('hex')).toBe(test.publicKey)
      expect(Buffer.from(own.sign(hex(test.message), privateKey)).toString('hex')).toBe(test.signature)
    }
  })

  it('gives the same bytes on both paths, for any seed and message', async () => {
    const portable = await sodiumSigner()
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(seeds, fc.uint8Array({ maxLength: 300 }), (seed, message) => {
        const [native, other] = [nodeSigner.pair(seed), portable.pair(seed)]
        expect(native).toEqual(other)
        expect(nodeSigner.sign(message, native.privateKey)).toEqual(portable.sign(message, other.privateKey))
      }),
    )
  })

  it('a signature holds for its own bytes and key only', async () => {
    const key = await keyFromSeed(randomBytes(32))
    const bytes = randomBytes(100)
    const signature = await signBytes(bytes, key)
    expect(await verifiesBytes(bytes, signature, key.publicKey)).toBe(true)
    expect(await verifiesBytes(bytes.subarray(1), signature, key.publicKey)).toBe(false)
    expect(await verifiesBytes(bytes, signature, (await keyFromSeed(randomBytes(32))).publicKey)).toBe(false)
  })
})
