/** Where a passphrase comes from: a file or a command that the environment names, or the terminal. Never a pipe, an argument or a variable itself. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { collect } from '../bytes/collect.ts'
import { ConfigError } from '../errors.ts'
import { UsageError } from './errors.ts'
import { readSecretFile } from './secret-file.ts'
import type { OpenTerminal } from './terminal.ts'

const FILE = 'PERDURE_PASSPHRASE_FILE'
const COMMAND = 'PERDURE_PASSPHRASE_COMMAND'
const LIMIT = 65_536

export interface Question {
  /** What it protects, as the person knows it. */
  readonly of: string
  /** For a new one: typed twice, and not empty. */
  readonly fresh?: boolean | undefined
}

export type AskPassphrase = (question: Question) => Promise<string>

export interface PassphraseOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly signal: AbortSignal
  readonly openTerminal: OpenTerminal
  readonly warn: (text: string) => Promise<void>
}

/** Answers from the first place that is configured; a person is asked only when there is none, and one question at a time. */
export function passphrases(options: PassphraseOptions): AskPassphrase {
  let asked: Promise<unknown> = Promise.resolve()
  return (question) => {
    const answer = asked.then(() => passphrase(question, options))
    asked = answer.catch(() => undefined)
    return answer
  }
}

async function passphrase(question: Question, options: PassphraseOptions): Promise<string> {
  const { env } = options
  if (env[FILE] && env[COMMAND]) throw new UsageError(`${FILE} and ${COMMAND} are both set; keep one of them`)
  if (env[FILE]) return oneLine(await fromFile(env[FILE], options), FILE)
  if (env[COMMAND]) return oneLine(await fromCommand(env[COMMAND], options), COMMAND)
  return fromTerminal(question, options)
}

async function fromFile(path: string, { cwd, warn }: PassphraseOptions): Promise<string> {
  const { bytes } = await readSecretFile(resolve(cwd, path), { what: `the passphrase file of ${FILE}`, limit: LIMIT, warn })
  return Buffer.from(bytes).toString()
}

/** The command may ask a person itself: it keeps standard input and standard error. */
async function fromCommand(command: string, { env, cwd, signal }: PassphraseOptions): Promise<string> {
  const child = spawn(command, { shell: true, cwd, env: { ...env }, signal, stdio: ['inherit', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((settle, reject) => child.on('error', reject).on('close', settle))
  try {
    const [bytes, code] = await Promise.all([collect(child.stdout, LIMIT, { signal }), ended])
    if (code === 0) return Buffer.from(bytes).toString()
    throw new ConfigError('invalid', `the command of ${COMMAND} ended with ${code ?? 'a signal'}; run it by hand to see why`)
  } catch (cause) {
    child.kill()
    signal.throwIfAborted()
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('invalid', `the command of ${COMMAND} gave no passphrase; run it by hand to see why`, { cause })
  }
}

/** Only the line break at the end is no part of it. More than one line is the wrong file. */
function oneLine(text: string, source: string): string {
  const line = text.replace(/\r?\n$/, '')
  if (line === '') throw new ConfigError('invalid', `${source} gives an empty passphrase, which protects nothing`)
  if (/[\r\n]/.test(line)) throw new ConfigError('invalid', `${source} gives more than one line; a passphrase is one line`)
  return line
}

async function fromTerminal({ of, fresh = false }: Question, { signal, openTerminal }: PassphraseOptions): Promise<string> {
  const terminal = openTerminal()
  if (terminal === undefined) {
    throw new UsageError(
      `${of} needs a passphrase and there is no terminal to ask at; run the command in a terminal, or name a file that holds it with ${FILE}, ` +
        `or a command that prints it with ${COMMAND} (a passphrase is not read from a pipe)`,
    )
  }
  try {
    const typed = await terminal.askHidden(`${fresh ? 'New passphrase' : 'Passphrase'} for ${of}: `, { signal })
    if (typed === '') throw new UsageError('the passphrase is empty, which protects nothing; type one, or leave --passphrase out')
    if (fresh && (await terminal.askHidden('The same once more: ', { signal })) !== typed) {
      throw new UsageError('the two passphrases differ; nothing was written, run the command again')
    }
    return typed
  } finally {
    terminal.close()
  }
}
