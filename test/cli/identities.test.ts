import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { armor, Decrypter, Encrypter, type Identity } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import type { MainOptions } from '../../src/cli/main.ts'
import type { ArchiveConfig } from '../../src/contracts.ts'
import { expectNoSecrets } from '../canary.ts'
import { everything, type KeyPlace, keyPair, keyPlace, nobody, PASSPHRASE, person, secretsOf } from './keys.ts'
import type { Outcome } from './run.ts'

/** Runs a command up to the opening of the archive, and hands over what it would be opened with. */
async function configOf(
  at: KeyPlace,
  args: readonly string[],
  options: MainOptions = {},
): Promise<{ config?: ArchiveConfig; outcome: Outcome }> {
  let config: ArchiveConfig | undefined
  const stop = async (given: ArchiveConfig): Promise<never> => {
    config = given
    throw new Error('opened')
  }
  const outcome = await at.run(args, { open: stop, ...options })
  return { ...(config && { config }), outcome }
}

/** A file sealed by age for these, opened with what a command was given. */
async function opens({ identities = [] }: ArchiveConfig, ...recipients: readonly string[]): Promise<string> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  return decrypter.decrypt(await encrypter.encrypt('opened'), 'text')
}

async function protectedFile(path: string, text: string): Promise<void> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(PASSPHRASE)
  encrypter.setScryptWorkFactor(10)
  await writeFile(path, armor.encode(await encrypter.encrypt(text)), { mode: 0o600 })
}

describe('identities of a command', () => {
  it.each([['cat'], ['ls'], ['get', '-o', 'out']])('come from --identity of %s, which may be repeated', async (command, ...rest) => {
    await using at = await keyPlace()
    const [one, two, three] = [await keyPair(), await keyPair(), await keyPair()]
    await writeFile(join(at.cwd, 'one.txt'), one.identity, { mode: 0o600 })
    await writeFile(join(at.cwd, 'two.txt'), `${two.identity}\n`, { mode: 0o600 })
    await writeFile(join(at.cwd, 'three.txt'), three.identity, { mode: 0o600 })
    const args = [command, 'bafkqaaa', ...rest, '--identity', 'one.txt', '--identity', 'two.txt']
    const { config = {} } = await configOf(at, args, { env: { PERDURE_IDENTITY: 'three.txt' } })
    expect(await opens(config, two.recipient)).toBe('opened')
    expect(await opens(config, one.recipient)).toBe('opened')
    await expect(opens(config, three.recipient)).rejects.toThrow()
  })

  it('are read when something sealed is opened, and once: other commands need neither file nor passphrase', async () => {
    await using at = await keyPlace()
    const { identity, recipient, secrets } = await keyPair()
    await protectedFile(join(at.cwd, 'key.age'), identity)
    const { terminal, asked } = person(PASSPHRASE)
    const env = { PERDURE_IDENTITY: 'key.age' }
    const { config = {}, outcome } = await configOf(at, ['status'], { env, terminal })
    expect(asked).toEqual([])
    expect(await Promise.all([opens(config, recipient), opens(config, recipient)])).toEqual(['opened', 'opened'])
    expect(await opens(config, recipient)).toBe('opened')
    expect(asked).toEqual([`Passphrase for ${join(at.cwd, 'key.age')}: `])
    expectNoSecrets(everything(outcome), [...secrets, { name: 'the passphrase', value: PASSPHRASE }])
    expect((await at.run(['ls'], { env: { PERDURE_IDENTITY: 'not-there.txt' } })).code).toBe(0)
  })

  it('asks one question at a time when several files are protected', async () => {
    await using at = await keyPlace()
    const pairs = [await keyPair(), await keyPair()]
    for (const [index, { identity }] of pairs.entries()) await protectedFile(join(at.cwd, `${index}.age`), identity)
    let open = 0
    const terminal = () => ({
      askHidden: async () => {
        expect(++open).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 20))
        open--
        return PASSPHRASE
      },
      close: () => {},
    })
    const { config = {} } = await configOf(at, ['ls'], { env: { PERDURE_IDENTITY: '0.age:1.age' }, terminal })
    const unwrap = async (identity: unknown) => (identity as Identity).unwrapFileKey([])
    expect(await Promise.all(config.identities?.map(unwrap) ?? [])).toEqual([null, null])
    expect(await Promise.all(pairs.map(({ recipient }) => opens(config, recipient)))).toEqual(['opened', 'opened'])
  })

  it('are none without any, and the default file where it is', async () => {
    await using at = await keyPlace()
    expect((await configOf(at, ['ls'])).config).toMatchObject({ identities: [] })
    await at.run(['key', 'new'])
    const { stdout } = await at.run(['key', 'show'])
    expect(await opens((await configOf(at, ['ls'])).config ?? {}, stdout.trim())).toBe('opened')
  })
})

