import { describe, expect, it, vi } from 'vitest'
import { signItem } from '../../../../src/vaults/arweave/bundle/item.ts'
import { codeOf } from '../../code-of.ts'
import { newWallet } from './wallet.ts'

const made = vi.hoisted(() => ({ signatures: 0 }))

vi.mock('arbundles', async (importOriginal) => {
  const original = await importOriginal<typeof import('arbundles')>()
  class BadSigner extends original.ArweaveSigner {
    override sign(): Uint8Array {
      made.signatures++
      return new Uint8Array(512).fill(1)
    }
  }
  return { ...original, ArweaveSigner: BadSigner }
})

describe('a signature that does not verify', () => {
  it('is refused before anything can be posted', async () => {
    const { jwk } = newWallet()
    expect(await codeOf(signItem(jwk, { bytes: Uint8Array.of(1), tags: [] }))).toBe('invalid')
    expect(made.signatures).toBe(1)
  })
})
