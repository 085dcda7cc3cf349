/** A strict reader of the text formats of Prometheus 0.0.4 and OpenMetrics 1.0: whatever a scraper might reject or misread is an error here. */

export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const SAMPLE = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$/
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/

class Wrong extends Error {}

export function parseExposition(text: string, format: 'prometheus' | 'openmetrics' = 'prometheus'): readonly ParsedSample[] {
  if (!text.endsWith('\n')) throw new Wrong('the last line does not end')
  const lines = text.slice(0, -1).split('\n')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Wrong('no # EOF at the end')
  const samples: ParsedSample[] = []
  const families = new Map<string, string>()
  const series = new Set<string>()
  let current: { readonly name: string; type?: string; samples: number } | undefined
  const finish = () => {
    if (current && (current.type === undefined || current.samples === 0)) throw new Wrong(`family ${current.name} is not whole`)
  }
  for (const line of lines) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      finish()
      if (!NAME.test(name) || families.has(name)) throw new Wrong(`family ${name} is no name, or comes twice`)
      if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) throw new Wrong(`the help of ${name} has an escape that is none`)
      families.set(name, rest)
      current = { name, samples: 0 }
    } else if (keyword === 'TYPE') {
      if (current?.name !== name || current.type !== undefined || !['gauge', 'counter'].includes(rest)) throw new Wrong(`type of ${name}`)
      current.type = rest
    } else {
      const sample = sampleOf(line)
      if (!current?.type) throw new Wrong(`${sample.name} has no type before it`)
      const counted = format === 'openmetrics' && current.type === 'counter' ? `${current.name}_total` : current.name
      if (sample.name !== counted) throw new Wrong(`${sample.name} is not of the family ${current.name}`)
      if (current.type === 'counter' && (!sample.name.endsWith('_total') || sample.value < 0))
        throw new Wrong(`${sample.name} is no counter`)
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
      if (series.has(key)) throw new Wrong(`${key} comes twice`)
      series.add(key)
      current.samples++
      samples.push(sample)
    }
  }
  finish()
  return samples
}

function sampleOf(line: string): ParsedSample {
  const [, name = '', labels, value = ''] = SAMPLE.exec(line) ?? []
  if (name === '' || !NUMBER.test(value)) throw new Wrong(`no sample: ${line}`)
  return { name, labels: labels === undefined ? {} : labelsOf(labels), value: Number(value) }
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y
  while (label.lastIndex < text.length) {
    const at = label.lastIndex
    const [, name = '', value = '', end] = label.exec(text) ?? []
    if (name === '' || name.startsWith('__') || name in labels) throw new Wrong(`labels: ${text.slice(at)}`)
    if (end === ',' && label.lastIndex === text.length) throw new Wrong(`labels end in a comma: ${text}`)
    labels[name] = value.replace(/\\(["\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char))
  }
  return labels
}
