import { generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { decodeBech32, encodeBech32 } from '../../../src/format/bech32.ts'
import { parseIdentity, parseRecipient } from '../../../src/format/key-text.ts'
import { openSealed } from '../../../src/format/open.ts'
import { MAX_WORK_FACTOR, passphraseIdentity, passphraseRecipient } from '../../../src/format/recipient-scrypt.ts'
import { x25519Identity, x25519Recipient } from '../../../src/format/recipient-x25519.ts'
import { assertRecipients, type Recipient, recipientSet } from '../../../src/format/recipients.ts'
import { sodiumCurve } from '../../../src/format/x25519.ts'
import { vectors } from './cctv.ts'
import { alice, bob, sealed } from './keys.ts'
import { drained, fixedRandom, noise, random, whole } from './pieces.ts'

const plaintext = noise(1_000)
const opens = (file: Uint8Array, ...identities: Parameters<typeof openSealed>[1]) => drained(openSealed(whole(file), identities))

describe('X25519 recipients', () => {
  it('open with their own identity and with nobody else’s', async () => {
    const file = await sealed(plaintext)
    expect((await opens(file, alice.identity)).bytes).toEqual(Buffer.from(plaintext))
    const { bytes, error } = await opens(file, bob.identity)
    expect(bytes.byteLength).toBe(0)
    expect(error).toMatchObject({ code: 'no-identity', message: 'it is sealed for other recipients; pass the right identity file' })
    expect((await opens(file)).error).toMatchObject({ code: 'no-identity' })
  })

  it('open for each of several, and with the right one among several identities', async () => {
    const file = await sealed(plaintext, { recipients: [bob.recipient, alice.recipient] })
    for (const keys of [[alice.identity], [bob.identity], [bob.identity, alice.identity]]) {
      expect((await opens(file, ...keys)).error).toBe(undefined)
    }
  })

  it('wrap to the same bytes on node:crypto and libsodium', async () => {
    const portable = x25519Recipient(alice.recipient.text ?? '', sodiumCurve())
    const key = noise(16)
    const [native] = await alice.recipient.wrapFileKey(key, fixedRandom('x'))
    const [other] = (await portable?.wrapFileKey(key, fixedRandom('x'))) ?? []
    expect(other).toEqual(native)
    expect(await x25519Identity(alice.text, sodiumCurve())?.unwrapFileKey(native ? [native] : [])).toEqual(key)
  })

  it('draw a fresh ephemeral key for every stanza', async () => {
    const shares = new Set<string | undefined>()
    for (let round = 0; round < 20; round++) {
      for (const { args } of await alice.recipient.wrapFileKey(noise(16), random)) shares.add(args[1])
    }
    expect(shares.size).toBe(20)
  })

  it('are refused when they are a point of low order, on both paths', async () => {
    const low = encodeBech32('age', new Uint8Array(32))
    const portable = x25519Recipient(low, sodiumCurve())
    await expect(sealed(plaintext, { recipients: [parseRecipient(low)] })).rejects.toMatchObject({ code: 'invalid-key' })
    await expect(portable?.wrapFileKey(noise(16), random)).rejects.toMatchObject({ code: 'invalid-key' })
  })
})

describe('post-quantum recipients', () => {
  it('seal and open through age-encryption', async () => {
    const identity = parseIdentity(await generateHybridIdentity())
    const recipient = parseRecipient(await identity.recipient())
    const file = await sealed(plaintext, { recipients: [recipient, recipient] })
    expect((await opens(file, alice.identity, identity)).bytes).toEqual(Buffer.from(plaintext))
    expect((await opens(file, parseIdentity(await generateHybridIdentity()))).error).toMatchObject({ code: 'no-identity' })
  })

  it('are never mixed with others', async () => {
    const hybrid = parseRecipient(await identityToRecipient(await generateHybridIdentity()))
    expect(() => assertRecipients([hybrid, alice.recipient])).toThrow(expect.objectContaining({ code: 'unsupported' }))
    await expect(sealed(plaintext, { recipients: [alice.recipient, hybrid] })).rejects.toMatchObject({ code: 'unsupported' })
    // Nor when a recipient does not say beforehand what its stanzas will be.
    const foreign: Recipient = { wrapFileKey: (key, source) => alice.recipient.wrapFileKey(key, source) }
    await expect(sealed(plaintext, { recipients: [foreign, hybrid] })).rejects.toMatchObject({ code: 'unsupported' })
  })
})

describe('a passphrase', () => {
  const recipient = passphraseRecipient('correct horse', { workFactor: 10 })

  it('opens what was sealed with it, another one does not', async () => {
    const file = await sealed(plaintext, { recipients: [recipient] })
    expect((await opens(file, alice.identity, passphraseIdentity('correct horse'))).bytes).toEqual(Buffer.from(plaintext))
    expect((await opens(file, passphraseIdentity('correct house'))).error).toMatchObject({ code: 'no-identity' })
    expect((await opens(file, alice.identity)).error).toMatchObject({ message: expect.stringContaining('passphrase') })
  })

  it('stands alone', async () => {
    const stanzas = [...(await recipient.wrapFileKey(noise(16), random)), ...(await alice.recipient.wrapFileKey(noise(16), random))]
    await expect(passphraseIdentity('correct horse').unwrapFileKey(stanzas)).rejects.toMatchObject({ code: 'malformed' })
    await expect(sealed(plaintext, { recipients: [recipient, alice.recipient] })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(sealed(plaintext, { recipients: [recipient, recipient] })).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('is refused unworked when a header asks for more work than is allowed', async () => {
    const vector = vectors.find(({ name }) => name === 'scrypt_work_factor_23')
    const started = performance.now()
    const { error } = await opens(vector?.file ?? new Uint8Array(0), passphraseIdentity('password'))
    expect(error).toMatchObject({ code: 'limit' })
    expect(performance.now() - started).toBeLessThan(200)
    const file = await sealed(plaintext, { recipients: [recipient] })
    expect((await opens(file, passphraseIdentity('correct horse', { maxWorkFactor: 9 }))).error).toMatchObject({ code: 'limit' })
  })

  it('is never empty, and its work factor can be read back', () => {
    expect(() => passphraseRecipient('')).toThrow(expect.objectContaining({ code: 'invalid-key' }))
    expect(() => passphraseIdentity('')).toThrow(expect.objectContaining({ code: 'invalid-key' }))
    for (const workFactor of [0, 1.5, MAX_WORK_FACTOR + 1, Number.NaN]) {
      expect(() => passphraseRecipient('x', { workFactor })).toThrow(expect.objectContaining({ code: 'limit' }))
    }
  })
})

describe('a set of recipients', () => {
  it('has the same bytes in any order and with repeats, and none with a passphrase in it', () => {
    const [a, b] = [alice.recipient, bob.recipient]
    expect(recipientSet([a, b])).toEqual(recipientSet([b, a, b]))
    expect(recipientSet([a])).not.toEqual(recipientSet([a, b]))
    expect(recipientSet([passphraseRecipient('x')])).toBe(undefined)
  })

  it('is not empty when something is sealed', async () => {
    await expect(sealed(plaintext, { recipients: [] })).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('does not outgrow one header', async () => {
    const wide: Recipient = { wrapFileKey: () => [{ args: ['example.com/wide'], body: new Uint8Array(100_000) }] }
    await expect(sealed(plaintext, { recipients: new Array(8).fill(wide) })).rejects.toMatchObject({ code: 'limit' })
  })
})

describe('Bech32', () => {
  it('reads what it writes and what age writes, and refuses what differs in one letter', async () => {
    const text = await identityToRecipient(await generateHybridIdentity())
    for (const known of [alice.recipient.text ?? '', alice.text.toLowerCase(), text]) {
      const decoded = decodeBech32(known)
      expect(encodeBech32(decoded?.prefix ?? '', decoded?.bytes ?? new Uint8Array(0))).toBe(known)
    }
    const { text: recipient = '' } = alice.recipient
    for (let at = 4; at < recipient.length; at++) {
      const other = recipient[at] === 'q' ? 'p' : 'q'
      expect(decodeBech32(`${recipient.slice(0, at)}${other}${recipient.slice(at + 1)}`), `${at}`).toBe(undefined)
    }
    expect(decodeBech32(`${recipient.slice(0, -1)}${recipient.slice(-1).toUpperCase()}`)).toBe(undefined)
  })
})
