import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { armor, Decrypter, Encrypter, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { expectNoSecrets, findInFolders } from '../canary.ts'
import { everything, keyPair, keyPlace, nobody, PASSPHRASE, person, secretsOf, stdin } from './keys.ts'

const modeOf = async (path: string) => (await stat(path)).mode & 0o777
const KEYGEN = /^# created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n# public key: (age1[a-z0-9]+)\n(AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]+)\n$/

/** Recipient and secret of a file as age-keygen writes it. */
async function read(text: string): Promise<{ readonly recipient: string; readonly secret: string }> {
  const [, recipient = '', secret = ''] = KEYGEN.exec(text) ?? expect.fail('it is not as age-keygen writes it')
  expect(await identityToRecipient(secret)).toBe(recipient)
  return { recipient, secret }
}

async function opened(file: Uint8Array | string, passphrase: string): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  return decrypter.decrypt(armor.decode(Buffer.from(file).toString()), 'text')
}

describe('key new', () => {
  it("writes the file of age-keygen for its owner alone, into the user's own folder, and prints the recipient and advice", async () => {
    await using at = await keyPlace()
    const outcome = await at.run(['key', 'new'])
    const { recipient, secret } = await read(await readFile(at.identityFile, 'utf8'))
    expect(outcome).toEqual({
      code: 0,
      stdout: expect.stringContaining(`${at.identityFile}\n${recipient}\n`),
      stderr: expect.stringMatching(/copy of the file away from this machine.*"recipients": \["age1.*kept offline/s),
    })
    expect([await modeOf(at.identityFile), await modeOf(join(at.cwd, '.config/perdure'))]).toEqual([0o600, 0o700])
    expectNoSecrets(everything(outcome), secretsOf(secret))
    expect(await findInFolders([at.cwd], secretsOf(secret), [at.identityFile])).toEqual([])
  })

  it('prints the recipient alone with --quiet, and a document without the secret with --json', async () => {
    await using at = await keyPlace()
    const quiet = await at.run(['key', 'new', '--quiet', '-o', 'a/b/key.txt'])
    expect(quiet).toEqual({
      code: 0,
      stdout: `${(await read(await readFile(join(at.cwd, 'a/b/key.txt'), 'utf8'))).recipient}\n`,
      stderr: '',
    })
    const { document } = await at.json(['key', 'new', '--hybrid', '-o', 'pq.txt'])
    const { recipient, secret } = await read(await readFile(join(at.cwd, 'pq.txt'), 'utf8'))
    expect(recipient).toMatch(/^age1pq1/)
    expect(document).toMatchObject({ file: join(at.cwd, 'pq.txt'), recipient, hybrid: true, protected: false, created: expect.any(String) })
    expectNoSecrets(JSON.stringify(document), secretsOf(secret))
  })

  it('takes XDG_CONFIG_HOME, and without any home asks for -o', async () => {
    await using at = await keyPlace()
    expect((await at.run(['key', 'new'], { env: { HOME: '/nowhere', XDG_CONFIG_HOME: join(at.cwd, 'xdg') } })).code).toBe(0)
    expect(await readdir(join(at.cwd, 'xdg/perdure'))).toEqual(['identity.txt'])
    expect(await at.run(['key', 'new'], { env: {} })).toMatchObject({ code: 2, stderr: expect.stringMatching(/HOME is not set.*-o FILE/) })
  })

  it('never writes over a file, nor through a link, unless --force says so', async () => {
    await using at = await keyPlace()
    await at.run(['key', 'new'])
    const before = await readFile(at.identityFile, 'utf8')
    const again = await at.json(['key', 'new'])
    expect(again).toMatchObject({ code: 2, document: { error: { code: 'exists', message: expect.stringMatching(/--force.*lost/) } } })
    expect(await readFile(at.identityFile, 'utf8')).toBe(before)
    await symlink('nowhere', join(at.cwd, 'dangling'))
    expect((await at.json(['key', 'new', '-o', 'dangling'])).document).toMatchObject({ error: { code: 'exists' } })

    await chmod(at.identityFile, 0o644)
    expect((await at.run(['key', 'new', '--force'])).code).toBe(0)
    expect((await read(await readFile(at.identityFile, 'utf8'))).secret).not.toBe(before)
    expect(await modeOf(at.identityFile)).toBe(0o600)
    expect(await readdir(join(at.cwd, '.config/perdure'))).toEqual(['identity.txt'])
  })

  it('does not print a secret key: -o - is refused', async () => {
    await using at = await keyPlace()
    expect(await at.run(['key', 'new', '-o', '-'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('standard output'),
    })
  })

  it('says why when a folder cannot be written', async () => {
    await using at = await keyPlace()
    await writeFile(join(at.cwd, 'file'), '')
    expect(await at.json(['key', 'new', '-o', 'file/key.txt'])).toMatchObject({ code: 2, document: { error: { code: 'invalid' } } })
  })
})

describe('key new --passphrase', () => {
  it('asks twice at the terminal and writes what age -p writes of the same file', async () => {
    await using at = await keyPlace()
    const { terminal, asked } = person(PASSPHRASE, PASSPHRASE)
    const outcome = await at.run(['key', 'new', '--passphrase'], { terminal })
    expect(outcome.code).toBe(0)
    expect(asked).toEqual([`New passphrase for ${at.identityFile}: `, 'The same once more: '])
    expect(await modeOf(at.identityFile)).toBe(0o600)
    const file = await readFile(at.identityFile, 'utf8')
    const { recipient, secret } = await read(await opened(file, PASSPHRASE))
    expect(outcome.stdout).toContain(recipient)
    const secrets = [...secretsOf(secret), { name: 'the passphrase', value: PASSPHRASE }]
    expectNoSecrets(everything(outcome), secrets)
    expect(await findInFolders([at.cwd], secrets)).toEqual([])
  })

  it.each([
    ['differ', [PASSPHRASE, `${PASSPHRASE}!`], /differ; nothing was written/],
    ['are empty', ['', ''], /empty, which protects nothing/],
  ])('writes nothing when what was typed %s', async (_, answers, message) => {
    await using at = await keyPlace()
    const outcome = await at.run(['key', 'new', '--passphrase'], person(...answers))
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringMatching(message) })
    expect(await readdir(at.cwd)).toEqual([])
    expectNoSecrets(everything(outcome), [{ name: 'the passphrase', value: PASSPHRASE }])
  })

  it('does not read a passphrase from a pipe, and says where it may come from', async () => {
    await using at = await keyPlace()
    const outcome = await at.run(['key', 'new', '--passphrase'], { ...nobody, stdin: stdin(`${PASSPHRASE}\n${PASSPHRASE}\n`) })
    expect(outcome).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no terminal.*PERDURE_PASSPHRASE_FILE.*PERDURE_PASSPHRASE_COMMAND.*not read from a pipe/),
    })
    expect(await readdir(at.cwd)).toEqual([])
  })

  it('asks for nothing when the file is in the way', async () => {
    await using at = await keyPlace()
    await at.run(['key', 'new'])
    const { terminal, asked } = person(PASSPHRASE, PASSPHRASE)
    expect((await at.run(['key', 'new', '--passphrase'], { terminal })).code).toBe(2)
    expect(asked).toEqual([])
  })
})

