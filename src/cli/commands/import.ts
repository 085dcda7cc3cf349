/** `perdure import ipfs://CID[/path] --from GATEWAY` */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { ImportEvent, ImportOptions, ImportReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { type ExitCode, exitCodeOfPut } from '../exit-codes.ts'
import { count, formatBytes, printable } from '../format.ts'
import { gather, parseMoment } from '../options.ts'
import type { Progress } from '../progress.ts'
import type { Style } from '../style.ts'
import { onPut, type PutRetention, receiptLines, retainOf } from './put.ts'

interface Options extends PutRetention {
  readonly from?: readonly string[]
  readonly allowPrivate?: boolean
  readonly name?: string
  readonly mediaType?: string
  readonly until: 'accepted' | 'floor' | 'policy'
}

export function importCommand(program: Command, run: Run): void {
  program
    .command('import')
    .description('adopt content that lies on IPFS under the root it has there; every block is checked, and the gateway believed in nothing')
    .argument('<address>', 'ipfs://CID[/path], CID[/path], or the URL of a gateway')
    .option('--from <gateway>', 'a trustless gateway to ask, e.g. https://gateway.example (repeatable); default the one in the URL', gather)
    .option('--allow-private', 'the gateway may be on this machine or on a private network')
    .option('--name <name>', 'name to remember it by; default the last of the path')
    .option('--media-type <type>', 'media type to remember')
    .option('--retain-until <date>', 'no replica may be deleted before, e.g. 2030-01-01; only vaults that can lock get one', parseMoment)
    .addOption(new Option('--retain-mode <mode>', 'may somebody with a special right end it early?').choices(['governance', 'compliance']))
    .option('--legal-hold', 'with --retain-until: kept beyond that date too, until the hold is lifted')
    .addOption(
      new Option('--until <moment>', 'return when every vault was handed it, when the floor holds, or when the whole plan was tried')
        .choices(['accepted', 'floor', 'policy'])
        .default('policy'),
    )
    .action(run(importOne))
}

async function importOne(context: CommandContext, address: string, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const { from, allowPrivate, name, mediaType, until } = options
  const retain = retainOf(options)
  const archive = await context.archive()
  const wanted: ImportOptions = { signal, from, allowPrivate, name, mediaType, until, retain, onProgress: onImport(reporter.progress) }
  const report = await archive.import(address, wanted)
  await reporter.result(report, { lines: (style) => lines(report, style), quiet: () => [report.root] })
  return exitCodeOfPut(report.receipt.complete, until)
}

function lines({ cid, path, blocks, bytesFetched, receipt }: ImportReport, style: Style): string[] {
  const [first = '', ...rest] = receiptLines(receipt, style)
  const what = path === undefined ? cid : `${cid}/${path}`
  const fetched = blocks === 0 ? 'all of it was here' : `${count(blocks, 'block')} fetched, ${formatBytes(bytesFetched)}`
  return [first, `  ${style.dim(`imported from ${printable(what)}: ${fetched}`)}`, ...rest]
}

/** Fetching first, then as put does. */
function onImport(progress: Progress): (event: ImportEvent) => void {
  const rest = onPut(progress, { count: 0, first: [] })
  return (event) => {
    if (event.type !== 'block-fetched') return rest(event)
    progress.phase('fetching')
    progress.advance(event.byteLength)
  }
}
