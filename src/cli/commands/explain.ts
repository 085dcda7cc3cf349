/** `perdure explain` */
import type { Command } from 'commander'
import type { Explanation } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, printable } from '../format.ts'
import { parseSize } from '../options.ts'
import type { Style } from '../style.ts'
import { missingLines } from '../views.ts'

interface Options {
  readonly size?: number
}

export function explainCommand(program: Command, run: Run): void {
  program
    .command('explain')
    .description('what the policy demands, where a pack would go, and which demand cannot be met')
    .option('--size <bytes>', 'for a pack of this size, e.g. 64MiB', parseSize)
    .action(run(explain))
}

async function explain(context: CommandContext, { size }: Options): Promise<ExitCode> {
  const explanation = (await context.archive()).explain({ byteLength: size })
  const show = (style: Style) => lines(explanation, style)
  await context.reporter.result(explanation, { lines: show, quiet: show })
  return explanation.satisfiable ? EXIT.ok : EXIT.degraded
}

function lines({ policy, vaults, chosen, satisfiable, unmet, notes }: Explanation, style: Style): string[] {
  const distinct = Object.entries(policy.distinct).map(([name, least]) => `, ${least} distinct ${printable(name)}`)
  const { accept, maxAgeDays } = policy.evidence
  const rows = vaults.map(({ id, eligible, countsTowardFloor, notes: remarks }) => [
    `  ${chosen.includes(id) ? style.green('●') : style.dim('○')} ${printable(id)}`,
    !eligible ? style.red('not eligible') : countsTowardFloor ? 'counts toward the floor' : style.dim('above the floor only'),
    style.dim(printable(remarks.join('; '))),
  ])
  return [
    `copies ${policy.copies}, floor ${policy.floor}${distinct.join('')}; evidence ${accept.join(' or ')} of the last ${maxAgeDays} days`,
    ...columns(rows),
    ...missingLines(unmet, style),
    ...notes.map((note) => `  ${style.dim('·')} ${printable(note)}`),
    satisfiable ? style.green('The policy can be met.') : style.yellow('The policy cannot be met with these vaults.'),
  ]
}
