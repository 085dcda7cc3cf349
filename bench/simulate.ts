/**
 * `npm run simulate [-- --seeds N --from N --years N --threads N --seed N --trace --figures --durability N]`: archives over years under a virtual clock.
 *
 * By default 100,000 seeds, ten years each, with every invariant checked at every event; exit code 1 when one is violated, with the command that replays it.
 * `--seed` lives one seed, `--trace` says all that happens in it. `--figures` compares with the closed forms. `--durability N` lives N archives each of three
 * ways, prints the table and writes docs/durability.svg.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { chartOf } from './simulate/chart.ts'
import { survivalOf, WAYS } from './simulate/compare.ts'
import { detectionFigures, type Figure, lifetimeFigures } from './simulate/figures.ts'
import { run } from './simulate/run.ts'
import { explain, type Tally } from './simulate/seeds.ts'
import { withoutStacks } from './simulate/stacks.ts'
import { runOnThreads } from './simulate/threads.ts'

const LIFETIME_TRIALS = 6_000
const DETECTION_TRIALS = 20_000
const MOST_SHOWN = 20
const SAY_EVERY_MS = 10_000

const print = (line: string) => void process.stdout.write(`${line}\n`)
const say = (line: string) => void process.stderr.write(`${line}\n`)

interface Settings {
  readonly seeds: number
  readonly from: number
  readonly years: number
  readonly threads: number
  readonly seed: number | undefined
  readonly trace: boolean
  readonly figures: boolean
  readonly durability: number | undefined
}

function settingsOf(args: readonly string[]): Settings | string {
  const number = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = {
    seeds: number,
    from: number,
    years: number,
    threads: number,
    seed: number,
    durability: number,
    trace: flag,
    figures: flag,
  }
  const { values } = parseArgs({ args: [...args], options })
  const wrong: string[] = []
  const read = (name: 'seeds' | 'from' | 'years' | 'threads' | 'seed' | 'durability', least: number): number | undefined => {
    const value = values[name] === undefined ? undefined : Number(values[name])
    if (value !== undefined && !(value >= least)) wrong.push(`--${name} is ${values[name]} and must be a number of at least ${least}`)
    return value
  }
  const settings: Settings = {
    seeds: read('seeds', 1) ?? 100_000,
    from: read('from', 0) ?? 0,
    years: read('years', 0.1) ?? 10,
    threads: read('threads', 1) ?? 1,
    seed: read('seed', 0),
    durability: read('durability', 1),
    trace: values.trace ?? false,
    figures: values.figures ?? false,
  }
  return wrong[0] ?? settings
}

/** One life, told. */
function one(seed: number, { years, trace }: Settings): number {
  const outcome = run(seed, { years, ...(trace && { trace: print }) })
  const { counts, violations } = outcome
  print(
    `seed ${seed}: ${outcome.years.toFixed(1)} years, ${counts.events} events, ${counts.faults} faults, ${counts.audits} audits, ${counts.repairs} repairs`,
  )
  print(violations.length === 0 ? 'no violation' : explain(outcome, years))
  return violations.length === 0 ? 0 : 1
}

async function many({ seeds, from, years, threads }: Settings, signal: AbortSignal): Promise<number> {
  const started = performance.now()
  let told = started
  const rate = (tally: Tally) => Math.round((tally.years / (performance.now() - started)) * 60_000).toLocaleString('en')
  let shown = 0
  const onChunk = (tally: Tally, { violating }: Tally) => {
    for (const outcome of violating) if (shown++ < MOST_SHOWN) print(explain(outcome, years))
    if (performance.now() - told < SAY_EVERY_MS) return
    told = performance.now()
    say(`${tally.seeds} of ${seeds} seeds, ${rate(tally)} archive-years a minute, ${tally.violating.length} violating`)
  }
  const tally = await runOnThreads({ from, to: from + seeds, years, threads, signal, onChunk })
  print(
    `${tally.seeds} seeds, ${Math.round(tally.years).toLocaleString('en')} archive-years (${rate(tally)} a minute), ${tally.faults} faults, ${tally.audits} audits, ` +
      `${tally.repairs} repairs; objects were below their floor, and could be repaired, ${tally.dips} times`,
  )
  if (tally.violating.length === 0) print('no violation')
  else print(`${tally.violating.length} seeds violate an invariant`)
  return tally.violating.length === 0 ? 0 : 1
}

function figures(): number {
  let met = true
  const show = (figure: Figure) => {
    met &&= figure.met
    print(`| ${figure.name} | ${figure.measured} | ${figure.closed} | ${figure.off} | ${figure.allowed} | ${figure.met ? 'yes' : 'NO'} |`)
  }
  print('| | measured | closed form | off by | allowed | met |\n|---|---|---|---|---|---|')
  detectionFigures(DETECTION_TRIALS, show)
  lifetimeFigures(LIFETIME_TRIALS, show)
  return met ? 0 : 1
}

async function durability(archives: number): Promise<number> {
  const survivals = WAYS.map((way) => {
    let done = 0
    const onArchive = () => {
      if (++done % 500 === 0) say(`${way.name}: ${done} of ${archives}`)
    }
    return withoutStacks(() => survivalOf(way, archives, onArchive))
  })
  const shown = [0, 1, 2, 3, 5, 7, 10]
  print(`| objects left after | ${shown.map((year) => `${year} y`).join(' | ')} |\n|---|${'---|'.repeat(shown.length)}`)
  for (const { name, left, objects } of survivals) print(`| ${name} (of ${objects}) | ${shown.map((year) => left[year]).join(' | ')} |`)
  const svg = chartOf(survivals, {
    title: 'Objects still whole somewhere, by years after the put',
    note: 'simulated under the faults that docs/durability.md states; not a forecast',
  })
  await writeFile(new URL('../docs/durability.svg', import.meta.url), svg)
  return 0
}

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args)
  if (typeof settings === 'string') {
    say(settings)
    return 2
  }
  if (settings.seed !== undefined) return one(settings.seed, settings)
  if (settings.figures) return withoutStacks(figures)
  const { durability: archives } = settings
  if (archives !== undefined) return await durability(archives)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  return await many(settings, stop.signal)
}

process.exitCode = await main(process.argv.slice(2))
