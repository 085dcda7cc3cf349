/** `perdure watch` */
import type { Command } from 'commander'
import type { WatchEvent, WatchOptions, WatchReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf } from '../exit-codes.ts'
import { parseAmount, parseHours, parseListen, parseSize, parseSpan } from '../options.ts'
import { cycleLines, eventLines } from '../watch-lines.ts'

interface Options {
  readonly once?: boolean
  readonly listen?: { readonly host: string; readonly port: number }
  readonly interval?: number
  readonly quietHours?: { readonly from: string; readonly to: string }
  readonly timeZone?: string
  readonly audits?: number
  readonly auditBytes?: number
  readonly repairs?: number
  readonly repairBytes?: number
  readonly urgentRepairs?: number
  readonly urgentRepairBytes?: number
}

export function watchCommand(program: Command, run: Run): void {
  program
    .command('watch')
    .description('keep watch: audit what is due, repair, renew, and sleep, until it is stopped')
    .option('--once', 'one cycle, for cron; exits by the worst state')
    .option('--listen <address>', 'serve /metrics and /health there meanwhile, such as 127.0.0.1:9464', parseListen)
    .option('--interval <time>', 'longest sleep between two cycles, such as 15m; default 1h', parseSpan)
    .option('--quiet-hours <hours>', 'such as 22:00-06:00: then only what cannot wait is done', parseHours)
    .option('--time-zone <zone>', "of the quiet hours, such as Europe/Berlin; default the machine's")
    .option('--audits <count>', 'most objects audited in a cycle, 0 for none; default 1000', parseAmount)
    .option('--audit-bytes <size>', 'most bytes read to audit in a cycle; default 4GiB', parseSize)
    .option('--repairs <count>', 'most objects repaired in a cycle that can wait; default 100', parseAmount)
    .option('--repair-bytes <size>', 'and their bytes; default 16GiB', parseSize)
    .option('--urgent-repairs <count>', 'most objects repaired in a cycle that are in danger; default 1000', parseAmount)
    .option('--urgent-repair-bytes <size>', 'and their bytes; default 256GiB', parseSize)
    .action(run(watch))
}

async function watch(context: CommandContext, { once = false, listen, ...given }: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  if (!once) context.endsOnInterrupt()
  await using server = listen && (await (await import('../../server/metrics.ts')).serveMetrics(archive, { ...listen, signal }))
  if (server)
    await reporter.line({ type: 'listening', url: server.url }, { lines: () => [`metrics and health at ${server.url}`], quiet: () => [] })
  // Lines are written one after the other, however fast events come.
  let written = Promise.resolve()
  const onProgress = (event: WatchEvent) => {
    const view = { lines: (style: Parameters<typeof eventLines>[1]) => eventLines(event, style), quiet: () => [] }
    written = written.then(() => reporter.line(plain(event), view))
    written.catch(() => undefined)
  }
  const report = await archive.watch({ ...optionsOf(given), once, signal, onProgress })
  await written
  if (once) signal.throwIfAborted()
  await reporter.line({ type: 'watch-ended', ...report }, { lines: (style) => cycleLines(report, style) })
  return once ? exitCodeOfCycle(report) : EXIT.ok
}

function optionsOf({ interval, quietHours, timeZone, ...perCycle }: Omit<Options, 'once' | 'listen'>): WatchOptions {
  const { audits, auditBytes, repairs, repairBytes, urgentRepairs, urgentRepairBytes } = perCycle
  return {
    intervalMs: interval,
    quietHours: quietHours && { ...quietHours, timeZone },
    perCycle: { audits, auditBytes, repairs, repairBytes, urgentRepairs, urgentRepairBytes },
  }
}

/** By the worst state; a step that failed while all is well is a failure. */
function exitCodeOfCycle({ last }: WatchReport): ExitCode {
  if (!last) return EXIT.failed
  const code = exitCodeOf(last.state)
  return code === EXIT.ok && last.problems.length > 0 ? EXIT.failed : code
}

/** The report of a cycle stands flat in its line, and so does a problem. */
function plain(event: WatchEvent): object {
  if (event.type === 'cycle-ended') return { type: event.type, ...event.report }
  if (event.type === 'problem') return { type: event.type, ...event.problem }
  return event
}
