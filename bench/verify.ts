/** Sampled verify of objects of growing size, which must not take longer, and whole verify beside a plain SHA-256 of the file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newArchive, type TestArchive } from './archives.ts'
import { type Bench, type BenchContext, MIB, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import { ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, milliseconds, rate, type Times, timesOf } from './times.ts'

/** Calls per process; the first ones meet code that is not compiled yet, which the median leaves out. */
const CALLS = 9
/** From an object of one pack, where draws are often neighbours, to one of many packs, where each is asked for by itself; past 30 packs nothing grows. */
const MOST_GROWTH = 1.5

export const bench: Bench = async (context) => {
  const sizes = context.quick ? [64 * MIB, 512 * MIB] : [64 * MIB, 512 * MIB, 4096 * MIB]
  const stored: Stored[] = []
  try {
    for (const byteLength of sizes) {
      const folder = await context.scratch.roomFor(2.1 * byteLength)
      if (folder === undefined) context.say(`verify: no room for an object of ${sizeName(byteLength)}, left out`)
      else stored.push(await store(context, folder, byteLength))
    }
    const whole = stored.filter(({ byteLength }) => byteLength === mainBytesOf(context))
    const rows = [...(await sampledRows(context, stored))]
    for (const each of whole) rows.push(await wholeRow(context, each))
    return rows
  } finally {
    for (const { base } of stored) await rm(base, { recursive: true, force: true })
  }
}

interface Stored {
  readonly base: string
  readonly archive: TestArchive
  readonly root: string
  readonly byteLength: number
  /** Kept only where a peer reads it. */
  readonly source: string
}

async function store(context: BenchContext, folder: string, byteLength: number): Promise<Stored> {
  const base = await mkdtemp(join(folder, 'verify-'))
  const source = join(base, 'source')
  await randomFile(source, byteLength, { ...context, seed: `verify ${byteLength}` })
  const archive = await newArchive(context, base)
  const { root = '' } = await archive.run('put', { source })
  if (byteLength !== mainBytesOf(context)) await rm(source)
  return { base, archive, root, byteLength, source }
}

/** The sizes take turns, so that no size meets a busier machine than the others. */
async function sampledRows(context: BenchContext, stored: readonly Stored[]): Promise<readonly Row[]> {
  const costs = new Map<Stored, string>()
  const rivals = stored.map((each) => [sizeName(each.byteLength), () => sampleOnce(each, costs)] as const)
  const times = await alternate(roundsOf(context), Object.fromEntries(rivals))
  const rows = stored.flatMap((each): Row[] => {
    const size = sizeName(each.byteLength)
    const found = times[size]
    return found ? [{ figure: `verify sampled, ${size}`, perdure: milliseconds(found), peer: costs.get(each) ?? '' }] : []
  })
  return [...rows, ...growth(stored.flatMap(({ byteLength }) => times[sizeName(byteLength)] ?? []))]
}

async function sampleOnce(each: Stored, costs: Map<Stored, string>): Promise<number> {
  const { checks = [] } = await each.archive.run('verify', { root: each.root, level: 'sampled', rounds: CALLS })
  const { median: reads } = timesOf(checks.map(({ reads }) => reads))
  const { median: bytesRead } = timesOf(checks.map(({ bytesRead }) => bytesRead))
  costs.set(each, `reads ${sizeName(bytesRead)} in ${reads} reads`)
  return timesOf(checks.map(({ ms }) => ms)).median
}

function growth(sampled: readonly Times[]): readonly Row[] {
  const [smallest] = sampled
  const largest = sampled.at(-1)
  if (!smallest || !largest || sampled.length < 2) return []
  const ratio = largest.median / smallest.median
  const perdure = `${largest.median.toFixed(0)} ms beside ${smallest.median.toFixed(0)} ms`
  return [{ figure: 'verify sampled, largest beside smallest', perdure, ratio, wanted: `<= ${MOST_GROWTH} ×`, met: ratio <= MOST_GROWTH }]
}

/** The call alone, without the start of the process; the peer is the whole process, whose start is short. */
async function wholeRow(context: BenchContext, { archive, root, source, byteLength }: Stored): Promise<Row> {
  const name = await hasherOf(context)
  const { perdure, peer } = await alternate(roundsOf(context), {
    perdure: async () => (await archive.run('verify', { root, level: 'whole' })).checks?.[0]?.ms ?? 0,
    peer: async () => (await ran(name, name === 'openssl' ? ['dgst', '-sha256', source] : [source], context)).ms,
  })
  return {
    figure: `verify whole, ${sizeName(byteLength)}`,
    perdure: rate(byteLength, perdure),
    peer: `${rate(byteLength, peer)} ${name === 'openssl' ? 'openssl dgst -sha256' : name}`,
    ratio: peer.median / perdure.median,
  }
}

/** The quicker one, where there is a choice. */
async function hasherOf(context: BenchContext): Promise<'openssl' | 'sha256sum'> {
  return ran('openssl', ['version'], context).then(
    () => 'openssl' as const,
    () => 'sha256sum' as const,
  )
}
