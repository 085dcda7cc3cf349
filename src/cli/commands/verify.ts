/** `perdure verify [ROOT]` */
import { type Command, Option } from 'commander'
import type { ObjectReport, ObjectState, VerifyEvent, VerifyLevel, VerifyOptions } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { type ExitCode, exitCodeOf, worseOf } from '../exit-codes.ts'
import { count } from '../format.ts'
import { gather, parseCount, parseShare } from '../options.ts'
import type { Progress } from '../progress.ts'
import { parseReference } from '../reference.ts'
import { paintState, type Style } from '../style.ts'
import { missingLines, objectLine, replicaLines } from '../views.ts'

interface Options {
  readonly level: VerifyLevel
  readonly sample?: number
  readonly confidence?: number
  readonly loss?: number
  readonly vault?: readonly string[]
  readonly cold?: boolean
  readonly rotation?: boolean
}

export function verifyCommand(program: Command, run: Run): void {
  program
    .command('verify')
    .description('ask the vaults to show bytes they could not have predicted, and judge the answers')
    .argument('[root]', 'one object; default all of them')
    .addOption(
      new Option('--level <level>', 'ask whether it is there, read a random sample, or read all')
        .choices(['listed', 'sampled', 'whole'])
        .default('sampled'),
    )
    .option('--sample <blocks>', 'how many blocks to draw per vault and object', parseCount)
    .option('--confidence <share>', 'with --loss: how sure to be, e.g. 0.99', parseShare)
    .option('--loss <share>', 'with --confidence: of catching a loss of this share, e.g. 0.01', parseShare)
    .option('--vault <id>', 'only this vault (repeatable)', gather)
    .option('--rotation', 'blocks that were not read yet in this round, within the audit budget; default a fresh draw each time')
    .option('--cold', 'read bytes of cold vaults too, wherever they can be read; default only what a restore has made readable')
    .action(run(verify))
}

async function verify(context: CommandContext, text: string | undefined, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const sample = sampleOf(options)
  const archive = await context.archive()
  const verifyOptions: VerifyOptions = {
    signal,
    level: options.level,
    sample,
    vaults: options.vault,
    cold: options.cold,
    rotation: options.rotation,
    onProgress: onVerify(reporter.progress),
  }
  const single = text !== undefined
  const list = reporter.list<ObjectReport>('objects', { level: options.level }, { lines: (report, style) => lines(report, single, style) })
  const reports = single ? one(archive.verify(parseReference(text).root, verifyOptions)) : archive.verifyAll(verifyOptions)
  let state: ObjectState = 'satisfied'
  let objects = 0
  for await (const report of reports) {
    state = worseOf(state, report.state)
    objects++
    await list.item(report)
  }
  await list.end({ state }, { lines: (style) => (single ? [] : [`${paintState(state, style)}  ${count(objects, 'object')} verified`]) })
  return exitCodeOf(state)
}

function sampleOf({ level, sample, confidence, loss, rotation }: Options): VerifyOptions['sample'] {
  if ((confidence === undefined) !== (loss === undefined))
    throw new UsageError('--confidence and --loss go together, e.g. --confidence 0.99 --loss 0.01')
  if (sample !== undefined && confidence !== undefined)
    throw new UsageError('--sample says how many blocks to draw; --confidence and --loss compute it: give one or the other')
  if (rotation && level !== 'sampled') throw new UsageError('--rotation says which blocks are drawn; use it with --level sampled')
  if (level !== 'sampled' && (sample ?? confidence) !== undefined)
    throw new UsageError(`nothing is drawn at level ${level}; leave the sample options out, or use --level sampled`)
  return confidence === undefined || loss === undefined ? sample : { confidence, loss }
}

/** Of many objects only those are shown that are not as they should be. */
function lines(report: ObjectReport, single: boolean, style: Style): string[] {
  if (!single && report.state === 'satisfied') return []
  return [objectLine(report, style), ...replicaLines(report.replicas, style), ...missingLines(report.missing, style)]
}

async function* one<T>(promise: Promise<T>): AsyncIterable<T> {
  yield await promise
}

function onVerify(progress: Progress): (event: VerifyEvent) => void {
  const told = new Set<string>()
  const warned = ({ vault, reason }: { readonly vault: string; readonly reason: string }) => {
    if (!told.has(vault)) progress.line(`${vault}: ${reason}`)
    told.add(vault)
  }
  return (event) => {
    if (event.type === 'budget-reached') return warned(event)
    if (event.type !== 'bytes-checked') return
    progress.phase('checking')
    progress.advance(event.byteLength)
  }
}