describe('recipients of perdure.json', () => {
  const written = (at: KeyPlace, value: object) => writeFile(join(at.cwd, 'perdure.json'), JSON.stringify(value))

  it('stand in it, come from the environment, or from a file behind @', async () => {
    await using at = await keyPlace()
    const [one, two, three] = [await keyPair(), await keyPair(), await keyPair()]
    await mkdir(join(at.cwd, 'keys'))
    await writeFile(join(at.cwd, 'keys/recovery.txt'), `# in the safe\n${two.recipient}\n\n${three.recipient}\n`)
    await written(at, { recipients: [`\${ONE}`, '@keys/recovery.txt'] })
    const { config } = await configOf(at, ['ls'], { env: { ONE: one.recipient } })
    expect(config?.recipients).toEqual([one.recipient, two.recipient, three.recipient])
  })

  it.each([
    ['a list that is empty', [], /list of recipients is empty/],
    ['an empty text', [''], /recipients\[0\] must be a text/],
    ['a number', [7], /recipients\[0\] must be a text/],
    ['no list', 'age1x', /recipients must be a list/],
    ['a file that is not there', ['@nowhere.txt'], /nowhere\.txt cannot be read/],
    ['a file without any', ['@empty.txt'], /empty\.txt holds no recipient/],
    ['a file with a secret key', ['@secret.txt'], /line 2 of .*secret\.txt is a secret key/],
    ['a secret key', ['SECRET'], /recipients\[0\] is a secret key/],
  ])('are refused as %s', async (_, recipients, message) => {
    await using at = await keyPlace()
    const { identity, secrets } = await keyPair()
    await writeFile(join(at.cwd, 'empty.txt'), '# nobody\n')
    await writeFile(join(at.cwd, 'secret.txt'), `# mine\n${identity}\n`)
    await written(at, {
      recipients: Array.isArray(recipients) ? recipients.map((text) => (text === 'SECRET' ? identity : text)) : recipients,
    })
    // What is in the list is for the archive to check, which knows them all.
    const { config, outcome } = await configOf(at, ['ls'])
    const { sealingKeys } = await import('../../src/flow/sealing-keys.ts')
    const said = config === undefined ? outcome.stderr : await sealingKeys(config).catch(String)
    expect(said).toMatch(message)
    expectNoSecrets(`${everything(outcome)}${said}`, secrets)
  })

  it('are never mistaken for identities: a secret key in perdure.json is refused and not repeated', async () => {
    await using at = await keyPlace()
    const { identity, secrets } = await keyPair()
    await written(at, { identities: [`\${KEY}`] })
    const outcome = await at.run(['ls', '--json'], { env: { KEY: identity } })
    expect(outcome).toMatchObject({ code: 2, stdout: expect.stringContaining('identities[0] is a secret key') })
    expectNoSecrets(everything(outcome), secrets)
  })
})

