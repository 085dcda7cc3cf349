import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import { ConfigError } from '../../src/errors.ts'

/** `${NAME}`, as a configuration holds it. */
const variable = (name: string) => `\${${name}}`
const FILE = '/etc/archive/perdure.json'
const parse = (value: unknown, env: Record<string, string> = {}) =>
  parseConfig(typeof value === 'string' ? value : JSON.stringify(value), { file: FILE, env })
const complaint = (value: unknown, env: Record<string, string> = {}): ConfigError => {
  try {
    parse(value, env)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  return expect.fail('it was accepted')
}
const vault = (extra: object = {}) => ({ vaults: [{ type: 'directory', id: 'a', at: './a', ...extra }] })

describe('a configuration', () => {
  it('resolves every path against the folder of its file', () => {
    const { archive, vaults } = parse({
      path: '.perdure',
      vaults: [
        { type: 'directory', id: 'a', at: '../a' },
        { type: 'directory', id: 'b', at: '/mnt/b' },
      ],
    })
    expect(archive.path).toBe('/etc/archive/.perdure')
    expect(vaults?.map(({ options }) => options.at)).toEqual(['/etc/a', '/mnt/b'])
  })

  it('keeps policy, profile and limits as they are', () => {
    const policy = { copies: 2, floor: 1, distinct: { operator: 2 }, evidence: { accept: ['sampled'], maxAgeDays: 30 } }
    expect(parse({ policy, profile: 'unixfs-v0-2015', maxPackBytes: 1_000_000 }).archive).toMatchObject({
      policy,
      profile: 'unixfs-v0-2015',
      maxPackBytes: 1_000_000,
    })
  })

  it('without vaults means the embedded default', () => expect(parse({}).vaults).toBeUndefined())

  it('fills in variables of the environment, and leaves an escaped one alone', () => {
    const { vaults } = parse(vault({ region: `${variable('REGION')}-1`, jurisdiction: `$${variable('REGION')}` }), { REGION: 'eu' })
    expect(vaults?.[0]?.options).toMatchObject({ region: 'eu-1', jurisdiction: variable('REGION') })
  })

  it('does not fill in a variable twice', () => {
    expect(parse(vault({ region: variable('A') }), { A: variable('B'), B: 'secret' }).vaults?.[0]?.options.region).toBe(variable('B'))
  })

  it('names the missing variable and the place that asks for it', () => {
    const error = complaint(vault({ region: variable('NOT_SET') }))
    expect(error.code).toBe('missing-variable')
    expect(error.message).toMatch(/NOT_SET.*vaults\[0\]\.region/)
  })

  it.each([
    [{ polizy: {} }, /"polizy"; did you mean policy\?/],
    [{ policy: { copys: 3 } }, /policy has an unknown key "copys"; did you mean copies\?/],
    [{ policy: { evidence: { maxAge: 3 } } }, /policy\.evidence.*did you mean maxAgeDays\?|known are accept, maxAgeDays/],
    [{ policy: { overrides: { cold: { acept: [] } } } }, /policy\.overrides\.cold.*accept/],
    [vault({ readonly: true }), /did you mean readOnly\?/],
    [vault({ limit: { concurency: 2 } }), /did you mean concurrency\?/],
    [JSON.parse('{"__proto__": {}}'), /unknown key "__proto__"/],
    [{ constructor: 'x' }, /unknown key "constructor"/],
  ])('refuses an unknown key and names the nearest known one: %j', (value, message) => expect(complaint(value).message).toMatch(message))

  it.each([
    [{ vaults: [{ type: 'directry', at: 'x' }] }, /unknown type "directry"; did you mean directory\? known are directory, memory/],
    [{ vaults: [{ at: 'x' }] }, /vaults\[0\] has no "type"; known are/],
    [{ vaults: [{ type: 'toString' }] }, /unknown type/],
    [{ vaults: [null] }, /vaults\[0\] has no "type"/],
    [{ vaults: [{ type: 'directory' }] }, /vaults\[0\] needs "at"/],
    [{ vaults: [] }, /vaults is empty/],
    [{ vaults: {} }, /vaults must be a list/],
    [{ path: 7 }, /path must be a path/],
    [{ profile: 'v1' }, /profile must be/],
    [vault({ labels: { rack: 7 } }), /labels must be an object of texts/],
    [[], /must be an object/],
  ])('refuses what cannot be meant: %j', (value, message) => expect(complaint(value).message).toMatch(message))

  it('never repeats a value in a complaint, which may be a secret', () => {
    const secret = 'hunter2hunter2'
    for (const value of [{ path: { secret } }, vault({ at: [secret] }), vault({ labels: [secret] }), `{"path": "${secret}" oops`]) {
      const error = complaint(value)
      expect(`${error.message} ${error.cause}`).not.toContain(secret)
    }
  })

  it('says near which line the JSON breaks', () => expect(complaint('{\n"path": "x",\n}').message).toMatch(/not JSON near line 3/))
})

describe('loading', () => {
  let cwd = ''
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'perdure-config-'))
  })
  afterAll(() => rm(cwd, { recursive: true }))

  it('takes the embedded default in ./.perdure where there is no file', async () => {
    expect(await loadConfig({ cwd, env: {} })).toEqual({ archive: { path: join(cwd, '.perdure') } })
  })

  it('insists on a file that was asked for', async () => {
    await expect(loadConfig({ cwd, env: {}, file: 'other.json' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('makes the vaults, wrapped as asked', async () => {
    const file = join(cwd, 'archive.json')
    const vaults = [
      { type: 'directory', id: 'a', at: './a', limit: { concurrency: 2 }, readOnly: true },
      { type: 'memory', id: 'm' },
    ]
    await writeFile(file, JSON.stringify({ vaults }))
    const config = await archiveConfig(await loadConfig({ cwd, env: {}, file }))
    expect(config.vaults?.map(({ profile }) => profile.id)).toEqual(['a', 'm'])
    const readOnly = config.vaults?.[0]
    await expect(async () => readOnly?.remove?.('packs/aa/x.car')).rejects.toMatchObject({ code: 'denied' })
  })
})
