import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
let cwd = ''

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'perdure-process-'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { PATH: process.env.PATH } })
  let stderr = ''
  child.stderr.on('data', (bytes) => (stderr += bytes))
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }))
  return { child, ended }
}

describe('bin', () => {
  const source = () => readFile(BIN, 'utf8')

  it('imports nothing before it has looked at the version of Node', async () => {
    const text = await source()
    expect(text).not.toMatch(/^import /m)
    expect(text.indexOf('process.versions.node')).toBeLessThan(text.indexOf('import('))
  })

  it.each(['20.20.2', '22.17.9', '18.0.0'])('on Node %s says which Node it needs and how to get one, and exits 1', async (version) => {
    const script = join(cwd, 'bin.mjs')
    const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`
    await writeFile(script, stripTypeScriptTypes(await source()))
    const child = spawn(process.execPath, ['--import', pretend, script])
    let stderr = ''
    child.stderr.on('data', (bytes) => (stderr += bytes))
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(stderr).toContain(`needs Node 22.18 or newer, this is Node ${version}`)
    expect(stderr).toContain('npm exec')
  })
})

describe('Ctrl-C', () => {
  it('stops a put, leaves nothing half-stored, says how to resume, and exits 130', async () => {
    const { child, ended } = start(['put', '-', '--name', 'piped'])
    child.stdin.write(Buffer.alloc(3_000_000, 1))
    const spool = join(cwd, '.perdure/spool')
    while (!existsSync(spool)) {
      expect(child.exitCode, 'the put is still waiting for its input').toBeNull()
      await pause(20)
    }
    await pause(100)
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect(stderr).toMatch(/same command again/)
    expect(stderr).not.toMatch(/\n {4}at /)
    expect(code).toBe(130)

    const again = start(['put', '-', '--name', 'piped'])
    again.child.stdin.end(Buffer.alloc(3_000_000, 1))
    expect((await again.ended).code).toBe(0)
  })

  it('given twice ends the process at once, whatever it is doing', async () => {
    const script = join(cwd, 'stubborn.ts')
    const module = new URL('../../src/cli/interrupt.ts', import.meta.url)
    await writeFile(
      script,
      `import { listenForInterrupts } from '${module}'
       listenForInterrupts(() => process.stdout.write('stopping'))
       process.stdout.write('ready')
       setInterval(() => {}, 1000)`,
    )
    const child = spawn(process.execPath, [script])
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([null, 'SIGINT'])
  })
})

describe('a reader that goes away', () => {
  it('ends cat without a word', async () => {
    await writeFile(join(cwd, 'large'), Buffer.alloc(8_000_000, 2))
    const put = start(['put', 'large', '--quiet'])
    let root = ''
    put.child.stdout.on('data', (bytes) => (root += bytes))
    expect((await put.ended).code).toBe(0)
    const { child, ended } = start(['cat', root.trim()])
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await ended).toMatchObject({ code: 1, signal: null, stderr: '' })
  })
})
