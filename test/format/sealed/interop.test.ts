/** Files made by age-encryption, which shares no code with ours where X25519, passphrases and payloads are concerned, open here, and ours open there. */
import { armor, Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { parseIdentity, parseRecipient } from '../../../src/format/key-text.ts'
import { openSealed } from '../../../src/format/open.ts'
import { passphraseIdentity, passphraseRecipient } from '../../../src/format/recipient-scrypt.ts'
import { alice, bob, sealed } from './keys.ts'
import { bytesOf, drained, noise, pieces, random } from './pieces.ts'

const sizes = [0, 1, 65_535, 65_536, 65_537, 983_040, 1_100_000]
const hybridText = await generateHybridIdentity()
const hybrid = { text: hybridText, identity: parseIdentity(hybridText), recipient: parseRecipient(await identityToRecipient(hybridText)) }

describe('beside age-encryption', () => {
  it.each(sizes)('its files of %i bytes open here', async (size) => {
    const plaintext = noise(size)
    for (const { recipient, identity } of [alice, hybrid]) {
      const encrypter = new Encrypter()
      encrypter.addRecipient(recipient.text ?? '')
      const file = await encrypter.encrypt(plaintext)
      expect((await bytesOf(openSealed(pieces(file, 100_000), [identity]))).equals(plaintext)).toBe(true)
      const armored = new TextEncoder().encode(armor.encode(file))
      expect((await bytesOf(openSealed(pieces(armored, 10_000), [identity]))).equals(plaintext)).toBe(true)
    }
  })

  it.each(sizes)('our files of %i bytes open there', async (size) => {
    const plaintext = noise(size)
    for (const { recipient, text } of [alice, hybrid]) {
      const decrypter = new Decrypter()
      decrypter.addIdentity(text)
      expect(Buffer.from(await decrypter.decrypt(await sealed(plaintext, { recipients: [recipient] }))).equals(plaintext)).toBe(true)
    }
  })

  it('passphrases open both ways', async () => {
    const plaintext = noise(100)
    const encrypter = new Encrypter()
    encrypter.setPassphrase('grüße, welt')
    encrypter.setScryptWorkFactor(8)
    const theirs = await encrypter.encrypt(plaintext)
    expect((await bytesOf(openSealed(pieces(theirs, 50), [passphraseIdentity('grüße, welt')]))).equals(plaintext)).toBe(true)
    const decrypter = new Decrypter()
    decrypter.addPassphrase('grüße, welt')
    const ours = await sealed(plaintext, { recipients: [passphraseRecipient('grüße, welt', { workFactor: 8 })] })
    expect(Buffer.from(await decrypter.decrypt(ours)).equals(plaintext)).toBe(true)
  })

  it('its recipients seal here and its identities open here, as they are', async () => {
    const plaintext = noise(100)
    const file = await sealed(plaintext, { recipients: [{ wrapFileKey: (key) => bob.recipient.wrapFileKey(key, random) }] })
    const decrypter = new Decrypter()
    decrypter.addIdentity(bob.identity)
    expect(Buffer.from(await decrypter.decrypt(file)).equals(plaintext)).toBe(true)
  })

  it('an armored file that is too long, broken or followed by something is refused', async () => {
    const good = armor.encode(await sealed(noise(1_000)))
    for (const text of [good.replace('END', 'ENT'), good.slice(0, -40), `${good}more`, good.replace(/\n([A-Za-z])/, '\n $1')]) {
      const { bytes, error } = await drained(openSealed(pieces(new TextEncoder().encode(text), 100), [alice.identity]))
      expect(error).toMatchObject({ code: 'malformed' })
      expect(bytes.byteLength).toBe(0)
    }
    const begin = new TextEncoder().encode('-----BEGIN AGE ENCRYPTED FILE-----\n')
    const line = new Uint8Array(1_000_000).fill(65)
    const endless = async function* () {
      yield begin
      for (;;) yield line
    }
    expect((await drained(openSealed(endless(), [alice.identity]))).error).toMatchObject({ code: 'limit' })
  })
})
