/** Peak resident memory of a put, for a small and a large file: it must not grow. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newArchive } from './archives.ts'
import { type Bench, type BenchContext, MIB, type Row, sizeName } from './bench.ts'
import { ipfsCar, measured } from './processes.ts'
import { randomFile } from './scratch.ts'

const MOST_MIB = 200
/** More than this would be growth, not noise. */
const MOST_RATIO = 1.25

interface Peaks {
  readonly perdure: number
  readonly peer: number
}

export const bench: Bench = async (context) => {
  const sizes = context.quick ? [64 * MIB, 512 * MIB] : [256 * MIB, 4096 * MIB]
  const rows: Row[] = []
  const found: Peaks[] = []
  for (const byteLength of sizes) {
    // The file, and the one copy of it that is written.
    const folder = await context.scratch.roomFor(2.1 * byteLength)
    if (folder === undefined) {
      context.say(`memory: no room for a put of ${sizeName(byteLength)}, left out`)
      continue
    }
    const peaks = await peaksOf(context, folder, byteLength)
    found.push(peaks)
    rows.push({
      figure: `peak memory, put ${sizeName(byteLength)}`,
      perdure: mib(peaks.perdure),
      peer: `${mib(peaks.peer)} ipfs-car pack`,
      ratio: peaks.peer / peaks.perdure,
      wanted: `<= ${MOST_MIB} MiB`,
      met: peaks.perdure <= MOST_MIB * MIB,
    })
  }
  const [small, large] = found
  if (small && large) rows.push(growth(small, large))
  return rows
}

function growth(small: Peaks, large: Peaks): Row {
  const ratio = large.perdure / small.perdure
  const difference = mib(large.perdure - small.perdure)
  return { figure: 'peak memory, large beside small file', perdure: `+${difference}`, ratio, wanted: 'the same', met: ratio <= MOST_RATIO }
}

async function peaksOf(context: BenchContext, folder: string, byteLength: number): Promise<Peaks> {
  const base = await mkdtemp(join(folder, 'memory-'))
  try {
    const source = join(base, 'source')
    const car = join(base, 'peer.car')
    await randomFile(source, byteLength, context)
    const archive = await newArchive(context, base)
    const { usage } = await archive.measure('put', { source })
    await archive.remove()
    const peer = await measured(context, ipfsCar('pack', source, '--no-wrap', '--output', car))
    return { perdure: usage.peakBytes, peer: peer.usage.peakBytes }
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
