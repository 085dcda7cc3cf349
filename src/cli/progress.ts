/** Progress on standard error: one line that redraws itself on a terminal, sparse plain lines elsewhere. */
import type { Clock } from '../contracts.ts'
import { printable, width } from './format.ts'
import { createMeter, type Meter } from './meter.ts'
import type { Output } from './output.ts'
import type { Style } from './style.ts'

const REDRAW_MS = 100
/** Plain output says how far it is only this often, so that logs stay short. */
const PLAIN_MS = 10_000

export interface Progress {
  /** A new stretch of work, with its bytes when they are known. The same title again changes only the total. */
  phase(title: string, total?: number | undefined): void
  advance(byteLength: number): void
  /** A fact worth a line of its own. */
  line(text: string): void
  /** Takes the line away. */
  done(): void
}

export const silent: Progress = { phase: () => {}, advance: () => {}, line: () => {}, done: () => {} }

export interface ProgressStyle {
  readonly output: Output
  readonly style: Style
  readonly clock: Clock
}

/** Progress for whatever the stream is. Nothing it does can fail the work: write errors of standard error are dropped. */
export function createProgress({ output, style, clock }: ProgressStyle): Progress {
  let title = ''
  let meter: Meter = createMeter({ clock })
  let total: number | undefined
  let shownAt = clock()
  let drawn = false
  const write = (text: string) => void output.write(text).catch(ignore)
  const erase = () => {
    if (drawn) write('\r\u001b[2K')
    drawn = false
  }
  const draw = () => {
    if (title === '' || clock() - shownAt < (output.isTTY ? REDRAW_MS : PLAIN_MS)) return
    shownAt = clock()
    if (!output.isTTY) return write(`${title}: ${meter.text()}\n`)
    write(`\r\u001b[2K${clip(`${style.cyan(title)}  ${meter.text()}`, output.columns)}`)
    drawn = true
  }
  return {
    phase: (next, bytes) => {
      const same = next === title
      if (same && bytes === total) return
      title = next
      total = bytes
      const before = same ? meter.done : 0
      meter = createMeter({ total, clock })
      meter.advance(before)
      draw()
    },
    advance: (byteLength) => {
      meter.advance(byteLength)
      draw()
    },
    line: (text) => {
      erase()
      write(`${printable(text)}\n`)
    },
    done: () => {
      erase()
      title = ''
    },
  }
}

/** A redrawn line must not wrap, or the terminal keeps its halves. */
function clip(line: string, columns: number): string {
  return width(line) < columns ? line : `${[...line.replace(/\u001b\[[0-9;]*m/g, '')].slice(0, Math.max(0, columns - 2)).join('')}…`
}

/** Standard error is gone: there is nobody left to tell, and the work goes on. */
function ignore(): void {}
