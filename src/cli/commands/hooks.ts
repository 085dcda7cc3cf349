/** `perdure hooks`, `perdure hooks test` and `perdure hooks retry` */
import type { Command } from 'commander'
import type { DeliveryReport, HookReport, HookTest } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, count, formatDuration, printable } from '../format.ts'
import type { Style } from '../style.ts'

export function hooksCommand(program: Command, run: Run): void {
  const hooks = program.command('hooks').description('who is told of events, and what still waits to be told').action(run(list))
  hooks
    .command('test')
    .description('send a hook an event that means nothing, now')
    .argument('[id]', 'one hook; default all of them')
    .action(run(test))
  hooks
    .command('retry')
    .description('deliver now what waits, also what was to be tried later')
    .argument('[id]', 'one hook; default all of them')
    .action(run(retry))
}

async function list(context: CommandContext): Promise<ExitCode> {
  const hooks = await (await context.archive()).hooks()
  const show = (style: Style) =>
    hooks.length === 0 ? ['There are no hooks; write "hooks" into perdure.json.'] : hooks.flatMap((hook) => hookLines(hook, style))
  await context.reporter.result({ hooks }, { lines: show, quiet: show })
  return hooks.some(({ failures, givenUp, dropped }) => failures + givenUp + dropped > 0) ? EXIT.degraded : EXIT.ok
}

function hookLines(hook: HookReport, style: Style): string[] {
  const { id, type, target, failures, failure, failingSince, retryAt } = hook
  const works = failures === 0 ? style.green('works') : style.red('fails')
  const head = `${hook.lastDelivered === undefined && failures === 0 ? style.dim('new') : works}  ${printable(id)}  ${type}`
  const lost = [
    hook.givenUp > 0 && style.red(`${hook.givenUp} given up`),
    hook.dropped > 0 && style.red(`${hook.dropped} dropped because too many waited`),
  ].filter((text) => text !== false)
  const since = hook.oldest === undefined ? '' : `, the oldest since ${hook.oldest}`
  const again = retryAt === undefined ? '' : `; tried again at ${retryAt}`
  return [
    target === undefined ? head : `${head}  ${style.dim(printable(target))}`,
    `  ${[`${hook.delivered} delivered`, `${hook.waiting} waiting${since}`, ...lost].join(', ')}`,
    ...(failures > 0 ? [`  ${count(failures, 'failure')} since ${failingSince}: ${printable(failure ?? '')}${again}`] : []),
  ]
}

async function test(context: CommandContext, id: string | undefined): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  const hooks = (await archive.hooks()).filter(({ type }) => type !== 'unconfigured').map((hook) => hook.id)
  const report = reporter.list<HookTest>('hooks', {}, { lines: (one, style) => [testLine(one, style)] })
  let ok = true
  for (const hook of id === undefined ? hooks : [id]) {
    const tested = await archive.testHook(hook, { signal })
    ok &&= tested.ok
    await report.item(tested)
  }
  await report.end({ ok })
  return ok ? EXIT.ok : EXIT.failed
}

function testLine({ id, ok, ms, detail }: HookTest, style: Style): string {
  return `${ok ? style.green('✓') : style.red('✗')} ${printable(id)}  ${formatDuration(ms)}${detail === undefined ? '' : `  ${printable(detail)}`}`
}

async function retry(context: CommandContext, id: string | undefined): Promise<ExitCode> {
  const archive = await context.archive()
  const report = await archive.deliverHooks({ signal: context.signal, hook: id, now: true })
  await context.reporter.result(report, { lines: (style) => deliveryLines(report, style) })
  return report.hooks.every(({ failure, waiting }) => failure === undefined && waiting === 0) ? EXIT.ok : EXIT.degraded
}

function deliveryLines({ hooks }: DeliveryReport, style: Style): string[] {
  return columns(
    hooks.map(({ id, delivered, waiting, failure, busy }) => [
      printable(id),
      `${delivered} delivered`,
      `${waiting} waiting`,
      busy ? 'another process is delivering' : failure === undefined ? '' : style.red(printable(failure)),
    ]),
  )
}
