import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { Decrypter } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { parseIdentity, parseRecipient } from '../../../src/format/key-text.ts'
import { openSealed } from '../../../src/format/open.ts'
import { passphraseIdentity, passphraseRecipient } from '../../../src/format/recipient-scrypt.ts'
import { recipientSet } from '../../../src/format/recipients.ts'
import { rewrap } from '../../../src/format/rewrap.ts'
import { type Sealed, type SealOptions, sealFile } from '../../../src/format/seal.ts'
import { blockBuilder } from '../../../src/format/unixfs-blocks.ts'
import { alice, bob } from './keys.ts'
import { bytesOf, fixedRandom, noise, pieces } from './pieces.ts'

const FILE = new URL('../../vectors/sealed-v1.json', import.meta.url)
const PASSPHRASE = 'golden passphrase'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Files of under 600 bytes are there whole, longer ones as the hashes of their leaves. */
async function vectorOf(byteLength: number, options: Partial<SealOptions> = {}) {
  let facts: Sealed | undefined
  const leaves: Uint8Array[] = []
  const sealing = sealFile(pieces(noise(byteLength, 'golden'), 983_040), {
    recipients: [alice.recipient],
    random: fixedRandom('perdure golden'),
    ...options,
    onSealed: (sealed) => {
      facts = sealed
    },
  })
  for await (const leaf of sealing) leaves.push(leaf)
  const whole = Buffer.concat(leaves)
  const { cid } = await blockBuilder({ put: async () => undefined }, 'unixfs-v1-2025').file(asStream(leaves))
  return {
    facts,
    root: cid.toString(),
    leaves: leaves.map((leaf) => ({ byteLength: leaf.byteLength, sha256: sha256(leaf) })),
    header: whole.subarray(0, facts?.headerLength).toString(),
    ...(whole.byteLength < 600 ? { bytes: hex(whole) } : {}),
  }
}

async function* asStream(leaves: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const leaf of leaves) yield leaf.slice()
}

async function golden() {
  const small = Buffer.from((await vectorOf(11)).bytes ?? '', 'hex')
  const [rewrapped = small] = await rewrap(small, {
    identities: [alice.identity],
    recipients: [bob.recipient],
    random: fixedRandom('new recipient'),
  })
  return {
    identity: alice.text,
    recipient: alice.recipient.text,
    passphrase: PASSPHRASE,
    plaintext: 'the first bytes of a ChaCha20 keystream: key SHA-256("golden"), nonce and counter 0',
    files: {
      empty: await vectorOf(0),
      small: await vectorOf(11),
      'small, erasable': await vectorOf(11, { erasable: true }),
      'small, padded': await vectorOf(9, { padding: 'padme' }),
      'small, two recipients': await vectorOf(11, { recipients: [bob.recipient, alice.recipient] }),
      'small, passphrase': await vectorOf(11, { recipients: [passphraseRecipient(PASSPHRASE, { workFactor: 8 })] }),
      'largest of one leaf': await vectorOf(982_856),
      'one byte more': await vectorOf(982_857),
      'two whole leaves of payload': await vectorOf(2 * 983_040),
      'and one byte': await vectorOf(2 * 983_040 + 1),
    },
    rewrapped: { identity: bob.text, bytes: hex(rewrapped) },
    recipientSet: hex(recipientSet([bob.recipient, alice.recipient]) ?? new Uint8Array(0)),
  }
}

type Golden = Awaited<ReturnType<typeof golden>>

describe('the golden vectors of sealed files, version 1', () => {
  it('are what the code writes today, byte for byte', async () => {
    const now = JSON.parse(JSON.stringify(await golden()))
    if (process.env.PERDURE_WRITE_VECTORS === '1') await writeFile(FILE, `${JSON.stringify(now, null, 1)}\n`)
    expect(now).toEqual(JSON.parse(await readFile(FILE, 'utf8')))
  })

  it('open with age-encryption, and with our own reader', async () => {
    const vector = JSON.parse(await readFile(FILE, 'utf8')) as Golden
    const opened: string[] = []
    for (const [name, { bytes, facts }] of [
      ...Object.entries(vector.files),
      ['rewrapped', { bytes: vector.rewrapped.bytes, facts: vector.files.small.facts }] as const,
    ]) {
      if (bytes === undefined) continue
      const file = new Uint8Array(Buffer.from(bytes, 'hex'))
      const content = noise(facts?.contentLength ?? 0, 'golden')
      const decrypter = new Decrypter()
      for (const text of [vector.identity, vector.rewrapped.identity]) decrypter.addIdentity(text)
      decrypter.addPassphrase(vector.passphrase)
      expect(
        Buffer.from(await decrypter.decrypt(file))
          .subarray(0, content.byteLength)
          .equals(content),
        name,
      ).toBe(true)
      const identities = [parseIdentity(vector.identity), parseIdentity(vector.rewrapped.identity), passphraseIdentity(vector.passphrase)]
      expect((await bytesOf(openSealed(pieces(file, 100), identities))).subarray(0, content.byteLength).equals(content), name).toBe(true)
      opened.push(name)
    }
    expect(opened).toHaveLength(7)
    expect(parseRecipient(vector.recipient ?? '').text).toBe(vector.recipient)
  })
})
