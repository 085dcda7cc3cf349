/**
 * Runs a command hook: no shell, the message on standard input, few variables, a time limit, and of its output a few bytes for the report. It runs in a
 * process group of its own, so that what it started ends with it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { dirname } from 'node:path'
import type { CommandHookConfig } from '../contracts.ts'
import { type DeliveryOptions, failure, type Message, type Outcome } from './hooks-delivery.ts'

const ALWAYS = ['PATH', 'HOME', 'LANG', 'TZ', 'SystemRoot']
/** From the request to end to the end by force. */
const GRACE_MS = 2_000
/** How long its output is waited for once it has ended: a child it left behind may hold the pipe open for ever. */
const DRAIN_MS = 500

export interface CommandOptions extends DeliveryOptions {
  /** The archive's folder; the command runs beside it. */
  readonly path: string
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** Resolves to what came of it, when the command has ended; rejects only with the signal's reason. */
export async function runCommand(config: CommandHookConfig, message: Message, options: CommandOptions): Promise<Outcome> {
  const { signal, timeoutMs, path, env = process.env } = options
  signal.throwIfAborted()
  const [program = '', ...args] = config.command
  const child = spawn(program, args, {
    cwd: dirname(path),
    env: variables(config, env),
    shell: false,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own where there are groups.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const limit = AbortSignal.timeout(timeoutMs)
  const stop = AbortSignal.any([signal, limit])
  const ended = endOf(child, stop)
  feed(child, `${JSON.stringify(message)}\n`)
  const end = await ended
  signal.throwIfAborted()
  if (end.error) return notStarted(end.error)
  if (limit.aborted && end.code !== 0) return failure('timed-out', `the command did not end within ${timeoutMs} ms and was killed`)
  if (end.code === 0) return { ok: true }
  return failure('exit', end.signal === null ? `the command exited with ${end.code}` : `the command was ended by ${end.signal}`)
}

/** Absent ones stay absent. */
function variables({ env: allowed = [] }: CommandHookConfig, env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given: Record<string, string> = {}
  for (const name of [...ALWAYS, ...allowed]) {
    const value = env[name]
    if (value !== undefined && !name.startsWith('PERDURE_')) given[name] = value
  }
  return given
}

/** A command that does not read its input is no failure. */
function feed({ stdin }: ChildProcess, text: string): void {
  stdin?.on('error', () => undefined)
  stdin?.end(text)
}

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly error?: Error
}

function endOf(child: ChildProcess, stop: AbortSignal): Promise<End> {
  // Read and thrown away: a full pipe would stop it, and what it prints is its own affair.
  for (const stream of [child.stdout, child.stderr]) stream?.on('error', () => undefined).resume()
  return new Promise((resolve) => {
    let force: NodeJS.Timeout | undefined
    const onStop = () => {
      kill(child, 'SIGTERM')
      force = setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS)
    }
    const done = (end: End) => {
      clearTimeout(force)
      stop.removeEventListener('abort', onStop)
      // What it started and left behind ends with it.
      kill(child, 'SIGKILL')
      setTimeout(() => {
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
      }, DRAIN_MS).unref()
      resolve(end)
    }
    child.once('error', (error) => {
      if (child.pid === undefined) done({ code: null, signal: null, error })
    })
    child.once('exit', (code, signal) => done({ code, signal }))
    if (stop.aborted) onStop()
    else stop.addEventListener('abort', onStop, { once: true })
  })
}

/** The whole group; there may be none any more. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = child
  if (pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-pid, signal)
  } catch {
    // ESRCH: all of them have ended.
    return
  }
}

function notStarted(error: Error): Outcome {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return failure('not-found', 'there is no such program, or no such folder to run it in')
  if (code === 'EACCES') return failure('not-found', 'the program may not be run; make it executable')
  return failure('invalid', `the program could not be started (${typeof code === 'string' ? code : 'unknown'})`)
}
