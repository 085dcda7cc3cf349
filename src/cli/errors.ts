/** How errors reach the user: a code, a sentence, the chain of causes, and what the process exits with. */
import { CommanderError } from 'commander'
import { redact } from '../bytes/redact.ts'
import { ConfigError, FormatError, PerdureError, PolicyError } from '../errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

export interface ErrorView {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly causes: readonly string[]
}

/** The reason an interrupted command aborts with. */
export class Interrupted extends PerdureError<'interrupted'> {
  override readonly name = 'Interrupted'

  constructor() {
    super('interrupted', 'interrupted; nothing half-stored counts')
  }
}

/** Wrong use of the command line that the parser cannot see. */
export class UsageError extends PerdureError<'usage'> {
  override readonly name = 'UsageError'

  constructor(message: string) {
    super('usage', message)
  }
}

const HINTS: Readonly<Record<string, string>> = {
  'unreachable-floor': '`perdure explain` shows which vaults count toward the floor',
  interrupted: 'run the same command again to resume',
  usage: '`perdure --help`, or `--help` after a command, shows how',
}

/** An error as it is shown. Never a stack, and never a secret key: parser and file system quote what they were given. */
export function viewError(error: unknown): ErrorView {
  const code = codeOf(error)
  const hint = HINTS[code]
  return { code, message: messageOf(error), causes: causesOf(error), ...(hint === undefined ? {} : { hint }) }
}

/** What the process exits with when a command threw. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof Interrupted) return EXIT.interrupted
  if (error instanceof UsageError || error instanceof CommanderError) return EXIT.usage
  if (error instanceof PolicyError) return EXIT.usage
  if (error instanceof ConfigError) return error.code === 'unsupported-runtime' ? EXIT.failed : EXIT.usage
  if (error instanceof FormatError && error.code === 'invalid-cid') return EXIT.usage
  return EXIT.failed
}

function codeOf(error: unknown): string {
  if (error instanceof PerdureError) return error.code
  if (error instanceof CommanderError) return 'usage'
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : 'internal'
}

function messageOf(error: unknown): string {
  const message = redact(error instanceof Error ? error.message : String(error))
  return (error instanceof CommanderError ? message.replace(/^error: /, '').replace(/\n/g, ' ') : message) || 'failed without a message'
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  while (cause !== undefined && causes.length < 8) {
    causes.push(messageOf(cause))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes
}
