/** `perdure evacuate VAULT` */
import type { Command } from 'commander'
import type { EvacuateEvent, EvacuatePlan, EvacuateReport, ObjectState, PackFate, VaultInventory } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode, exitCodeOf, worseOf } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import { formatMoney, formatMoneys, limitLine } from '../money.ts'
import type { Progress } from '../progress.ts'
import { paintState, type Style } from '../style.ts'
import { missingLines, where } from '../views.ts'

interface Options {
  readonly plan?: boolean
  readonly degrade?: boolean
  readonly remove?: boolean
  readonly cancel?: boolean
}

export function evacuateCommand(program: Command, run: Run): void {
  program
    .command('evacuate')
    .description('leave a vault: everything in it gets a home in the others, shown by fresh evidence; run it again to go on')
    .argument('<vault>', 'the vault to leave')
    .option('--plan', 'show what would move and what it would cost; change nothing')
    .option('--degrade', 'begin although the policy cannot be met without the vault')
    .option('--remove', 'when everything is safe elsewhere: delete the copies in it, where it can')
    .option('--cancel', 'end it: the vault gets new packs again')
    .action(run(evacuate))
}

async function evacuate(context: CommandContext, vault: string, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  if ([options.plan, options.remove, options.cancel].filter(Boolean).length > 1)
    throw new UsageError('--plan, --remove and --cancel exclude each other; give one')
  const archive = await context.archive()
  const report = await archive.evacuate(vault, { ...options, signal, onProgress: onEvacuate(reporter.progress) })
  await reporter.result(report, { lines: (style) => lines(report, style) })
  return exitCodeOfEvacuation(report)
}

/** By the worst of what is still there, and once the vault is left by the worst state of the objects that were in it. */
export function exitCodeOfEvacuation({ state, fates, plan, after }: EvacuateReport): ExitCode {
  if (state === 'cancelled') return EXIT.ok
  if (state === 'planned') return (plan?.copies ?? 0) > 0 || (plan?.unmet.length ?? 0) > 0 ? EXIT.degraded : EXIT.ok
  if (fates.lost > 0) return EXIT.atRisk
  if (fates.silent > 0) return EXIT.unknown
  if (state === 'leaving') return EXIT.degraded
  return exitCodeOf((Object.keys(after.states) as ObjectState[]).reduce(worseOf, 'satisfied'))
}

function lines(report: EvacuateReport, style: Style): string[] {
  const { vault, state, before, after, plan, troubles, removed, copiedBytes } = report
  const head = state === 'left' ? style.green(state) : state === 'cancelled' ? state : style.yellow(state)
  const was = (inventory: VaultInventory) =>
    `${count(inventory.objects, 'object')}, ${formatBytes(inventory.packBytes)} in ${count(inventory.packs + inventory.indexPacks, 'pack')}  ${statesLine(inventory, style)}`
  return [
    `${head}  ${printable(vault)}`,
    `  before  ${was(before)}`,
    ...(state === 'planned' ? [] : [`  after   ${was(after)}`]),
    ...(state === 'planned' && plan ? planLines(plan, style) : []),
    ...(copiedBytes > 0 ? [`  copied to other vaults: ${formatBytes(copiedBytes)}`] : []),
    ...fateLine(report),
    ...atMost(20, troubles, ({ pack, fate, detail, roots }) => {
      const objects = roots.length === 0 ? '' : style.dim(` · ${roots.slice(0, 3).join(', ')}${roots.length > 3 ? ' …' : ''}`)
      return `  ${(fate === 'lost' ? style.red : style.yellow)(fate)}  ${where({ pack })}: ${printable(detail)}${objects}`
    }),
    ...(removed.packs > 0 ? [`  deleted there: ${count(removed.packs, 'pack')}, ${formatBytes(removed.byteLength)}`] : []),
    ...(state === 'planned' ? [] : remainingLines(report)),
    ...nextLine(report),
  ]
}

