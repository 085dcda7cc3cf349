/** Sampled verify of objects of growing size, which must not take longer, and whole verify beside a plain SHA-256 of the file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newArchive, type TestArchive } from './archives.ts'
import { type Bench, type BenchContext, MIB, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import { ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, milliseconds, rate, type Times, timesOf } from './times.ts'

const SAMPLED_ROUNDS = 9
/** From an object of which nearly every second block is drawn to one of which hardly any is: reads that are no neighbours cost a little more. */
const MOST_GROWTH = 1.5

export const bench: Bench = async (context) => {
  const sizes = context.quick ? [64 * MIB, 512 * MIB] : [64 * MIB, 512 * MIB, 4096 * MIB]
  const rows: Row[] = []
  const sampled: Times[] = []
  for (const byteLength of sizes) {
    const folder = await context.scratch.roomFor(2.1 * byteLength)
    if (folder === undefined) {
      context.say(`verify: no room for an object of ${sizeName(byteLength)}, left out`)
      continue
    }
    const base = await mkdtemp(join(folder, 'verify-'))
    try {
      const source = join(base, 'source')
      await randomFile(source, byteLength, context)
      const archive = await newArchive(context, base)
      const { root = '' } = await archive.run('put', { source })
      if (byteLength === mainBytesOf(context)) rows.push(await whole(context, archive, { root, source, byteLength }))
      const { times, row } = await sample(archive, root, byteLength)
      sampled.push(times)
      rows.push(row)
    } finally {
      await rm(base, { recursive: true, force: true })
    }
  }
  return [...rows, ...growth(sampled)]
}

async function sample(archive: TestArchive, root: string, byteLength: number): Promise<{ readonly times: Times; readonly row: Row }> {
  const { checks = [] } = await archive.run('verify', { root, level: 'sampled', rounds: SAMPLED_ROUNDS })
  const times = timesOf(checks.map(({ ms }) => ms))
  const { median: reads } = timesOf(checks.map(({ reads }) => reads))
  const { median: bytesRead } = timesOf(checks.map(({ bytesRead }) => bytesRead))
  const size = sizeName(byteLength)
  return {
    times,
    row: { figure: `verify sampled, ${size}`, perdure: milliseconds(times), peer: `${sizeName(bytesRead)} read in ${reads} reads` },
  }
}

function growth(sampled: readonly Times[]): readonly Row[] {
  const [smallest] = sampled
  const largest = sampled.at(-1)
  if (!smallest || !largest || sampled.length < 2) return []
  const ratio = largest.median / smallest.median
  const perdure = `${largest.median.toFixed(0)} ms beside ${smallest.median.toFixed(0)} ms`
  return [{ figure: 'verify sampled, largest beside smallest', perdure, ratio, wanted: `<= ${MOST_GROWTH}`, met: ratio <= MOST_GROWTH }]
}

interface Stored {
  readonly root: string
  readonly source: string
  readonly byteLength: number
}

/** The call alone, without the start of the process; the peer is the whole process, whose start is short. */
async function whole(context: BenchContext, archive: TestArchive, { root, source, byteLength }: Stored): Promise<Row> {
  const name = await hasherOf(context)
  const { perdure, peer } = await alternate(roundsOf(context), {
    perdure: async () => (await archive.run('verify', { root, level: 'whole' })).checks?.[0]?.ms ?? 0,
    peer: async () => (await ran(name, name === 'openssl' ? ['dgst', '-sha256', source] : [source], context)).ms,
  })
  return {
    figure: `verify whole, ${sizeName(byteLength)}`,
    perdure: `${rate(byteLength, perdure)}`,
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
