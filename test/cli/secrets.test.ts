import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectNoSecrets, findInFolders, findSecrets, type Secret } from '../canary.ts'
import { everything, type KeyPlace, keyPair, keyPlace, PASSPHRASE, person } from './keys.ts'

/** Two vaults, content, an identity in the configuration and one behind a passphrase. */
async function prepared(): Promise<KeyPlace & { readonly secrets: readonly Secret[]; readonly allowed: readonly string[] }> {
  const at = await keyPlace()
  const plain = await keyPair()
  await mkdir(join(at.cwd, 'album'))
  await writeFile(join(at.cwd, 'album/a.txt'), 'content')
  await writeFile(join(at.cwd, 'plain.txt'), `# mine\n${plain.identity}\n`, { mode: 0o600 })
  await at.run(['key', 'new', '--passphrase', '-o', 'protected.txt'], person(PASSPHRASE, PASSPHRASE))
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, identities: ['./plain.txt'] }))
  const signing = async () => readFile(join(at.cwd, '.perdure/archive.key'), 'utf8')
  await at.run(['put', 'album'])
  return {
    ...at,
    allowed: [join(at.cwd, 'plain.txt'), join(at.cwd, '.perdure/archive.key')],
    secrets: [
      ...plain.secrets,
      { name: 'the passphrase', value: PASSPHRASE },
      { name: 'the signing key', value: (await signing()).trim() },
    ],
  }
}

const ROOT = 'ROOT'
const COMMANDS: readonly (readonly string[])[] = [
  ['put', 'album'],
  ['put', 'not-there'],
  ['ls'],
  ['ls', ROOT],
  ['cat', `${ROOT}/a.txt`],
  ['cat', 'bafkqaaa'],
  ['get', ROOT, '-o', 'out'],
  ['status'],
  ['status', ROOT],
  ['verify'],
  ['repair'],
  ['explain'],
  ['vault', 'list'],
  ['vault', 'test'],
  ['receipt', 'show', ROOT],
  ['key', 'show'],
  ['key', 'show', 'plain.txt', 'protected.txt'],
  ['key', 'import', 'plain.txt', '-o', 'perdure.json'],
  ['key', 'show', 'perdure.json'],
  ['key', 'show', 'album'],
  ['rm', ROOT],
  ['prune'],
]

describe('secrets', () => {
  it('are in no output of any command, in no file of archive and vaults, and in no receipt', { timeout: 120_000 }, async () => {
    await using at = await prepared()
    const root = (await at.run(['put', 'album', '--quiet'])).stdout.trim()
    const env = { ...at.env, PERDURE_DEBUG: '1' }
    const codes = new Set<number>()
    for (const command of COMMANDS) {
      for (const flags of [['--json'], []]) {
        const args = command.map((arg) => arg.replace(ROOT, root))
        const outcome = await at.run([...args, ...flags], { env, ...person(PASSPHRASE) })
        codes.add(outcome.code)
        expect({ args, found: findSecrets(everything(outcome), at.secrets) }).toEqual({ args, found: [] })
      }
    }
    expect([...codes].sort()).toEqual([0, 1, 2])
    expect(await findInFolders([at.cwd], at.secrets, at.allowed)).toEqual([])
    // The search can find: the files that may hold them do.
    expect((await findInFolders([at.cwd], at.secrets)).length).toBeGreaterThan(2)
  })

  it('are not shown by what the program hands to the library either', async () => {
    await using at = await prepared()
    const { inspect } = await import('node:util')
    let shown = ''
    await at.run(['ls'], {
      ...person(PASSPHRASE),
      open: async (config) => {
        for (const identity of config.identities ?? []) if (typeof identity === 'object') await identity.unwrapFileKey([])
        shown = inspect(config, { depth: 10, showHidden: true }) + JSON.stringify(config)
        throw new Error('enough')
      },
    })
    expect(shown).toContain('unwrapFileKey')
    expectNoSecrets(shown, at.secrets)
  })
})
