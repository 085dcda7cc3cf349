import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventOf } from '../../../src/flow/event-facts.ts'
import { type CommandOptions, runCommand } from '../../../src/flow/hooks-command.ts'
import type { Message } from '../../../src/flow/hooks-delivery.ts'
import { tempFolder } from '../house.ts'

const MESSAGE: Message = {
  version: 1,
  archive: 'z6Mk',
  hook: 'h',
  events: [eventOf({ type: 'object-removed', root: 'bafy; rm -rf' }, 1_000)],
}

async function running(
  script: string,
  { env, args = [], ...options }: Partial<CommandOptions> & { args?: string[]; allowed?: string[] } = {},
) {
  const folder = await tempFolder()
  const file = join(folder, 'hook.mjs')
  await writeFile(file, script)
  const outcome = await runCommand(
    { type: 'command', id: 'h', command: [process.execPath, file, ...args], env: options.allowed },
    MESSAGE,
    { signal: new AbortController().signal, timeoutMs: 20_000, path: join(folder, '.perdure'), env: env ?? process.env, ...options },
  )
  return { folder, outcome, text: (name: string) => readFile(join(folder, name), 'utf8').catch(() => undefined) }
}

const SAVE = "import { readFileSync, writeFileSync } from 'node:fs'\n"

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && isAlive(pid); tries++) await sleep(25)
  return !isAlive(pid)
}

describe('a command hook', () => {
  it('reads the events on standard input, gets its arguments as they are, and runs beside the archive', async () => {
    const args = ['$HOME', 'a b', '; touch pwned', '*']
    const { outcome, text } = await running(
      `${SAVE}writeFileSync('out', JSON.stringify([readFileSync(0, 'utf8'), process.argv.slice(2), process.cwd()]))`,
      { args },
    )
    expect(outcome).toEqual({ ok: true })
    const [input, given] = JSON.parse((await text('out')) ?? '')
    expect(JSON.parse(input)).toEqual(MESSAGE)
    expect(given).toEqual(args)
    expect(await text('pwned')).toBeUndefined()
  })

  it('gets few variables: those named, and none of ours', async () => {
    const env = { PATH: process.env.PATH, HOME: '/h', TOKEN: 't', AWS_SECRET_ACCESS_KEY: 's', PERDURE_IDENTITY: 'i' }
    const { text } = await running(`${SAVE}writeFileSync('out', JSON.stringify(process.env))`, {
      env,
      allowed: ['TOKEN', 'ABSENT', 'PERDURE_IDENTITY'],
    })
    const given = JSON.parse((await text('out')) ?? '')
    expect(Object.keys(given).filter((name) => !name.startsWith('__'))).toEqual(['PATH', 'HOME', 'TOKEN'])
  })

  it.each([
    ['that fails', 'process.exit(3)', { ok: false, code: 'exit', detail: 'the command exited with 3' }],
    ['that is killed', "process.kill(process.pid, 'SIGKILL')", { ok: false, code: 'exit', detail: 'the command was ended by SIGKILL' }],
    ['that reads nothing', 'process.exit(0)', { ok: true }],
    ['that closes its input at once', 'process.stdin.destroy()', { ok: true }],
    ['that prints a great deal', "for (let i = 0; i < 200; i++) process.stdout.write('x'.repeat(100_000))", { ok: true }],
  ])('%s is taken at its exit code', async (_, script, outcome) => {
    expect((await running(script)).outcome).toEqual(outcome)
  })

  it.each([
    ['hangs', 'setInterval(() => {}, 1000)'],
    ['will not go', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"],
    ['prints for ever', "const more = () => process.stdout.write('x'.repeat(65536), more); more()"],
  ])('that %s is killed after its time', async (_, script) => {
    const { outcome, text } = await running(`${SAVE}writeFileSync('pid', String(process.pid))\n${script}`, { timeoutMs: 1_500 })
    expect(outcome).toMatchObject({ ok: false, code: 'timed-out' })
    expect(await isGone(Number(await text('pid')))).toBe(true)
  })

  it('takes what it started with it, and a child that holds its output open holds nobody up', async () => {
    const forks = `${SAVE}import { spawn } from 'node:child_process'
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
      writeFileSync('child', String(child.pid))
      child.unref()
      process.exit(0)`
    const { outcome, text } = await running(forks)
    expect(outcome).toEqual({ ok: true })
    expect(await isGone(Number(await text('child')))).toBe(true)
    const hangs = await running(forks.replace('process.exit(0)', 'setInterval(() => {}, 1000)'), { timeoutMs: 1_500 })
    expect(hangs.outcome).toMatchObject({ code: 'timed-out' })
    expect(await isGone(Number(await hangs.text('child')))).toBe(true)
  })

  it('that is not there, or may not be run, has not failed silently', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'text'), 'x', { mode: 0o600 })
    const options = { signal: new AbortController().signal, timeoutMs: 5_000, path: join(folder, '.perdure') }
    for (const command of [['/nowhere/at/all'], [join(folder, 'text')]])
      expect(await runCommand({ type: 'command', id: 'h', command }, MESSAGE, options)).toMatchObject({ ok: false, code: 'not-found' })
  })

  it('is killed when the work is cancelled, and that is no failure of its own', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(new RangeError('stopped')), 300)
    await expect(running('setInterval(() => {}, 1000)', { signal: stop.signal })).rejects.toThrow('stopped')
  })
})