function planLines(plan: EvacuatePlan, style: Style): string[] {
  const { targets, standing, unneeded, unmet, stuck, upFront, perMonth, unpriced, exceeds } = plan
  const roots = stuck.roots.slice(0, 5).join(', ')
  return [
    ...targets.map(
      ({ vault, packs, byteLength }) =>
        `  ${style.cyan('move')}  ${count(packs, 'pack')}, ${formatBytes(byteLength)} to ${printable(vault)}`,
    ),
    `  ${standing} stand elsewhere already, ${unneeded} are needed by nothing`,
    `  cost: ${formatMoneys(upFront)} up front, ${formatMoneys(perMonth)} a month${unpriced.length > 0 ? `; no prices of ${unpriced.map(printable).join(', ')}` : ''}`,
    ...(exceeds ? [`  ${style.red('over the limit')}  ${limitLine(exceeds)}`] : []),
    ...missingLines(unmet, style),
    ...(stuck.packs > 0
      ? [`  ${style.red('stuck')}  no other vault can take ${count(stuck.packs, 'pack')}; objects in them: ${roots}`]
      : []),
    ...(unmet.length > 0 ? ['  --degrade begins all the same, and moves as much as can be'] : []),
  ]
}

function statesLine({ states }: VaultInventory, style: Style): string {
  return (Object.entries(states) as [ObjectState, number][]).map(([state, objects]) => `${objects} ${paintState(state, style)}`).join(', ')
}

const FATE_WORDS: Readonly<Record<PackFate, string>> = {
  safe: 'safe elsewhere',
  unneeded: 'needed by nothing',
  lost: 'lost there',
  silent: 'not answered',
  refused: 'without a home yet',
}

function fateLine({ fates }: EvacuateReport): string[] {
  const known = (Object.entries(fates) as [PackFate, number][]).filter(([, packs]) => packs > 0)
  return known.length === 0 ? [] : [`  packs: ${known.map(([fate, packs]) => `${packs} ${FATE_WORDS[fate]}`).join(', ')}`]
}

function remainingLines({ remaining, vault }: EvacuateReport): string[] {
  if (remaining.length === 0) return [`  nothing remains in ${printable(vault)}, as far as is known`]
  return remaining.map(({ kept, packs, byteLength, perMonth, reason }) => {
    const until =
      kept === 'until-removed' ? 'until somebody deletes it' : kept === 'for-ever' ? 'for ever' : `at least until ${printable(kept)}`
    const paid = perMonth ? `, ${formatMoney(perMonth)} a month` : ''
    return `  remains there: ${count(packs, 'pack')}, ${formatBytes(byteLength)}, ${until}${paid}${reason === undefined ? '' : `: ${printable(reason)}`}`
  })
}

function nextLine({ state, vault, fates }: EvacuateReport): string[] {
  const name = printable(vault)
  if (state === 'left') return [`${name} may be taken out of the configuration.`]
  if (state !== 'leaving') return []
  if (fates.lost > 0 && fates.silent + fates.refused === 0)
    return [
      `Nobody has what is lost whole; other blocks of those packs may still be read from ${name}. \`perdure get\` what you can before you let it go.`,
    ]
  return [`Not everything is safe yet: run \`perdure evacuate ${name}\` again, or end it with --cancel.`]
}

function onEvacuate(progress: Progress): (event: EvacuateEvent) => void {
  let toSend = 0
  return (event) => {
    if (event.type === 'placing') {
      toSend += event.byteLength
      progress.phase('moving', toSend)
    } else if (event.type === 'bytes-sent') progress.advance(event.byteLength)
    else if (event.type === 'placement-failed') progress.line(`${event.vault}: ${event.error.message}`)
    else if (event.type === 'pack-settled' && (event.fate === 'lost' || event.fate === 'silent'))
      progress.line(`${event.fate}: ${event.detail ?? ''}`)
  }
}