describe('a passphrase', () => {
  const show = async (at: KeyPlace, env: Record<string, string>, options: MainOptions = nobody) =>
    at.run(['key', 'show', 'key.age'], { env, ...options })

  async function prepared() {
    const at = await keyPlace()
    const { identity, recipient } = await keyPair()
    await protectedFile(join(at.cwd, 'key.age'), identity)
    return Object.assign(at, { recipient })
  }

  it.each(['\n', '\r\n', ''])('comes from PERDURE_PASSPHRASE_FILE, without the line break at its end: %j', async (end) => {
    await using at = await prepared()
    await writeFile(join(at.cwd, 'passphrase'), `${PASSPHRASE}${end}`, { mode: 0o600 })
    expect(await show(at, { PERDURE_PASSPHRASE_FILE: 'passphrase' })).toEqual({ code: 0, stdout: `${at.recipient}\n`, stderr: '' })
  })

  it('comes from PERDURE_PASSPHRASE_COMMAND, and is in nobody’s arguments or environment', async () => {
    await using at = await prepared()
    await writeFile(join(at.cwd, 'passphrase'), PASSPHRASE, { mode: 0o600 })
    await writeFile(join(at.cwd, 'print.sh'), 'cat /proc/$$/cmdline /proc/$PPID/cmdline /proc/$$/environ > seen\ncat passphrase\n')
    const { PATH = '' } = process.env
    expect(await show(at, { PATH, PERDURE_PASSPHRASE_COMMAND: 'sh ./print.sh' })).toEqual({
      code: 0,
      stdout: `${at.recipient}\n`,
      stderr: '',
    })
    const seen = await readFile(join(at.cwd, 'seen'))
    expect(seen.toString()).toContain('print.sh')
    expectNoSecrets(seen, [{ name: 'the passphrase', value: PASSPHRASE }])
  })

  it.each([
    ['a file that is not there', { PERDURE_PASSPHRASE_FILE: 'nowhere' }, /there is no file .*nowhere/],
    ['an empty file', { PERDURE_PASSPHRASE_FILE: 'empty' }, /PERDURE_PASSPHRASE_FILE gives an empty passphrase/],
    ['a file of several lines', { PERDURE_PASSPHRASE_FILE: 'lines' }, /more than one line/],
    ['the wrong file', { PERDURE_PASSPHRASE_FILE: 'wrong' }, /the passphrase does not open .*key\.age/],
    ['a folder', { PERDURE_PASSPHRASE_FILE: '.' }, /is a folder/],
    ['an endless file', { PERDURE_PASSPHRASE_FILE: '/dev/zero' }, /more than 65536 bytes/],
    ['a command that fails', { PERDURE_PASSPHRASE_COMMAND: 'cat wrong; exit 3' }, /ended with 3; run it by hand/],
    ['an endless command', { PERDURE_PASSPHRASE_COMMAND: 'yes' }, /gave no passphrase/],
    ['both', { PERDURE_PASSPHRASE_FILE: 'wrong', PERDURE_PASSPHRASE_COMMAND: 'cat wrong' }, /both set/],
  ])('from %s is refused in words, without it', async (_, env, message) => {
    await using at = await prepared()
    await writeFile(join(at.cwd, 'empty'), '\n', { mode: 0o600 })
    await writeFile(join(at.cwd, 'lines'), `canary-wrong-passphrase\nsecond\n`, { mode: 0o600 })
    await writeFile(join(at.cwd, 'wrong'), 'canary-wrong-passphrase\n', { mode: 0o600 })
    const outcome = await show(at, { PATH: process.env.PATH ?? '', PERDURE_DEBUG: '1', ...env })
    expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) })
    expectNoSecrets(everything(outcome), [{ name: 'the wrong passphrase', value: 'canary-wrong-passphrase' }])
  })

  it('that is typed wrong, or cannot be asked for, says what to do', async () => {
    await using at = await prepared()
    expect(await show(at, {}, person('canary-wrong-passphrase'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/does not open .*try again/),
    })
    expect(await show(at, {})).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no terminal to ask at; run the command in a terminal/),
    })
  })
})

