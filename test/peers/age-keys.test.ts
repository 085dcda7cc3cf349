import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { keyPlace, PASSPHRASE, person } from '../cli/keys.ts'
import { tempFolder } from '../flow/house.ts'

const AGE = process.env.PERDURE_AGE ?? ''
const run = promisify(execFile)
const keygen = (...args: string[]) => run(`${AGE}-keygen`, args)

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
async function through(recipient: string, identityFile: string, cwd: string): Promise<void> {
  await writeFile(join(cwd, 'in'), 'through age')
  await run(AGE, ['-r', recipient, '-o', join(cwd, 'sealed.age'), join(cwd, 'in')])
  expect((await run(AGE, ['-d', '-i', identityFile, join(cwd, 'sealed.age')])).stdout).toBe('through age')
}

describe.skipIf(AGE === '')('beside the real age', () => {
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
    const recipient = (await at.run(['key', 'new', '--quiet'])).stdout.trim()
    expect((await keygen('-y', at.identityFile)).stdout.trim()).toBe(recipient)
    await through(recipient, at.identityFile, at.cwd)
  })

  it('key new writes the lines that age-keygen writes', async () => {
    await using at = await keyPlace()
    await at.run(['key', 'new', '-o', 'ours.txt'])
    const shape = (text: string) => text.replace(/: \S+/g, ': …').replace(/1[A-Z0-9]{58}/, '1…')
    expect(shape(await readFile(join(at.cwd, 'ours.txt'), 'utf8'))).toBe(shape((await keygen()).stdout))
  })

  it('age opens what key new --passphrase protects, as an identity file and with age -d', async () => {
    await using at = await keyPlace()
    const recipient = (
      await at.run(['key', 'new', '--passphrase', '--quiet', '-o', 'ours.age'], person(PASSPHRASE, PASSPHRASE))
    ).stdout.trim()
    await writeFile(join(at.cwd, 'in'), 'through age')
    await run(AGE, ['-r', recipient, '-o', join(at.cwd, 'sealed.age'), join(at.cwd, 'in')])
    await atTerminal(`'${AGE}' -d -i ours.age -o out sealed.age`, at.cwd, [['assphrase', PASSPHRASE]])
    expect(await readFile(join(at.cwd, 'out'), 'utf8')).toBe('through age')
    await atTerminal(`'${AGE}' -d -o key.txt ours.age`, at.cwd, [['assphrase', PASSPHRASE]])
    expect((await keygen('-y', join(at.cwd, 'key.txt'))).stdout.trim()).toBe(recipient)
  })

  it.each([[''], ['-a']])('key show and key import open what age -p %s protects', async (armor) => {
    await using at = await keyPlace()
    const { stdout: text } = await keygen()
    await writeFile(join(at.cwd, 'key.txt'), text)
    await atTerminal(`'${AGE}' -p ${armor} -o key.age key.txt && chmod 600 key.age`, at.cwd, [
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
