/** `perdure survey [VAULT…]` */
import type { Command } from 'commander'
import type { Archive, StructureReport, SurveyEvent, SurveyOptions, SurveyReport, SurveyState } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable, short } from '../format.ts'
import { parseShare } from '../options.ts'
import type { Progress } from '../progress.ts'
import type { Style } from '../style.ts'

interface Options {
  readonly confidence?: number
  readonly loss?: number
  readonly cold?: boolean
  readonly structure: boolean
}

type Item = SurveyReport & { readonly structure?: StructureReport }

export function surveyCommand(program: Command, run: Run): void {
  program
    .command('survey')
    .description('ask whole vaults for blocks drawn at random, and say what the answers state of each vault')
    .argument('[vaults...]', 'these vaults; default all of them')
    .option('--confidence <share>', 'with --loss: how sure to be, e.g. 0.99; default by the audit goal', parseShare)
    .option('--loss <share>', 'with --confidence: of catching a loss of this share, e.g. 0.01', parseShare)
    .option('--cold', 'cold vaults too, as far as their bytes can be read now')
    .option('--no-structure', 'leave out the headers, inner nodes, TOCs and records that are due')
    .action(run(survey))
}

async function survey(context: CommandContext, ids: readonly string[], options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const goal = goalOf(options)
  const archive = await context.archive()
  const { progress } = reporter
  const surveyOptions: SurveyOptions = { signal, goal, cold: options.cold, onProgress: onSurvey(progress) }
  const list = reporter.list<Item>('surveys', {}, { lines: (report, style) => lines(report, style), asked: true })
  let code: ExitCode = EXIT.ok
  for (const id of ids.length > 0 ? ids : archive.vaults.map((vault) => vault.id)) {
    const report = await surveyOne(archive, id, { ...surveyOptions, structure: options.structure })
    code = worse(code, codeOf(report, ids.includes(id)))
    await list.item(report)
  }
  await list.end({})
  return code
}

async function surveyOne(
  archive: Archive,
  id: string,
  { structure, ...options }: SurveyOptions & { readonly structure: boolean },
): Promise<Item> {
  const report = await archive.survey(id, options)
  if (!structure || report.state === 'empty') return report
  const { signal, onProgress } = options
  return { ...report, structure: await archive.auditStructure(id, { signal, onProgress }) }
}

function goalOf({ confidence, loss }: Options): SurveyOptions['goal'] {
  if ((confidence === undefined) !== (loss === undefined))
    throw new UsageError('--confidence and --loss go together, e.g. --confidence 0.99 --loss 0.01')
  return confidence === undefined || loss === undefined ? undefined : { confidence, loss }
}

const CODES: Readonly<Record<SurveyState, ExitCode>> = {
  clean: EXIT.ok,
  empty: EXIT.ok,
  skipped: EXIT.ok,
  budget: EXIT.unknown,
  incomplete: EXIT.unknown,
  losses: EXIT.damaged,
}

/** A vault that was asked for by name and not read leaves its question open. */
function codeOf({ state, structure }: Item, named: boolean): ExitCode {
  if (structure && structure.lost.length > 0) return EXIT.damaged
  if (state === 'skipped' && named) return EXIT.unknown
  return CODES[state]
}

/** Losses before open questions, open questions before none. */
const worse = (a: ExitCode, b: ExitCode): ExitCode => (a > b ? a : b)

function lines(report: Item, style: Style): string[] {
  const { vault, state, statement, drawn, draws, population, bytesRead, losses, notes, attested, structure } = report
  const read = drawn === undefined ? '' : style.dim(`  ${draws} of ${count(population, 'block')} drawn, ${formatBytes(bytesRead)} read now`)
  return [
    `${paint(state, style)}  ${printable(vault)}${read}`,
    `  ${printable(statement)}`,
    ...(attested
      ? [`  possession proven for ${attested.proven} of ${count(attested.proven + attested.unproven + attested.refuted, 'pack')} asked`]
      : []),
    ...atMost(20, losses, ({ outcome, pack, ordinal, objects }) => {
      const hit = objects.length === 0 ? 'no object' : objects.map((root) => printable(root)).join(', ')
      return `  ${style.red(outcome)}  block ${ordinal} of pack ${short(pack)}: ${hit}`
    }),
    ...(structure ? structureLines(structure, style) : []),
    ...notes.map((note) => `  ${style.dim('·')} ${printable(note)}`),
  ]
}

function structureLines({ state, packs, blocks, bytesRead, lost, share }: StructureReport, style: Style): string[] {
  if (state === 'skipped' || (packs === 0 && state === 'current')) return []
  const stopped = state === 'budget' ? '; stopped at the budget' : state === 'unanswered' ? '; the vault does not answer' : ''
  return [
    `  structure: ${count(blocks, 'block')} of ${count(packs, 'pack')} read (${formatBytes(bytesRead)}), ${Math.floor(100 * share)} % of this round${stopped}`,
    ...atMost(20, lost, (pack) => `  ${style.red('damaged')}  structure of pack ${short(pack)}`),
  ]
}

function paint(state: SurveyState, style: Style): string {
  if (state === 'clean') return style.green(state)
  return state === 'losses' ? style.bold(style.red(state)) : style.yellow(state)
}

function onSurvey(progress: Progress): (event: SurveyEvent) => void {
  return (event) => {
    if (event.type === 'survey-drawn') progress.phase(`surveying ${event.vault}`)
    else if (event.type === 'probe-answered' || event.type === 'structure-read') progress.advance(event.byteLength)
  }
}
