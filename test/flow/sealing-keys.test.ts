import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Decrypter, Encrypter, generateHybridIdentity, generateX25519Identity, type Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { ArchiveConfig } from '../../src/contracts.ts'
import { ArchiveError, ConfigError } from '../../src/errors.ts'
import { noIdentity, sealingKeys, wrongIdentity } from '../../src/flow/sealing-keys.ts'
import { everythingOf, expectNoSecrets } from '../canary.ts'
import { tempFolder } from './house.ts'

const secret = await generateX25519Identity()
const recipient = await identityToRecipient(secret)
const other = await generateX25519Identity()
const hybridSecret = await generateHybridIdentity()
const hybrid = await identityToRecipient(hybridSecret)

const complaint = async (config: Pick<ArchiveConfig, 'recipients' | 'identities'>): Promise<ConfigError> => {
  const error = await sealingKeys(config).then(
    () => expect.fail('it was accepted'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConfigError) return error
  throw error
}

/** Something sealed by age itself, opened with the identities of a configuration. */
async function opens(identities: ArchiveConfig['identities'], ...recipients: string[]): Promise<string> {
  const encrypter = new Encrypter()
  for (const each of recipients) encrypter.addRecipient(each)
  const decrypter = new Decrypter()
  for (const identity of (await sealingKeys({ identities })).identities) decrypter.addIdentity(identity)
  return decrypter.decrypt(await encrypter.encrypt('opened'), 'text')
}

describe('recipients of a configuration', () => {
  it('are absent for public content, and each counts once', async () => {
    expect((await sealingKeys({})).recipients).toEqual([])
    const twice = [recipient, ` ${recipient}\n`, await identityToRecipient(other)]
    expect((await sealingKeys({ recipients: twice })).recipients.map(({ text }) => text)).toEqual([
      recipient,
      await identityToRecipient(other),
    ])
    expect((await sealingKeys({ recipients: [hybrid] })).recipients.map(({ text }) => text)).toEqual([hybrid])
  })

  it('are refused as an empty list, which would store in public what was meant to be sealed', async () => {
    expect(await complaint({ recipients: [] })).toMatchObject({ code: 'not-a-recipient', message: expect.stringContaining('leave it out') })
  })

  it.each([
    ['a secret key', secret, /recipients\[1\] is a secret key.*perdure key show FILE/],
    ['a hybrid secret key', hybridSecret, /recipients\[1\] is a secret key/],
    ['a secret key in small letters', secret.toLowerCase(), /is a secret key/],
    ['a secret key with a typing error', `${secret.slice(0, -1)}!`, /is a secret key/],
    ['a cut recipient', recipient.slice(0, -3), /mistyped, cut off/],
    ['a recipient with a typing error', recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q')), /mistyped, cut off/],
    ['a cut hybrid recipient', hybrid.slice(0, 900), /mistyped, cut off/],
    ['a plugin recipient', 'age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t', /age plugin/],
    ['an SSH key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN', /is an SSH key.*perdure key new/],
    ['a private SSH key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ', /is a secret key/],
    ['something else', 'my-canary-passphrase-1', /recipients\[1\] is not an age recipient; it should look like age1…/],
    ['nothing', '', /is not an age recipient/],
  ])('refuse %s, say what to do, and do not repeat it', async (_, given, message) => {
    const error = await complaint({ recipients: [recipient, given] })
    expect(error).toMatchObject({ code: 'not-a-recipient', message: expect.stringMatching(message) })
    if (given.length > 8) expectNoSecrets(everythingOf(error), [{ name: 'what was given', value: given }])
  })

  it('are not mixed, classic and hybrid', async () => {
    expect((await complaint({ recipients: [recipient, hybrid] })).message).toMatch(
      /recipients\[1\] is a hybrid recipient and recipients\[0\] a classic one/,
    )
    expect((await complaint({ recipients: [hybrid, recipient] })).message).toMatch(/recipients\[1\] is a classic recipient/)
  })
})

describe('identities of a configuration', () => {
  it('open what age sealed, as one line, as the whole text of a file, and as an object', async () => {
    const file = `\uFEFF# created: 2026-01-01T00:00:00Z\r\n# public key: ${recipient}\r\n${other}\r\n\r\n${secret}\r\n`
    expect(await opens([secret], recipient)).toBe('opened')
    expect(await opens([file], recipient)).toBe('opened')
    expect(await opens([hybridSecret], hybrid)).toBe('opened')
    const asked: number[] = []
    const [own] = (await sealingKeys({ identities: [secret] })).identities
    const object: Identity = {
      unwrapFileKey: (stanzas) => {
        asked.push(stanzas.length)
        return own?.unwrapFileKey(stanzas) ?? null
      },
    }
    expect(await opens([other, object], recipient)).toBe('opened')
    expect(asked).toEqual([1])
    await expect(opens([other], recipient)).rejects.toThrow()
  })

  it.each([
    ['a recipient', recipient, /identities\[0\] is a recipient, the public half/],
    ['a hybrid recipient', hybrid, /is a recipient, the public half/],
    ['a secret key with a typing error', secret.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q')), /mistyped or cut off/],
    ['a cut secret key', secret.slice(0, 60), /mistyped or cut off/],
    ['a secret key in small letters', secret.toLowerCase(), /mistyped or cut off/],
    ['a cut hybrid secret key', hybridSecret.slice(0, 60), /mistyped or cut off/],
    ['a plugin identity', 'AGE-PLUGIN-YUBIKEY-1QQPSGQVZ8EJ5GSUYPYQ3', /age plugin/],
    ['an SSH key', '-----BEGIN OPENSSH PRIVATE KEY-----', /is an SSH key/],
    ['a path', '/home/me/canary-identity.txt', /is not an age identity/],
    ['comments alone', '# public key: age1\n\n', /holds no identity/],
    ['UTF-16', Buffer.from(secret, 'utf16le').toString(), /UTF-16/],
    ['a good and a bad line', `${other}\nmy-canary-passphrase-2`, /line 2 of identities\[0\] is not an age identity/],
  ])('refuse %s, say what to do, and do not repeat it', async (_, given, message) => {
    const error = await complaint({ identities: [given] })
    expect(error).toMatchObject({ code: 'not-an-identity', message: expect.stringMatching(message) })
    const secrets = given.split('\n').filter((line) => line.length > 25 || line.includes('canary'))
    expectNoSecrets(
      everythingOf(error),
      secrets.map((value) => ({ name: 'what was given', value })),
    )
  })

  it.each([[null], [undefined], [7], [{}], [{ unwrapFileKey: 'no' }]])('refuse what is neither text nor object: %j', async (given) => {
    expect((await complaint({ identities: [given as unknown as string] })).message).toMatch(/neither a text nor an object/)
  })
})

describe('opening an archive', () => {
  it('refuses keys that are none before it makes anything, and never takes recipients for a wish to store in public', async () => {
    const path = join(await tempFolder(), 'archive')
    await expect(createArchive({ path, recipients: [secret] })).rejects.toMatchObject({ code: 'not-a-recipient' })
    await expect(createArchive({ path, recipients: [] })).rejects.toMatchObject({ code: 'not-a-recipient' })
    await expect(createArchive({ path, identities: [recipient] })).rejects.toMatchObject({ code: 'not-an-identity' })
    expect(existsSync(path)).toBe(false)
  })
})

describe('sealed content that cannot be opened', () => {
  it('says where to name an identity, or whose identity is missing', () => {
    expect(noIdentity('bafyroot')).toBeInstanceOf(ArchiveError)
    expect(noIdentity('bafyroot')).toMatchObject({
      code: 'no-identity',
      message: expect.stringMatching(/bafyroot.*--identity FILE.*PERDURE_IDENTITY/),
    })
    const cause = new Error('stanza')
    expect(wrongIdentity('bafyroot', 1, { cause })).toMatchObject({
      code: 'wrong-identity',
      cause,
      message: expect.stringMatching(/recovery/),
    })
    expect(wrongIdentity('bafyroot', 3).message).toMatch(/none of the 3 identities/)
  })
})
