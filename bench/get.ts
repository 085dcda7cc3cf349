/** Getting a stored file back to a file, every block hashed, beside `ipfs-car unpack` of a CAR of it and beside a plain copy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PerdureError } from '../src/errors.ts'
import { newArchive, type TestArchive } from './archives.ts'
import { type Bench, type BenchContext, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import { ipfsCar, ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, seconds } from './times.ts'

export const bench: Bench = async (context) => {
  const byteLength = mainBytesOf(context)
  // Source, vault, CAR and one output at a time.
  const folder = await context.scratch.roomFor(4.1 * byteLength)
  if (folder === undefined) {
    context.say(`get: no room for four files of ${sizeName(byteLength)}, left out`)
    return []
  }
  const base = await mkdtemp(join(folder, 'get-'))
  const source = join(base, 'source')
  try {
    await randomFile(source, byteLength, context)
    const archive = await newArchive(context, base)
    const { root = '' } = await archive.run('put', { source })
    await ran(process.execPath, ipfsCar('pack', source, '--no-wrap', '--output', join(base, 'peer.car')), context)
    return await compared(context, archive, { base, root, byteLength })
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

interface Stored {
  /** Folder of the file `source`, its CAR `peer.car`, and the outputs. */
  readonly base: string
  readonly root: string
  readonly byteLength: number
}

async function compared(context: BenchContext, archive: TestArchive, { base, root, byteLength }: Stored): Promise<readonly Row[]> {
  const target = join(base, 'output')
  const source = join(base, 'source')
  const timed = async (work: () => Promise<{ readonly ms: number }>) => {
    const { ms } = await work()
    await rm(target)
    return ms
  }
  await assertSame(context, source, target, () => archive.run('restore', { root, target }))
  await assertSame(context, source, target, () => archive.run('get', { root, target }))
  const { restore, get, peer, copy } = await alternate(roundsOf(context), {
    restore: () => timed(() => archive.run('restore', { root, target })),
    get: () => timed(() => archive.run('get', { root, target })),
    peer: () => timed(() => ran(process.execPath, ipfsCar('unpack', join(base, 'peer.car'), '--output', target), context)),
    copy: () => timed(() => ran('cp', ['--reflink=never', source, target], context)),
  })
  const size = sizeName(byteLength)
  const unpacked = `${seconds(peer)} ipfs-car unpack`
  return [
    { figure: `restore ${size} to a file`, perdure: seconds(restore), peer: unpacked, ratio: peer.median / restore.median },
    { figure: `get ${size}, written by the caller`, perdure: seconds(get), peer: unpacked, ratio: peer.median / get.median },
    { figure: `restore ${size}, beside cp`, perdure: seconds(restore), peer: `${seconds(copy)} cp`, ratio: copy.median / restore.median },
  ]
}

/** Not timed: the output is the source, or the times mean nothing. */
async function assertSame(context: BenchContext, source: string, target: string, work: () => Promise<unknown>): Promise<void> {
  await work()
  await ran('cmp', [source, target], context).catch((cause: unknown) => {
    throw new PerdureError('bench-invalid', 'the file that came back is not the one that was put', { cause })
  })
  await rm(target)
}
