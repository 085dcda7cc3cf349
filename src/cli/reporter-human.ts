/** Lines on standard output, everything that is not the answer on standard error. */
import { redact } from '../bytes/redact.ts'
import { viewError } from './errors.ts'
import { printable } from './format.ts'
import { createProgress, silent } from './progress.ts'
import type { Lines, Reporter, ReporterOptions } from './reporter.ts'
import { styleFor } from './style.ts'

export function humanReporter(options: ReporterOptions): Reporter {
  const { quiet, stdout, stderr, env, clock } = options
  const style = styleFor(stdout, env)
  const errorStyle = styleFor(stderr, env)
  const progress = quiet ? silent : createProgress({ output: stderr, style: errorStyle, clock })

  const print = async (lines: Iterable<string>) => {
    progress.done()
    const text = [...lines].map((line) => `${onlyColours(line)}\n`).join('')
    if (text !== '') await stdout.write(text)
  }
  const show = (lines: Lines, whenQuiet: Lines | undefined) => print((quiet ? whenQuiet : lines)?.(style) ?? [])

  const note = async (text: string) => {
    progress.done()
    if (!quiet) await stderr.write(`${printable(text)}\n`)
  }

  return {
    progress,
    result: (_, view) => show(view.lines, view.quiet),
    line: (_, view) => show(view.lines, view.quiet),
    list: (_key, _head, view) => ({
      item: (item) => (quiet && !view.asked ? Promise.resolve() : print(view.lines(item, style))),
      end: (_tail, end) => (end ? show(end.lines, end.quiet) : print([])),
    }),
    bytes: async (source) => {
      for await (const bytes of source) await stdout.write(bytes)
    },
    note,
    advise: note,
    fail: async (error) => {
      progress.done()
      const { message, causes, hint } = viewError(error)
      const lines = [`${errorStyle.red('error:')} ${printable(message)}`]
      for (const cause of causes) lines.push(errorStyle.dim(`  because: ${printable(cause)}`))
      if (hint !== undefined) lines.push(errorStyle.dim(`  ${hint}`))
      if (env.PERDURE_DEBUG === '1' && error instanceof Error && error.stack) lines.push(redact(error.stack))
      await stderr.write(`${lines.join('\n')}\n`)
    },
  }
}

/** The last line of defence: whatever a command forgot to make printable can colour a terminal, and nothing else. */
function onlyColours(line: string): string {
  return line
    .split(/(\u001b\[[0-9;]*m)/)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('')
}