describe('what is no identity file', () => {
  it.each([
    ['a recipient', (pair: Pair) => pair.recipient, /is a recipient, the public half/],
    ['a cut key', (pair: Pair) => pair.identity.slice(0, 50), /mistyped or cut off/],
    ['an SSH key', () => '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n', /is an SSH key/],
    ['nothing', () => '', /holds no identity/],
    ['a picture', () => Buffer.from('89504e470d0a1a0a0000000d', 'hex'), /is not UTF-8 text/],
    ['too much', () => Buffer.alloc(1024 * 1024 + 1, '#\n'), /more than 1048576 bytes/],
    ['cut armor', () => '-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n', /is damaged/],
    ['an age file for a key', async (pair: Pair) => forKey(pair), /no passphrase opens/],
    ['an age file of the future', () => 'age-encryption.org/v9\n', /is damaged/],
    [
      'a passphrase that takes a terabyte',
      async () =>
        Buffer.from(`age-encryption.org/v1\n-> scrypt ${'A'.repeat(22)} 30\n${'A'.repeat(43)}\n--- ${'A'.repeat(43)}\n${'A'.repeat(48)}`),
      /steps, 2\^20 are allowed/,
    ],
  ])('is refused in words: %s', async (_, make, message) => {
    await using at = await keyPlace()
    const pair = await keyPair()
    await writeFile(join(at.cwd, 'key.txt'), await make(pair), { mode: 0o600 })
    const outcome = await at.run(['key', 'show', 'key.txt', '--json'], { env: { PERDURE_DEBUG: '1' }, ...person(PASSPHRASE) })
    expect(outcome).toMatchObject({ code: 2 })
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      error: { code: expect.stringMatching(/^(not-an-identity|invalid)$/), message: expect.stringMatching(message) },
    })
    expectNoSecrets(everything(outcome), [...pair.secrets, { name: 'what is left of it', value: pair.identity.slice(16, 50) }])
  })

  it.each([
    ['--identity', ['ls', 'bafkqaaa', '--identity', 'SECRET'], {}],
    ['PERDURE_IDENTITY', ['ls'], { PERDURE_IDENTITY: 'SECRET' }],
    ['key show', ['key', 'show', 'SECRET'], {}],
    ['key import', ['key', 'import', 'SECRET'], {}],
    ['key new -o', ['key', 'new', '-o', 'SECRET'], {}],
    ['a command', ['SECRET'], {}],
    ['an argument too many', ['put', 'x', 'SECRET'], {}],
    ['an option', ['ls', '--SECRET'], {}],
    ['a choice', ['verify', '--level', 'SECRET'], {}],
    ['a root', ['cat', 'SECRET'], {}],
    ['a file to put', ['put', 'SECRET'], {}],
    ['--config', ['ls', '--config', 'SECRET'], {}],
    ['a vault', ['vault', 'test', 'SECRET'], {}],
  ])('a secret key in the place of %s fails and is not repeated', async (_, args, env) => {
    await using at = await keyPlace()
    const { identity } = await keyPair()
    const secrets = secretsOf(identity)
    const given = args.map((arg) => arg.replace('SECRET', identity))
    const environment = { HOME: at.cwd, PERDURE_DEBUG: '1', ...Object.fromEntries(Object.entries(env).map(([name]) => [name, identity])) }
    for (const flags of [[], ['--json'], ['--quiet']]) {
      const outcome = await at.run([...given, ...flags], { env: environment })
      expect(outcome.code).toBeGreaterThan(0)
      expectNoSecrets(everything(outcome), secrets)
    }
  })
})

type Pair = Awaited<ReturnType<typeof keyPair>>

async function forKey({ recipient, identity }: Pair): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(identity))
}
