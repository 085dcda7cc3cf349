/** Numbers, times and foreign text as a person reads them. Pure. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1536` → `1.5 KiB`. */
export function formatBytes(byteLength: number): string {
  let value = byteLength
  let unit = 0
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`
}

/** Milliseconds as `850 ms`, `4.2 s`, `3m 05s`, `2h 10m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h ${pad(Math.floor((seconds % 3600) / 60))}m`
}

const DAY_MS = 86_400_000

/** A span as a person says it: `a moment`, `5 minutes`, `3 hours`, `12 days`. */
export function roughly(ms: number): string {
  if (ms < 60_000) return 'a moment'
  if (ms < 3_600_000) return count(Math.round(ms / 60_000), 'minute')
  if (ms < 2 * DAY_MS) return count(Math.round(ms / 3_600_000), 'hour')
  return count(Math.round(ms / DAY_MS), 'day')
}

/** A moment seen from now: `3 hours ago`, `in 5 minutes`. */
export function fromNow(moment: string, now: number): string {
  const ms = Date.parse(moment) - now
  return ms <= 0 ? `${roughly(-ms)} ago` : `in ${roughly(ms)}`
}

/** `1 object`, `2 objects`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

/**
 * Makes text from outside safe to print on a terminal: control characters, escapes and direction overrides become visible `\u{…}`,
 * so that a stored name can neither colour, overwrite nor reorder what the screen says.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' ? '\\n' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`))
}

/** C0, DEL, C1, line and paragraph separators, bidirectional controls, unpaired surrogates. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu

/** A CID cut in the middle: its ends are what a person compares. */
export function short(cid: string): string {
  return cid.length <= 20 ? cid : `${cid.slice(0, 10)}…${cid.slice(-6)}`
}

/** The first lines of a long list, and how many more there are: a terminal is no place for thousands. */
export function atMost<Item>(limit: number, items: readonly Item[], line: (item: Item) => string): string[] {
  const shown = items.slice(0, limit).map(line)
  return items.length > limit ? [...shown, `  … and ${items.length - limit} more; --json lists all`] : shown
}

/** Rows as aligned columns; the last is left as it is. Widths count code points, styled cells by what is seen. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell))
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : padEnd(cell, widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** How many columns a styled text takes. */
export function width(text: string): number {
  return [...text.replace(/\u001b\[[0-9;]*m/g, '')].length
}

function padEnd(text: string, to: number): string {
  return text + ' '.repeat(Math.max(0, to - width(text)))
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
