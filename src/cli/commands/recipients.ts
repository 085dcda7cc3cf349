/** `perdure recipients show|add|remove|set ROOT…` */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RecipientsEvent, RecipientsOptions, RecipientsReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { type ErrorView, UsageError, viewError } from '../errors.ts'
import { EXIT, type ExitCode, exitCodeOf } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import { recipientsOf } from '../open.ts'
import { gather, identityOption } from '../options.ts'
import type { Progress } from '../progress.ts'
import { parseReference } from '../reference.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

interface Options {
  readonly recipient?: readonly string[]
  readonly rekey?: boolean
  readonly keepOld?: boolean
}

type Change = 'add' | 'remove' | 'set'

interface Failure {
  readonly previous: string
  readonly error: Omit<ErrorView, 'causes'>
}

interface Shown {
  readonly root: string
  /** Absent where the object does not say. */
  readonly recipients?: readonly string[]
}

const WHAT: Readonly<Record<Change, string>> = {
  add: 'seal objects for further recipients as well',
  remove: 'seal objects for fewer recipients; a removed reader keeps access to what it could already read',
  set: 'seal objects for these recipients and no others',
}

export function recipientsCommand(program: Command, run: Run): void {
  const recipients = program
    .command('recipients')
    .description('show and change whom sealed objects are sealed for, without storing their payload again')
  recipients
    .command('show')
    .description('whom objects are sealed for')
    .argument('<root...>', 'sealed objects')
    .addOption(identityOption())
    .action(run(show))
  for (const change of ['add', 'remove', 'set'] as const) {
    recipients
      .command(change)
      .description(WHAT[change])
      .argument('<root...>', 'sealed objects; each gets a new root')
      .requiredOption('--recipient <recipient>', 'age1…, or @FILE with one a line (repeatable)', gather)
      .option('--rekey', 'under new file keys: everything is stored anew')
      .option('--keep-old', 'leave the old objects beside the new ones')
      .addOption(identityOption())
      .action(run((context, roots: readonly string[], options: Options) => changeAll(context, change, roots, options)))
  }
}

async function show({ archive, reporter, signal }: CommandContext, roots: readonly string[]): Promise<ExitCode> {
  const list = reporter.list<Shown>('objects', {}, { lines: shownLines, asked: true })
  for (const text of roots) {
    const { root } = parseReference(text)
    const recipients = await (await archive()).recipients(root, { signal })
    await list.item({ root, ...(recipients && { recipients }) })
  }
  await list.end({})
  return EXIT.ok
}

const shownLines = ({ root, recipients }: Shown): string[] => [
  root,
  ...(recipients ?? ['it does not say: one of them has no public text']).map((text) => `  ${printable(text)}`),
]

/** One object that cannot be changed does not keep the others. */
async function changeAll(context: CommandContext, change: Change, roots: readonly string[], options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const texts = (await Promise.all((options.recipient ?? []).map((text) => readRecipient(context, text)))).flat()
  const wanted: RecipientsOptions = {
    [change]: texts,
    rekey: options.rekey,
    keepOld: options.keepOld,
    signal,
    onProgress: onChange(reporter.progress),
  }
  const archive = await context.archive()
  const list = reporter.list<RecipientsReport | Failure>('objects', {}, { lines })
  let code: ExitCode = EXIT.ok
  for (const text of roots) {
    const { root } = parseReference(text)
    try {
      const report = await archive.changeRecipients(root, wanted)
      await list.item(report)
      code = worse(code, codeOf(report))
    } catch (error) {
      signal.throwIfAborted()
      const { causes: _, ...view } = viewError(error)
      await list.item({ previous: root, error: view })
      code = EXIT.failed
    }
  }
  await list.end({})
  return code
}

function readRecipient({ cwd }: CommandContext, text: string): Promise<readonly string[]> {
  if (text.trim() === '') throw new UsageError('a recipient is empty; give age1…, or @FILE')
  return recipientsOf(text.startsWith('@') ? `@${resolve(cwd, text.slice(1))}` : text)
}

/** By the state of the new object; old headers of an erasable object that may still be there are unknown. */
function codeOf({ receipt, certificate }: RecipientsReport): ExitCode {
  if (receipt && exitCodeOf(receipt.state) !== EXIT.ok) return exitCodeOf(receipt.state)
  return certificate?.state === 'incomplete' ? EXIT.unknown : EXIT.ok
}

const worse = (a: ExitCode, b: ExitCode): ExitCode => (a === EXIT.failed || b === EXIT.ok ? a : b)

function lines(report: RecipientsReport | Failure, style: Style): string[] {
  if ('error' in report) return [`${style.red('failed')}  ${printable(report.previous)}: ${printable(report.error.message)}`]
  const { root, previous, recipients, files, storedAnew, bytesStored, oldHeaders, notes, receipt } = report
  const state = receipt ? style.dim(`  ${receipt.state}`) : ''
  const kept = oldHeaders.filter(({ retired }) => !retired)
  const stored = `${count(files, 'file')}, ${storedAnew} stored anew, ${formatBytes(bytesStored)} in new packs`
  return [
    root === previous ? `unchanged  ${root}` : `${style.green('sealed')}  ${root}${state}  ${style.dim(`was ${previous}`)}`,
    `  for ${recipients.map(printable).join(', ')}`,
    ...(receipt ? [`  ${stored}`] : []),
    ...(oldHeaders.length > kept.length ? [`  ${count(oldHeaders.length - kept.length, 'replica')} of old headers removed`] : []),
    ...atMost(20, kept, (header) => `  ${style.yellow('old header stays')}  ${where(header)}: ${printable(header.reason ?? '')}`),
    ...notes.map((note) => `  ${printable(note)}`),
  ]
}

function onChange(progress: Progress): (event: RecipientsEvent) => void {
  let toSend = 0
  return (event) => {
    if (event.type === 'placing') {
      toSend += event.byteLength
      progress.phase('storing', toSend)
    } else if (event.type === 'bytes-sent') progress.advance(event.byteLength)
    else if (event.type === 'placement-failed') progress.line(`${event.vault}: ${event.error.message}`)
  }
}