describe('key show', () => {
  it('prints the recipients of files and nothing of their secrets', async () => {
    await using at = await keyPlace()
    const one = await keyPair()
    const two = await keyPair()
    await writeFile(join(at.cwd, 'one.txt'), `${one.identity}\n`, { mode: 0o600 })
    await writeFile(join(at.cwd, 'both.txt'), `# mine\n${one.identity}\r\n\n${two.identity}`, { mode: 0o600 })
    expect(await at.run(['key', 'show', 'one.txt'])).toEqual({ code: 0, stdout: `${one.recipient}\n`, stderr: '' })
    const outcome = await at.run(['key', 'show', 'one.txt', 'both.txt', '--json'])
    expect(JSON.parse(outcome.stdout)).toEqual({
      identities: [
        ['one.txt', one.recipient],
        ['both.txt', one.recipient],
        ['both.txt', two.recipient],
      ].map(([file, recipient]) => ({ file: join(at.cwd, file ?? ''), recipient, hybrid: false, protected: false })),
    })
    expectNoSecrets(everything(outcome), [...one.secrets, ...two.secrets])
  })

  it('without a file shows those in use: of PERDURE_IDENTITY, of the configuration, or the default one, the first that there are', async () => {
    await using at = await keyPlace()
    const shown = async (env: Record<string, string> = {}) =>
      (await at.run(['key', 'show', '--quiet'], { env: { ...at.env, ...env } })).stdout.split('\n')[0]
    expect(await at.run(['key', 'show'])).toMatchObject({ code: 2, stderr: expect.stringContaining('perdure key new') })
    const pairs = [await keyPair(), await keyPair(), await keyPair()] as const
    await mkdir(join(at.cwd, '.config/perdure'), { recursive: true })
    await writeFile(at.identityFile, pairs[0].identity, { mode: 0o600 })
    expect(await shown()).toBe(pairs[0].recipient)
    await writeFile(join(at.cwd, 'configured.txt'), pairs[1].identity, { mode: 0o600 })
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ identities: ['./configured.txt'] }))
    expect(await shown()).toBe(pairs[1].recipient)
    await writeFile(join(at.cwd, 'env.txt'), pairs[2].identity, { mode: 0o600 })
    expect(await shown({ PERDURE_IDENTITY: `:env.txt:${at.identityFile}` })).toBe(`${pairs[2].recipient}  ${join(at.cwd, 'env.txt')}`)
    expect(await shown({ PERDURE_IDENTITY: '' })).toBe(pairs[1].recipient)
  })

  it('warns of a file that others can read, says how to change that, and goes on', async () => {
    await using at = await keyPlace()
    const { identity, recipient } = await keyPair()
    await writeFile(join(at.cwd, 'open.txt'), identity)
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(join(at.cwd, 'open.txt'), mode)
      const { code, stdout, stderr } = await at.run(['key', 'show', 'open.txt'])
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${recipient}\n` })
      expect(stderr).toContain(`(mode 0${mode.toString(8)}); run: chmod 600 "${join(at.cwd, 'open.txt')}"`)
    }
    await chmod(join(at.cwd, 'open.txt'), 0o400)
    expect((await at.run(['key', 'show', 'open.txt'])).stderr).toBe('')
  })
})

describe('key import', () => {
  it('installs a plain file byte for byte, with mode 0600', async () => {
    await using at = await keyPlace()
    const { identity, recipient, secrets } = await keyPair()
    const text = `# created: long ago\n# public key: ${recipient}\n${identity}\n`
    const outcome = await at.run(['key', 'import', '-'], { stdin: stdin(text) })
    expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining(`\n${recipient}\n`) })
    expect(await readFile(at.identityFile, 'utf8')).toBe(text)
    expect(await modeOf(at.identityFile)).toBe(0o600)
    expectNoSecrets(everything(outcome), secrets)
    expect(await at.json(['key', 'import', at.identityFile])).toMatchObject({ code: 2, document: { error: { code: 'exists' } } })
    expect((await at.json(['key', 'import', at.identityFile, '--force'])).document).toEqual({
      file: at.identityFile,
      recipients: [recipient],
      protected: false,
    })
  })

  it.each([true, false])(
    'takes a file that age protected with a passphrase (armored: %s), checks it, and leaves it protected',
    async (armored) => {
      await using at = await keyPlace()
      const { identity, recipient, secrets } = await keyPair()
      const encrypter = new Encrypter()
      encrypter.setPassphrase(PASSPHRASE)
      encrypter.setScryptWorkFactor(10)
      const file = await encrypter.encrypt(`# mine\n${identity}\n`)
      const bytes = armored ? `\n${armor.encode(file)}` : file
      await writeFile(join(at.cwd, 'key.age'), bytes, { mode: 0o600 })

      const wrong = await at.json(['key', 'import', 'key.age'], person('canary-wrong-passphrase'))
      expect(wrong).toMatchObject({
        code: 2,
        document: { error: { code: 'wrong-passphrase', message: expect.stringContaining('key.age') } },
      })
      const right = person(PASSPHRASE)
      const outcome = await at.run(['key', 'import', 'key.age'], right)
      expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining(recipient) })
      expect(right.asked).toEqual([`Passphrase for ${join(at.cwd, 'key.age')}: `])
      expect(await readFile(at.identityFile)).toEqual(Buffer.from(bytes))
      expectNoSecrets(everything(outcome) + JSON.stringify(wrong), [
        ...secrets,
        { name: 'the passphrase', value: PASSPHRASE },
        { name: 'the wrong passphrase', value: 'canary-wrong-passphrase' },
      ])
    },
  )

  it('checks before it writes: a file that is no identity leaves nothing behind', async () => {
    await using at = await keyPlace()
    const { recipient } = await keyPair()
    expect(await at.json(['key', 'import', '-'], { stdin: stdin(recipient) })).toMatchObject({
      code: 2,
      document: { error: { code: 'not-an-identity', message: expect.stringMatching(/standard input is a recipient/) } },
    })
    expect(await readdir(at.cwd)).toEqual([])
  })
})
