import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { armor, Decrypter } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { argumentsOfTree, expectNoSecrets, type Secret } from '../canary.ts'
import { tempFolder } from '../flow/house.ts'
import { PASSPHRASE, secretsOf } from './keys.ts'

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const passphrase: Secret = { name: 'the passphrase', value: PASSPHRASE }

/** util-linux's `script` gives a command a terminal of its own. */
const hasScript = process.platform === 'linux' && existsSync('/usr/bin/script')
if (!hasScript) console.warn('SKIPPED: there is no `script` here; questions at a real terminal were not tested')

interface Session {
  readonly child: ChildProcess
  /** What the screen shows so far. */
  screen(): string
  /** Waits until the screen shows something new, then types. */
  answer(question: string, keys: string): Promise<void>
  ended(): Promise<string>
}

function session(cwd: string, command: string): Session {
  const line = command.replaceAll('perdure', `'${process.execPath}' '${BIN}'`)
  const env = { PATH: process.env.PATH, HOME: cwd, NO_COLOR: '1', TERM: 'xterm' }
  const child = spawn('script', ['-qefc', line, '/dev/null'], { cwd, env })
  let screen = ''
  let looked = 0
  child.stdout.on('data', (bytes) => (screen += bytes))
  const closed = once(child, 'close')
  return {
    child,
    screen: () => screen,
    answer: async (question, keys) => {
      for (let at = -1; at < 0; ) {
        at = screen.indexOf(question, looked)
        if (at < 0) await Promise.race([once(child.stdout, 'data'), closed.then(() => expect.fail(`it ended before it asked: ${screen}`))])
        else looked = at + question.length
      }
      child.stdin.write(keys)
    },
    ended: async () => {
      await closed
      return screen
    },
  }
}

async function opened(path: string): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(PASSPHRASE)
  return decrypter.decrypt(armor.decode(await readFile(path, 'utf8')), 'text')
}

describe.skipIf(!hasScript)('at a real terminal', () => {
  it('a new passphrase is asked for twice and never shown, typing errors and all; nobody sees it in arguments or environment', async () => {
    const cwd = await tempFolder()
    const at = session(cwd, 'perdure key new --passphrase -o key.age')
    await at.answer('New passphrase', `x\u007fwrong\u0015${PASSPHRASE.slice(0, 5)}`)
    await at.answer(': ', `${PASSPHRASE.slice(5)}\r`)
    await at.answer('once more: ', PASSPHRASE)
    const tree = await argumentsOfTree(at.child.pid ?? 0)
    expect(tree.map((each) => each.arguments).join()).toContain('key.age')
    expectNoSecrets(JSON.stringify(tree), [passphrase])
    at.child.stdin?.write('\r')
    const screen = await at.ended()
    const text = await opened(join(cwd, 'key.age'))
    const secret = /AGE-SECRET-KEY-1\w+/.exec(text)?.[0] ?? expect.fail('there is no key in the file')
    expect(screen).toMatch(/wrote .*key\.age/)
    expectNoSecrets(screen, [passphrase, ...secretsOf(secret)])
  })

  it('is asked although standard input is a pipe, and standard output is a file', async () => {
    const cwd = await tempFolder()
    const first = session(cwd, 'perdure key new --passphrase -o key.age')
    // Both answers in one paste.
    await first.answer('New passphrase', `${PASSPHRASE}\r${PASSPHRASE}\r`)
    await first.ended()
    const at = session(cwd, 'cat key.age | perdure key import - -o copy.age > out; echo "code $?"')
    await at.answer('Passphrase for standard input: ', `${PASSPHRASE}\r`)
    const screen = await at.ended()
    expect(screen).toContain('code 0')
    expect(await readFile(join(cwd, 'out'), 'utf8')).toMatch(/^installed .*\nage1/)
    expect(await opened(join(cwd, 'copy.age'))).toContain('AGE-SECRET-KEY-1')
    expectNoSecrets(screen, [passphrase])
  })

  it('Ctrl-C leaves nothing behind, and the terminal as it was', async () => {
    const cwd = await tempFolder()
    const at = session(cwd, 'stty -a > before; perdure key new --passphrase -o key.age; echo "code $?"; stty -a > after')
    await at.answer('New passphrase', `${PASSPHRASE}\u0003`)
    const screen = await at.ended()
    expect(screen).toMatch(/interrupted.*code 130/s)
    expect(existsSync(join(cwd, 'key.age'))).toBe(false)
    expect(await readFile(join(cwd, 'after'), 'utf8')).toBe(await readFile(join(cwd, 'before'), 'utf8'))
    expectNoSecrets(screen, [passphrase])
  })

  it('a signal that ends the process while it waits gives the terminal back', async () => {
    const cwd = await tempFolder()
    const at = session(cwd, 'perdure key new --passphrase -o key.age; echo "code $?"; stty -a > after')
    await at.answer('New passphrase', 'typed')
    const tree = await argumentsOfTree(at.child.pid ?? 0)
    const own = tree.find((each) => each.arguments.startsWith(process.execPath)) ?? expect.fail('the process is not there')
    process.kill(own.pid, 'SIGTERM')
    expect(await at.ended()).toContain('code 130')
    expect(await readFile(join(cwd, 'after'), 'utf8')).toMatch(/(^|\s)echo\s/)
  })
})

describe('without a terminal', () => {
  it.runIf(process.platform === 'linux')('a process that has none says so at once', async () => {
    const cwd = await tempFolder()
    // setsid leaves the terminal that the tests may have been started from.
    const child = spawn('setsid', ['-w', process.execPath, BIN, 'key', 'new', '--passphrase', '-o', 'key.age'], {
      cwd,
      env: { PATH: process.env.PATH },
    })
    let stderr = ''
    child.stderr.on('data', (bytes) => (stderr += bytes))
    child.stdin.end(`${PASSPHRASE}\n${PASSPHRASE}\n`)
    expect(await once(child, 'close')).toEqual([2, null])
    expect(stderr).toMatch(/no terminal to ask at.*PERDURE_PASSPHRASE_FILE/)
    expect(existsSync(join(cwd, 'key.age'))).toBe(false)
  })
})
