import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { keyPlace, PASSPHRASE, person } from '../cli/keys.ts'
import { tempFolder } from '../flow/house.ts'

const run = promisify(execFile)

interface Tool {
  readonly kind: string
  readonly age: string
  readonly keygen: (...args: string[]) => Promise<{ readonly stdout: string }>
  /** What `perdure key new` is told for the same kind of key. */
  readonly flags: readonly string[]
}

/** The system's age, the current one, and the current one with post-quantum keys, which older ones do not know. */
const tools = ['PACKAGED', 'CURRENT'].flatMap((name): readonly Tool[] => {
  const [age, path] = [process.env[`PERDURE_AGE_${name}`], process.env[`PERDURE_AGE_KEYGEN_${name}`]]
  if (!age || !path) return []
  const kind = name.toLowerCase()
  const classic: Tool = { kind, age, keygen: (...args) => run(path, args), flags: [] }
  // -y reads a file and makes no key.
  const hybrid = (...args: string[]) => run(path, args.includes('-y') ? args : ['-pq', ...args])
  return name === 'PACKAGED' ? [classic] : [classic, { kind: `${kind}, post-quantum`, age, keygen: hybrid, flags: ['--hybrid'] }]
})
const hasTerminal = existsSync('/usr/bin/script')
if (!hasTerminal) console.warn('SKIPPED: /usr/bin/script is not here; age asks for passphrases on a terminal only, so they were not tested')

/** age asks for passphrases at a terminal only; `script` gives it one. */
async function atTerminal(command: string, cwd: string, answers: readonly (readonly [question: string, keys: string])[]): Promise<string> {
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd })
  let screen = ''
  const left = [...answers]
  child.stdout.on('data', (bytes) => {
    screen += bytes
    const [next] = left
    if (!next || !screen.includes(next[0])) return
    left.shift()
    screen = ''
    child.stdin.write(`${next[1]}\r`)
  })
  const [code] = await once(child, 'close')
  expect(code, screen).toBe(0)
  return screen
}

/** What age seals for a recipient and opens with an identity file. */
async function through(age: string, recipient: string, identityFile: string, cwd: string): Promise<void> {
  await writeFile(join(cwd, 'in'), 'through age')
  await run(age, ['-r', recipient, '-o', join(cwd, 'sealed.age'), join(cwd, 'in')])
  expect((await run(age, ['-d', '-i', identityFile, join(cwd, 'sealed.age')])).stdout).toBe('through age')
}

it.skipIf(tools.length === 0)('a real age is here', () => expect(tools.length).toBeGreaterThan(0))

describe.each(tools)('beside the real age ($kind)', { timeout: 120_000 }, ({ age, keygen, flags }) => {
  it('key show and key import read what age-keygen writes', async () => {
    await using at = await keyPlace()
    const file = join(at.cwd, 'keygen.txt')
    await keygen('-o', file)
    const recipient = (await keygen('-y', file)).stdout.trim()
    expect(await at.run(['key', 'show', 'keygen.txt'])).toEqual({ code: 0, stdout: `${recipient}\n`, stderr: '' })
    expect((await at.run(['key', 'import', 'keygen.txt'])).code).toBe(0)
    expect(await readFile(at.identityFile, 'utf8')).toBe(await readFile(file, 'utf8'))
  })

  it('age and age-keygen read what key new writes', async () => {
    await using at = await keyPlace()
    const recipient = (await at.run(['key', 'new', '--quiet', ...flags])).stdout.trim()
    expect((await keygen('-y', at.identityFile)).stdout.trim()).toBe(recipient)
    await through(age, recipient, at.identityFile, at.cwd)
  })

  it('key new writes the lines that age-keygen writes', async () => {
    await using at = await keyPlace()
    await at.run(['key', 'new', '-o', 'ours.txt', ...flags])
    const shape = (text: string) => text.replace(/: \S+/g, ': …').replace(/1[A-Z0-9]{58}/, '1…')
    expect(shape(await readFile(join(at.cwd, 'ours.txt'), 'utf8'))).toBe(shape((await keygen()).stdout))
  })

  it.runIf(hasTerminal)('age opens what key new --passphrase protects, as an identity file and with age -d', async () => {
    await using at = await keyPlace()
    const recipient = (
      await at.run(['key', 'new', '--passphrase', '--quiet', '-o', 'ours.age', ...flags], person(PASSPHRASE, PASSPHRASE))
    ).stdout.trim()
    await writeFile(join(at.cwd, 'in'), 'through age')
    await run(age, ['-r', recipient, '-o', join(at.cwd, 'sealed.age'), join(at.cwd, 'in')])
    await atTerminal(`'${age}' -d -i ours.age -o out sealed.age`, at.cwd, [['assphrase', PASSPHRASE]])
    expect(await readFile(join(at.cwd, 'out'), 'utf8')).toBe('through age')
    await atTerminal(`'${age}' -d -o key.txt ours.age`, at.cwd, [['assphrase', PASSPHRASE]])
    expect((await keygen('-y', join(at.cwd, 'key.txt'))).stdout.trim()).toBe(recipient)
  })

  it.runIf(hasTerminal).each([[''], ['-a']])('key show and key import open what age -p %s protects', async (armor) => {
    await using at = await keyPlace()
    const { stdout: text } = await keygen()
    await writeFile(join(at.cwd, 'key.txt'), text)
    await atTerminal(`'${age}' -p ${armor} -o key.age key.txt && chmod 600 key.age`, at.cwd, [
      ['Enter passphrase', PASSPHRASE],
      ['onfirm', PASSPHRASE],
    ])
    const recipient = /age1\w+/.exec(text)?.[0]
    expect(await at.run(['key', 'show', 'key.age'], person(PASSPHRASE))).toEqual({ code: 0, stdout: `${recipient}\n`, stderr: '' })
    expect((await at.run(['key', 'import', 'key.age'], person(PASSPHRASE))).code).toBe(0)
    expect(await readFile(at.identityFile)).toEqual(await readFile(join(at.cwd, 'key.age')))
  })

  it('both refuse the same broken key', async () => {
    const folder = await tempFolder()
    const { stdout: text } = await keygen()
    const broken = text.trim().replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q'))
    await writeFile(join(folder, 'broken.txt'), broken)
    await expect(keygen('-y', join(folder, 'broken.txt'))).rejects.toThrow()
    await using at = await keyPlace()
    expect((await at.run(['key', 'show', join(folder, 'broken.txt')])).code).toBe(2)
  })
})
