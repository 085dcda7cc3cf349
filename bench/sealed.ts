/** Sealed content: a put beside `age` alone and `restic backup`, a restore beside `age -d`, peak memory, and an unchanged directory put again. */
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newArchive, type TestArchive } from './archives.ts'
import { type Bench, type BenchContext, MIB, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import { ran } from './processes.ts'
import { randomFile, smallFiles } from './scratch.ts'
import { alternate, clocked, seconds, timesOf } from './times.ts'

const LEAST_OF_AGE = 0.8
const LEAST_OF_RESTIC = 3
const LEAST_OF_AGAIN = 10
const MOST_BYTES = 250 * MIB

/** What the verbs of one run share. */
interface Keys {
  readonly recipients: readonly string[]
  readonly identities: readonly string[]
  /** For the peer. */
  readonly identityFile: string
  readonly recipient: string
}

export const bench: Bench = async (context) => {
  if (!(await has(context, 'age'))) {
    context.say('sealed: the age command is not installed (Debian package age), left out')
    return []
  }
  const byteLength = mainBytesOf(context)
  const { memory, disk } = context.scratch
  const rows: Row[] = []
  if (memory !== undefined) rows.push(...(await within(memory, (base) => oneFile(context, base, byteLength, { synced: false }))))
  if (disk !== undefined) rows.push(...(await within(disk, (base) => oneFile(context, base, byteLength, { synced: true }))))
  const folder = memory ?? disk
  if (folder !== undefined) rows.push(await within(folder, (base) => again(context, base)))
  if (!context.quick) rows.push(...(await largePeak(context)))
  return rows
}

async function within<T>(folder: string, work: (base: string) => Promise<T>): Promise<T> {
  const base = await mkdtemp(join(folder, 'sealed-'))
  try {
    return await work(base)
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

async function oneFile(
  context: BenchContext,
  base: string,
  byteLength: number,
  { synced }: { readonly synced: boolean },
): Promise<readonly Row[]> {
  const source = join(base, 'source')
  await randomFile(source, byteLength, context)
  const keys = await keysIn(context, base)
  const where = `${sizeName(byteLength)}, ${synced ? 'disk, synced' : 'tmpfs'}`
  const puts = await putting(context, { base, source, keys, synced, where })
  return synced ? puts : [...puts, ...(await getting(context, { base, source, keys, where }))]
}

interface Work {
  readonly base: string
  readonly source: string
  readonly keys: Keys
  readonly where: string
}

async function putting(
  context: BenchContext,
  { base, source, keys, synced, where }: Work & { readonly synced: boolean },
): Promise<readonly Row[]> {
  const out = join(base, 'peer.age')
  const { recipients } = keys
  const restic = (await has(context, 'restic')) ? { restic: () => backup(context, base, source) } : {}
  const timed = await alternate<'perdure' | 'age' | 'restic'>(roundsOf(context), {
    perdure: async () => {
      const archive = await newArchive(context, base)
      const { ms } = await archive.run('put', { source, recipients })
      await archive.remove()
      return ms
    },
    age: async () => {
      const ms = await clocked(async () => {
        await ran('age', ['-r', keys.recipient, '-o', out, source], context)
        if (synced) await sync(out)
      })
      await rm(out)
      return ms
    },
    ...restic,
  } as Record<'perdure' | 'age' | 'restic', () => Promise<number>>)
  const { perdure, age } = timed
  const rows: Row[] = [row(`sealed put ${where}`, perdure, age, 'age', synced ? undefined : LEAST_OF_AGE)]
  if ('restic' in restic)
    rows.push(row(`sealed put ${where}`, perdure, timed.restic, 'restic backup, new repository', synced ? undefined : LEAST_OF_RESTIC))
  return rows
}

type Times = Parameters<typeof seconds>[0]

function row(figure: string, ours: Times, theirs: Times, peer: string, least: number | undefined): Row {
  const ratio = theirs.median / ours.median
  const wanted = least === undefined ? {} : { wanted: `>= ${least}`, met: ratio >= least }
  return { figure, perdure: seconds(ours), peer: `${seconds(theirs)} ${peer}`, ratio, ...wanted }
}

/** Into a fresh local repository, whose making is not timed. */
async function backup(context: BenchContext, base: string, source: string): Promise<number> {
  const repository = join(base, 'restic')
  const env = { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: join(base, 'restic-cache') }
  const options = { signal: context.signal, env }
  await ran('restic', ['init'], options)
  const { ms } = await ran('restic', ['backup', '--quiet', source], options)
  await rm(repository, { recursive: true, force: true })
  return ms
}

async function getting(context: BenchContext, { base, source, keys, where }: Work): Promise<readonly Row[]> {
  const archive = await newArchive(context, base)
  const { recipients, identities } = keys
  const target = join(base, 'output')
  const sealed = join(base, 'peer.age')
  const put = await archive.measure('put', { source, recipients })
  await ran('age', ['-r', keys.recipient, '-o', sealed, source], context)
  const restored = await archive.measure('restore', { root: put.root ?? '', target, identities })
  await ran('cmp', [source, target], context)
  await rm(target)
  const { perdure, age } = await alternate(roundsOf(context), {
    perdure: async () => {
      const { ms } = await archive.run('restore', { root: put.root ?? '', target, identities })
      await rm(target)
      return ms
    },
    age: async () => {
      const { ms } = await ran('age', ['-d', '-i', keys.identityFile, '-o', target, sealed], context)
      await rm(target)
      return ms
    },
  })
  await archive.remove()
  return [
    row(`sealed restore ${where}`, perdure, age, 'age -d', 1),
    peak(`sealed put ${where}`, put.usage.peakBytes),
    peak(`sealed restore ${where}`, restored.usage.peakBytes),
  ]
}

function peak(figure: string, bytes: number): Row {
  return {
    figure: `peak memory, ${figure}`,
    perdure: `${Math.round(bytes / MIB)} MiB`,
    wanted: `<= ${MOST_BYTES / MIB} MiB`,
    met: bytes <= MOST_BYTES,
  }
}

async function largePeak(context: BenchContext): Promise<readonly Row[]> {
  const byteLength = 8192 * MIB
  const folder = await context.scratch.roomFor(2.1 * byteLength)
  if (folder === undefined) {
    context.say('sealed: no room for a put of 8 GiB, left out')
    return []
  }
  return within(folder, async (base) => {
    const source = join(base, 'source')
    await randomFile(source, byteLength, context)
    const { recipients } = await keysIn(context, base)
    const archive = await newArchive(context, base)
    const { usage } = await archive.measure('put', { source, recipients })
    return [peak('sealed put 8 GiB', usage.peakBytes)]
  })
}

/** The time of the put alone, since starting a process is the same for both. */
async function again(context: BenchContext, base: string): Promise<Row> {
  const files = context.quick ? 2_000 : 10_000
  const source = join(base, 'source')
  await smallFiles(source, files, context.signal)
  const { recipients } = await keysIn(context, base)
  const firsts: number[] = []
  const repeats: number[] = []
  for (let round = 0; round < roundsOf(context); round++) {
    const archive: TestArchive = await newArchive(context, base)
    const first = await archive.run('put', { source, recipients })
    const second = await archive.run('put', { source, recipients })
    firsts.push(first.verbMs ?? first.ms)
    repeats.push(second.verbMs ?? second.ms)
    await archive.remove()
  }
  const [first, second] = [timesOf(firsts), timesOf(repeats)]
  const ratio = first.median / second.median
  return {
    figure: `sealed put of ${files.toLocaleString('en')} unchanged files again`,
    perdure: seconds(second),
    peer: `${seconds(first)} the first put`,
    ratio,
    wanted: `>= ${LEAST_OF_AGAIN}`,
    met: ratio >= LEAST_OF_AGAIN,
  }
}

async function keysIn(context: BenchContext, base: string): Promise<Keys> {
  await mkdir(base, { recursive: true })
  const identityFile = join(base, 'identity.txt')
  await ran('age-keygen', ['-o', identityFile], context)
  const text = await readFile(identityFile, 'utf8')
  const recipient = /age1[0-9a-z]+/.exec(text)?.[0] ?? ''
  return { recipients: [recipient], identities: [text], identityFile, recipient }
}

function has(context: BenchContext, command: string): Promise<boolean> {
  return ran(command, [command === 'restic' ? 'version' : '--version'], context).then(
    () => true,
    () => false,
  )
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
