/** A public put of one file, whole process, beside `ipfs-car pack` of the same file: in memory, then on disk with everything synced. */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PerdureError } from '../src/errors.ts'
import { newArchive } from './archives.ts'
import { type Bench, type BenchContext, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import { ipfsCar, measured, ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, clocked, seconds } from './times.ts'

const WANTED = 2.5

export const bench: Bench = async (context) => {
  const byteLength = mainBytesOf(context)
  const { memory, disk } = context.scratch
  const sourceFolder = memory ?? disk
  if (sourceFolder === undefined) return []
  const source = join(sourceFolder, 'source')
  await randomFile(source, byteLength, context)
  try {
    const rows: Row[] = []
    if (memory === undefined) context.say('put: no tmpfs here, so only the figure on disk')
    else rows.push(...(await onTmpfs(context, memory, source, byteLength)))
    if (disk === undefined) context.say('put: every temporary folder is on tmpfs, so no figure on disk; set TMPDIR to a disk')
    else rows.push(await onDisk(context, disk, source, byteLength))
    return rows
  } finally {
    await rm(source, { force: true })
  }
}

async function onTmpfs(context: BenchContext, folder: string, source: string, byteLength: number): Promise<readonly Row[]> {
  const car = join(folder, 'peer.car')
  const usage = await firstRound(context, folder, source)
  const { perdure, peer } = await alternate(roundsOf(context), {
    perdure: () => putOnce(context, folder, source),
    peer: async () => {
      const { ms } = await ran(process.execPath, packing(source, car), context)
      await rm(car)
      return ms
    },
  })
  const ratio = peer.median / perdure.median
  return [
    {
      figure: `put ${sizeName(byteLength)}, tmpfs`,
      perdure: seconds(perdure),
      peer: `${seconds(peer)} ipfs-car pack`,
      ratio,
      wanted: `>= ${WANTED}`,
      met: ratio >= WANTED,
    },
    ...bytesRow(usage, byteLength),
  ]
}

interface WrittenBytes {
  readonly perdure: number | undefined
  readonly peer: number | undefined
}

/** Not timed: warms the caches, checks that both found the same root, and counts what they write. */
async function firstRound(context: BenchContext, folder: string, source: string): Promise<WrittenBytes> {
  const car = join(folder, 'peer.car')
  const archive = await newArchive(context, folder)
  const ours = await archive.measure('put', { source })
  await archive.remove()
  const theirs = await measured(context, packing(source, car))
  await rm(car)
  const root = theirs.stdout.trim()
  if (ours.root !== root) throw new PerdureError('bench-invalid', `put gave ${ours.root} and ipfs-car ${root}: this is not the same work`)
  return { perdure: ours.usage.writtenBytes, peer: theirs.usage.writtenBytes }
}

function bytesRow({ perdure, peer }: WrittenBytes, byteLength: number): readonly Row[] {
  if (perdure === undefined || peer === undefined) return []
  const times = (written: number) => `${(written / byteLength).toFixed(3)} × the file`
  const met = perdure / byteLength < 1.05
  return [{ figure: 'put: bytes written', perdure: times(perdure), peer: `${times(peer)} ipfs-car pack`, wanted: '1 ×', met }]
}

async function onDisk(context: BenchContext, folder: string, source: string, byteLength: number): Promise<Row> {
  const car = join(folder, 'peer.car')
  const { perdure, peer } = await alternate(roundsOf(context), {
    perdure: () => putOnce(context, folder, source),
    peer: async () => {
      const ms = await clocked(async () => {
        await ran(process.execPath, packing(source, car), context)
        await synced(car)
      })
      await rm(car)
      return ms
    },
  })
  return {
    figure: `put ${sizeName(byteLength)}, disk, synced`,
    perdure: seconds(perdure),
    peer: `${seconds(peer)} ipfs-car pack, then fsync`,
    ratio: peer.median / perdure.median,
  }
}

async function putOnce(context: BenchContext, folder: string, source: string): Promise<number> {
  const archive = await newArchive(context, folder)
  const { ms } = await archive.run('put', { source })
  await archive.remove()
  return ms
}

const packing = (source: string, car: string): readonly string[] => ipfsCar('pack', source, '--no-wrap', '--output', car)

async function synced(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
