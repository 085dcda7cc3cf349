import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { parseIdentity, parseIdentityFile, parseRecipient, parseRecipientsFile } from '../../../src/format/key-text.ts'
import { alice, bob } from './keys.ts'

const caught = (work: () => unknown): Error & { readonly code?: string } => {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new RangeError('nothing was thrown')
}

describe('identity files', () => {
  it('of age-keygen are read, comments and blank lines skipped', async () => {
    const text = `# created: 2026-11-24T00:00:00Z\n# public key: ${alice.recipient.text}\n${alice.text}\n\n  ${bob.text}\r\n#end`
    const identities = parseIdentityFile(text)
    expect(await Promise.all(identities.map((identity) => identity.recipient()))).toEqual([alice.recipient.text, bob.recipient.text])
  })

  it('give the recipients that age-encryption gives', async () => {
    for (const text of [await generateX25519Identity(), await generateHybridIdentity()]) {
      expect(await parseIdentity(text).recipient()).toBe(await identityToRecipient(text))
    }
  })

  it('name the wrong line and never repeat it', () => {
    const secret = `${alice.text.slice(0, -1)}${alice.text.endsWith('Q') ? 'P' : 'Q'}`
    for (const [line, hint] of [
      [secret, 'mistyped'],
      [alice.text.toLowerCase(), 'capitals'],
      [alice.recipient.text ?? '', 'public recipient'],
      ['AGE-PLUGIN-YUBIKEY-1SECRETSECRET', 'plugin'],
      ['-----BEGIN OPENSSH PRIVATE KEY-----', 'SSH'],
      ['-----BEGIN AGE ENCRYPTED FILE-----', 'passphrase'],
      ['hunter2 is my password', 'no identity'],
    ] as const) {
      const error = caught(() => parseIdentityFile(`# comment\n${alice.text}\n${line}\n`))
      expect(error).toMatchObject({ name: 'FormatError', code: 'invalid-key' })
      expect(error.message).toContain('line 3')
      expect(error.message).toContain(hint)
      for (const word of line.split(/[\s-]+/)) if (word.length > 8 && word !== 'ENCRYPTED') expect(error.message).not.toContain(word)
      expect(JSON.stringify({ ...error, cause: error.cause })).not.toContain(line.slice(-20))
    }
  })

  it('without an identity are refused', () => {
    expect(caught(() => parseIdentityFile('# nothing\n\n')).message).toContain('holds no identities')
  })
})

describe('recipients files', () => {
  it('are read line by line', () => {
    const text = `# team\n${alice.recipient.text}\n\n${bob.recipient.text}\n`
    expect(parseRecipientsFile(text).map((recipient) => recipient.text)).toEqual([alice.recipient.text, bob.recipient.text])
  })

  it('with a secret key in them are refused without repeating it', () => {
    for (const text of [alice.text, alice.text.toLowerCase()]) {
      const error = caught(() => parseRecipientsFile(`${bob.recipient.text}\n${text}\n`))
      expect(error).toMatchObject({ code: 'invalid-key', message: expect.stringContaining('line 2 is a secret key') })
      expect(error.message.toLowerCase()).not.toContain(alice.text.slice(16).toLowerCase())
    }
  })

  it.each([
    ['ssh-ed25519 AAAAC3Nza', 'SSH'],
    ['age1yubikey1qwertyuiop', 'not supported'],
    ['somebody@example.com', 'begin with age1'],
    [(alice.recipient.text ?? '').toUpperCase(), 'not supported'],
  ])('refuse %s', (text, hint) => {
    expect(caught(() => parseRecipient(text))).toMatchObject({ code: 'invalid-key', message: expect.stringContaining(hint) })
  })
})
