/** What a command gets to work with. */
import type { Archive, ArchiveConfig } from '../contracts.ts'
import type { LoadedConfig } from './config.ts'
import type { ExitCode } from './exit-codes.ts'
import type { AskPassphrase } from './passphrase.ts'
import type { Reporter } from './reporter.ts'

export interface CommandContext {
  readonly reporter: Reporter
  readonly signal: AbortSignal
  /** From here on an interruption is how the command is meant to end, not a failure. */
  endsOnInterrupt(): void
  readonly stdin: AsyncIterable<Uint8Array>
  readonly cwd: string
  /** As given with `--config`. */
  readonly configFile: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** The identity files of this command: of `--identity`, of PERDURE_IDENTITY, of the configuration, or the default one; the first that there are. */
  identityFiles(): Promise<readonly string[]>
  /** Asks for a passphrase wherever this command may take one from. */
  readonly passphrase: AskPassphrase
  config(): Promise<LoadedConfig>
  /** What the archive is opened with: for commands that work while there is none. */
  archiveConfig(): Promise<ArchiveConfig>
  /** Opens the archive at the first call; it is closed when the command ends. */
  archive(): Promise<Archive>
}

/** Turns a command's body into what the parser calls: the arguments in order, the options, and last the parser's own command. */
export type Run = <Args extends readonly unknown[]>(
  body: (context: CommandContext, ...args: Args) => Promise<ExitCode>,
) => (...given: unknown[]) => Promise<void>
