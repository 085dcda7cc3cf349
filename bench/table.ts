/** Rows as one aligned table. */
import type { Row } from './bench.ts'

const HEADINGS = ['figure', 'perdure', 'peer', 'ratio', 'wanted'] as const

/** One line per row; the last column says whether the goal was reached. */
export function table(rows: readonly Row[]): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)]
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  const [heading, ...body] = cells.map((row) => line(row).trimEnd())
  return [heading, widths.map((width) => '-'.repeat(width)).join('  '), ...body].join('\n')
}

function cellsOf({ figure, perdure, peer = '', ratio, wanted, met }: Row): readonly string[] {
  const goal = wanted === undefined ? '' : met === undefined ? wanted : `${wanted} ${met ? 'reached' : 'MISSED'}`
  return [figure, perdure, peer, ratio === undefined ? '' : `${ratio.toFixed(2)} ×`, goal]
}
