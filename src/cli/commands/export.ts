/** `perdure export DIR [ROOT…]` */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { ExportEvent, ExportReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import type { Progress } from '../progress.ts'
import { parseReference } from '../reference.ts'
import type { Style } from '../style.ts'

interface Options {
  readonly form: 'objects' | 'packs'
}

const SHOWN = 20

export function exportCommand(program: Command, run: Run): void {
  program
    .command('export')
    .description('write objects to a new folder that ipfs-car, age and jq open without perdure (a BagIt bag); sealed objects stay sealed')
    .argument('<folder>', 'where nothing is yet')
    .argument('[roots...]', 'objects; default all of them')
    .addOption(
      new Option('--form <form>', 'one CAR per object, or the packs as vaults have them').choices(['objects', 'packs']).default('objects'),
    )
    .action(run(exportTo))
}

async function exportTo(context: CommandContext, folder: string, texts: readonly string[], { form }: Options): Promise<ExitCode> {
  const { reporter, signal, cwd } = context
  const roots = texts.length === 0 ? undefined : texts.map((text) => parseReference(text).root)
  const archive = await context.archive()
  const report = await archive.export(resolve(cwd, folder), { roots, form, signal, onProgress: onExport(reporter.progress) })
  await reporter.result(report, { lines: (style) => lines(report, style) })
  return report.missing.count > 0 ? EXIT.degraded : EXIT.ok
}

function lines({ folder, objects, files, byteLength, reused, erasable, missing }: ExportReport, style: Style): string[] {
  return [
    `${style.green('exported')}  ${count(objects, 'object')} in ${count(files, 'file')}, ${formatBytes(byteLength)}, to ${printable(folder)}` +
      (reused > 0 ? style.dim(` · ${count(reused, 'file')} there already, checked again`) : ''),
    ...(erasable > 0
      ? [`  ${style.yellow('note')}  ${count(erasable, 'object')} in it can be shredded elsewhere and not here: delete the folder, too`]
      : []),
    ...atMost(SHOWN, missing.first, ({ root, reason }) => `  ${style.red('missing')}  ${printable(root)}: ${printable(reason)}`),
    style.dim('  data/README.txt in it says how to open everything'),
  ]
}

function onExport(progress: Progress): (event: ExportEvent) => void {
  return (event) => {
    if (event.type === 'exporting') progress.phase('exporting')
    else progress.advance(event.byteLength)
  }
}
