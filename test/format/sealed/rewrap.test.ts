import { describe, expect, it } from 'vitest'
import { parseHeader } from '../../../src/format/age-header.ts'
import { LEAF_BYTES } from '../../../src/format/age-layout.ts'
import { openSealed } from '../../../src/format/open.ts'
import type { Recipient } from '../../../src/format/recipients.ts'
import { rewrap } from '../../../src/format/rewrap.ts'
import { alice, bob, keyPair, sealedLeaves } from './keys.ts'
import { bytesOf, drained, noise, pieces, random } from './pieces.ts'

const carol = await keyPair('carol')
const file = (...leaves: readonly (readonly Uint8Array[])[]) => pieces(Buffer.concat(leaves.flat()), LEAF_BYTES)
const first = (leaves: readonly Uint8Array[]) => leaves[0] ?? new Uint8Array(0)

describe('new recipients', () => {
  it.each([0, 1_000, 983_040, 2_500_000])(
    'open a file of %i bytes whose payload stayed, and old ones no longer the new header',
    async (size) => {
      const plaintext = noise(size)
      const leaves = await sealedLeaves(plaintext)
      const fresh = await rewrap(first(leaves), {
        identities: [bob.identity, alice.identity],
        recipients: [bob.recipient, carol.recipient],
        random,
      })
      expect(fresh).toHaveLength(1)
      for (const { identity } of [bob, carol]) {
        expect((await bytesOf(openSealed(file(fresh, leaves.slice(1)), [identity]))).equals(plaintext)).toBe(true)
      }
      expect((await drained(openSealed(file(fresh, leaves.slice(1)), [alice.identity]))).error).toMatchObject({ code: 'no-identity' })
      const [before, after] = [parseHeader(first(leaves))?.byteLength ?? 0, parseHeader(first(fresh))?.byteLength ?? 0]
      expect(Buffer.from(first(fresh).subarray(after)).equals(first(leaves).subarray(before)), 'nonce and payload are the same bytes').toBe(
        true,
      )
    },
  )

  it('make two leaves of one when the header outgrows it', async () => {
    const plaintext = noise(LEAF_BYTES - 168 - 16 - 15 * 16)
    const leaves = await sealedLeaves(plaintext)
    expect(leaves.map(({ byteLength }) => byteLength)).toEqual([LEAF_BYTES])
    const fresh = await rewrap(first(leaves), { identities: [alice.identity], recipients: [alice.recipient, bob.recipient], random })
    expect(fresh).toHaveLength(2)
    expect((await bytesOf(openSealed(file(fresh), [bob.identity]))).equals(plaintext)).toBe(true)
  })

  it('are refused without an identity that opens the file, for a changed header, and for what is no first leaf', async () => {
    const leaves = await sealedLeaves(noise(2_000_000))
    const recipients = [bob.recipient]
    await expect(rewrap(first(leaves), { identities: [bob.identity], recipients, random })).rejects.toMatchObject({ code: 'no-identity' })
    const grease: Recipient = { wrapFileKey: () => [{ args: ['grease'], body: new Uint8Array(3) }] }
    const [mixed = first(leaves)] = await sealedLeaves(noise(10), { recipients: [grease, alice.recipient] })
    const bent = Buffer.from(Buffer.from(mixed).toString('latin1').replace('grease', 'greasy'), 'latin1')
    await expect(rewrap(bent, { identities: [alice.identity], recipients, random })).rejects.toMatchObject({ code: 'damaged' })
    for (const leaf of [first(leaves).subarray(0, 100), first(leaves).subarray(0, 170), leaves[1] ?? bent]) {
      await expect(rewrap(leaf, { identities: [alice.identity], recipients, random })).rejects.toMatchObject({ code: 'malformed' })
    }
  })
})
