/** The command-line program: parses, runs one command, and says what to exit with. */
import { readFile } from 'node:fs/promises'
import { CommanderError } from 'commander'
import type { Archive } from '../contracts.ts'
import { type LoadedConfig, loadConfig } from './config.ts'
import type { CommandContext, Run } from './context.ts'
import { exitCodeOfError, viewError } from './errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { identityFiles, lazyIdentities } from './identities.ts'
import { listenForInterrupts } from './interrupt.ts'
import { archiveConfig, type OpenArchive, openArchive } from './open.ts'
import { createOutput, type Output, OutputClosed } from './output.ts'
import { passphrases } from './passphrase.ts'
import { type CommonOptions, createProgram } from './program.ts'
import { createReporter, type Reporter } from './reporter.ts'
import { type OpenTerminal, openTerminal } from './terminal.ts'

/** How long a command goes on for the sake of its hooks. */
const HOOKS_WITHIN_MS = 3_000

/** Everything the program takes from its surroundings; the defaults are this process's. */
export interface MainOptions {
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  readonly stdout?: Output | undefined
  readonly stderr?: Output | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly cwd?: string | undefined
  readonly open?: OpenArchive | undefined
  /** Where to ask for passphrases. */
  readonly terminal?: OpenTerminal | undefined
  /** The package's own package.json, where the version is. */
  readonly packageFile?: URL | undefined
}

/** Runs one command line and resolves to the exit code. Never throws. */
export async function main(args: readonly string[], options: MainOptions = {}): Promise<number> {
  const { env = process.env, cwd = process.cwd(), stdin = process.stdin } = options
  const stdout = options.stdout ?? createOutput(process.stdout)
  const stderr = options.stderr ?? createOutput(process.stderr)
  const flags = commonFlags(args)
  const reporter = createReporter({ ...flags, stdout, stderr, env, clock: Date.now })
  const interrupts = listenForInterrupts(() => void reporter.note('Stopping; again to kill. What is stored stays valid.'))
  let code: ExitCode = EXIT.ok
  let shown = ''
  let endless = false

  const run: Run =
    <Args extends readonly unknown[]>(body: (context: CommandContext, ...args: Args) => Promise<ExitCode>) =>
    async (...given) => {
      const { config: configFile, identity: flags = [] } = commonOptionsOf(given.at(-1))
      const { signal } = interrupts
      const warn = (text: string) => reporter.note(text)
      const passphrase = passphrases({ env, cwd, signal, warn, openTerminal: options.terminal ?? openTerminal })
      const endsOnInterrupt = () => {
        endless = true
      }
      const parts = { reporter, signal, endsOnInterrupt, stdin, cwd, env, configFile, flags, passphrase }
      const context = createContext({ ...parts, open: options.open ?? openArchive })
      try {
        code = await body(context, ...(given.slice(0, -1) as unknown as Args))
      } finally {
        await context.close()
      }
    }

  try {
    const program = createProgram({ run, version: await version(options.packageFile), write: (text) => (shown += text) })
    await program.parseAsync(args, { from: 'user' })
    if (!endless) interrupts.signal.throwIfAborted()
    return code
  } catch (error) {
    if (error instanceof CommanderError && shown !== '') return await showHelp(error, shown, { stdout, stderr })
    if (error instanceof OutputClosed) return EXIT.failed
    return await failed(interrupts.signal.aborted ? interrupts.signal.reason : error, reporter)
  } finally {
    reporter.progress.done()
    interrupts.release()
  }
}

async function failed(error: unknown, reporter: Reporter): Promise<ExitCode> {
  try {
    await reporter.fail(error)
  } catch (unwritten) {
    if (!(unwritten instanceof OutputClosed)) return EXIT.failed
  }
  return exitCodeOfError(error)
}

/** Help that was asked for is the answer; help because nothing was asked for is a mistake. */
async function showHelp(
  error: CommanderError,
  text: string,
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<ExitCode> {
  await (error.exitCode === 0 ? stdout : stderr).write(text)
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage
}

/** Before parsing, because a command line that cannot be parsed is reported in the form asked for, too. */
function commonFlags(args: readonly string[]): { readonly json: boolean; readonly quiet: boolean } {
  const end = args.indexOf('--')
  const flags = end < 0 ? args : args.slice(0, end)
  return { json: flags.includes('--json'), quiet: flags.includes('--quiet') || flags.includes('-q') }
}

function commonOptionsOf(command: unknown): CommonOptions {
  return (command as { optsWithGlobals(): CommonOptions }).optsWithGlobals()
}

type ContextParts = Omit<CommandContext, 'config' | 'archive' | 'archiveConfig' | 'identityFiles'> & {
  readonly open: OpenArchive
  /** As given with `--identity`. */
  readonly flags: readonly string[]
}

function createContext(parts: ContextParts): CommandContext & { close(): Promise<void> } {
  const { open, flags, ...rest } = parts
  const { cwd, env, reporter } = rest
  let config: Promise<LoadedConfig> | undefined
  let archive: Promise<Archive> | undefined
  let told = false
  const loaded = () => (config ??= loadConfig({ file: rest.configFile, cwd, env }))
  const files = async () => identityFiles({ flags, env, cwd, configured: (await loaded()).identities ?? [] })
  const settings = async () => {
    const identities = lazyIdentities(await files(), { ask: rest.passphrase, warn: (text) => reporter.note(text) })
    return archiveConfig(await loaded(), { identities })
  }
  const opened = async () => {
    const made = await open(await settings())
    made.on(() => {
      told = true
    })
    return made
  }
  return {
    ...rest,
    config: loaded,
    archiveConfig: settings,
    identityFiles: files,
    archive: () => (archive ??= opened()),
    close: async () => {
      // An archive that could not be opened was reported by whoever asked for it.
      const held = await archive?.catch(() => undefined)
      try {
        if (held && told) await tellHooks(held, rest)
      } finally {
        await held?.close()
      }
    },
  }
}

/** Of what this command caused, hooks are told before it ends; what takes longer waits for the next command or the loop. */
async function tellHooks(archive: Archive, { signal, reporter }: Pick<CommandContext, 'signal' | 'reporter'>): Promise<void> {
  if (signal.aborted) return
  try {
    const { hooks } = await archive.deliverHooks({ signal, withinMs: HOOKS_WITHIN_MS })
    for (const { id, failure, givenUp } of hooks) {
      if (failure !== undefined)
        await reporter.note(`The hook ${id} was not told (${failure}); it is tried again. \`perdure hooks\` shows more.`)
      if (givenUp > 0) await reporter.note(`The hook ${id} was never told of ${givenUp} events, which are given up now.`)
    }
  } catch (error) {
    // What the command did is done, whoever hears of it.
    await reporter.note(`Hooks could not be told: ${viewError(error).message}`)
  }
}

/** In the sources this file lies two folders below package.json; a build, where it lies elsewhere, says where that is. */
async function version(packageFile: URL = new URL('../../package.json', import.meta.url)): Promise<string> {
  const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { readonly version: string }
  return version
}
