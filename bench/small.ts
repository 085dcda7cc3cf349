/** Many small files: a directory beside `ipfs-car pack` of it, the same put again, and a list of entries with a receipt each. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PerdureError } from '../src/errors.ts'
import { newArchive } from './archives.ts'
import { type Bench, type BenchContext, type Row, roundsOf } from './bench.ts'
import { ipfsCar, ran } from './processes.ts'
import { smallFiles } from './scratch.ts'
import { alternate, seconds, timesOf } from './times.ts'

export const bench: Bench = async (context) => {
  const folder = context.scratch.memory ?? context.scratch.disk
  if (folder === undefined) return []
  const files = context.quick ? 2_000 : 10_000
  const entries = context.quick ? 200 : 1_000
  const base = await mkdtemp(join(folder, 'small-'))
  try {
    const source = join(base, 'source')
    await smallFiles(source, files, context.signal)
    return [...(await directories(context, base, source, files)), await lists(context, base, entries)]
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

async function directories(context: BenchContext, base: string, source: string, files: number): Promise<readonly Row[]> {
  const car = join(base, 'peer.car')
  const agains: number[] = []
  const { perdure, peer } = await alternate(roundsOf(context), {
    perdure: async () => {
      const archive = await newArchive(context, base)
      const { ms, root } = await archive.run('put', { source })
      const again = await archive.run('put', { source })
      if (again.root !== root) throw new PerdureError('bench-invalid', 'the second put of a directory gave another root')
      agains.push(again.ms)
      await archive.remove()
      return ms
    },
    peer: async () => {
      const { ms } = await ran(process.execPath, ipfsCar('pack', source, '--no-wrap', '--output', car), context)
      await rm(car)
      return ms
    },
  })
  const again = timesOf(agains)
  const name = files.toLocaleString('en')
  const packed = `${seconds(peer)} ipfs-car pack`
  return [
    { figure: `put ${name} small files`, perdure: seconds(perdure), peer: packed, ratio: peer.median / perdure.median },
    { figure: `put ${name} small files again`, perdure: seconds(again), peer: packed, ratio: peer.median / again.median },
  ]
}

async function lists(context: BenchContext, base: string, count: number): Promise<Row> {
  const { perdure } = await alternate(roundsOf(context), {
    perdure: async () => {
      const archive = await newArchive(context, base)
      const { ms } = await archive.run('putAll', { count })
      await archive.remove()
      return ms
    },
  })
  return { figure: `putAll ${count.toLocaleString('en')} entries, a receipt each`, perdure: seconds(perdure) }
}
