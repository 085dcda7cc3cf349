/** Metrics as text: the Prometheus text exposition format 0.0.4, and OpenMetrics 1.0, which differs in a few lines. Pure. */

export interface Sample {
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Must be finite: what is not known is left out, never written as zero. */
  readonly value: number
}

export interface Family {
  /** Without `_total`, which counters get. */
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly Sample[]
}

export const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: 'gauge', help, samples })
export const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: 'counter', help, samples })

export type MetricsFormat = 'prometheus' | 'openmetrics'

/** Families without samples are left out: an absent series says that nothing is known, which no number could. */
export function renderMetrics(families: readonly Family[], format: MetricsFormat): string {
  const lines: string[] = []
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue
    const full = type === 'counter' ? `${name}_total` : name
    const family = format === 'prometheus' ? full : name
    lines.push(`# HELP ${family} ${escaped(help, false)}`, `# TYPE ${family} ${type}`)
    for (const { labels = {}, value } of samples) lines.push(`${full}${labelText(labels)} ${value}`)
  }
  if (format === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Backslash and line feed, and quotes within labels; nothing else is special. */
function escaped(text: string, quoted: boolean): string {
  const plain = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return quoted ? plain.replaceAll('"', '\\"') : plain
}

/** Rows added up, a sample for each set of labels. */
export function summed<T>(
  rows: readonly T[],
  labelsOf: (row: T) => Record<string, string>,
  amountOf: (row: T) => number,
): readonly Sample[] {
  const sums = new Map<string, number>()
  for (const row of rows) {
    const key = JSON.stringify(labelsOf(row))
    sums.set(key, (sums.get(key) ?? 0) + amountOf(row))
  }
  return [...sums].map(([key, value]) => ({ labels: JSON.parse(key) as Record<string, string>, value }))
}
