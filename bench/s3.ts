/** The S3 vault beside the plain SDK on the same server: upload of one pack, a whole put, a verified download, sampled verify, peak memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PerdureError } from '../src/errors.ts'
import { type Bench, type BenchContext, MIB, type Row, roundsOf, sizeName } from './bench.ts'
import type { S3Orders, S3Outcome } from './children/s3.ts'
import type { Usage } from './children/usage.ts'
import { childScript, measured, ran } from './processes.ts'
import { type S3Server, s3Server } from './s3-server.ts'
import { randomFile } from './scratch.ts'
import { alternate, seconds, timesOf } from './times.ts'

const LEAST_RATIO = 0.9
const MOST_BYTES = 250 * MIB
/** 99 % confidence to catch a loss of 1 %. */
const DRAWS = 459
const SAMPLES = 5
const WANTED = `>= ${LEAST_RATIO}`

type Wishes = Partial<Omit<S3Orders, 'modules'>>

/** Runs one verb in a process of its own. */
interface Runner {
  run(verb: string, wishes?: Wishes): Promise<S3Outcome & { readonly ms: number }>
  measure(verb: string, wishes?: Wishes): Promise<S3Outcome & { readonly usage: Usage }>
}

export const bench: Bench = async (context) => {
  await using server = await s3Server(context)
  if (!server) {
    context.say('s3: no S3 server is named in the environment (PERDURE_S3_RADOSGW_ENDPOINT …) and radosgw is not installed, left out')
    return []
  }
  const byteLength = (context.quick ? 256 : 1024) * MIB
  // Source, spool and one output; not in memory, where the server may live.
  const folder = context.scratch.disk
  if (folder === undefined) {
    context.say('s3: every temporary folder is on tmpfs, left out; set TMPDIR to a disk')
    return []
  }
  const base = await mkdtemp(join(folder, 's3-'))
  try {
    const source = join(base, 'source')
    await randomFile(source, byteLength, context)
    const runner = await runnerOf(context, server)
    await runner.run('bucket')
    const work = { context, runner, base, source, byteLength, name: server.name }
    try {
      return [...(await uploads(work)), ...(await downloads(work))]
    } finally {
      // The server may be somebody's, and have little room.
      await runner.run('clear', { key: '' })
    }
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

async function runnerOf(context: BenchContext, server: S3Server): Promise<Runner> {
  const script = await childScript(context, 's3')
  const modules = {
    index: context.door,
    s3: new URL('s3.js', context.door).href,
    sdk: import.meta.resolve('@aws-sdk/client-s3'),
    upload: import.meta.resolve('@aws-sdk/lib-storage'),
    cid: import.meta.resolve('multiformats/cid'),
    car: import.meta.resolve('@ipld/car'),
  }
  const { endpoint, accessKeyId, secretAccessKey } = server
  const bucket = `perdure-bench-${Date.now().toString(36)}`
  const args = (verb: string, wishes: Wishes = {}) => {
    const orders: S3Orders = { bucket, endpoint, accessKeyId, secretAccessKey, ...wishes, modules }
    return [script, verb, JSON.stringify(orders)]
  }
  const outcome = (stdout: string): S3Outcome => {
    const found = JSON.parse(stdout) as S3Outcome
    if (found.state === undefined || found.state === 'satisfied') return found
    throw new PerdureError('bench-invalid', `the object ended ${found.state}, so the time of this run says nothing`)
  }
  return {
    async run(verb, wishes) {
      const { ms, stdout } = await ran(process.execPath, args(verb, wishes), context)
      return { ...outcome(stdout), ms }
    },
    async measure(verb, wishes) {
      const { stdout, usage } = await measured(context, args(verb, wishes))
      return { ...outcome(stdout), usage }
    },
  }
}

interface Work {
  readonly context: BenchContext
  readonly runner: Runner
  readonly base: string
  readonly source: string
  readonly byteLength: number
  readonly name: string
}

/** What was uploaded is deleted after each round, outside the time. */
async function uploads({ context, runner, base, source, byteLength, name }: Work): Promise<readonly Row[]> {
  const archive = join(base, 'round')
  const once = async (verb: string, wishes: Wishes = {}) => {
    const { ms } = await runner.run(verb, { source, byteLength, key: 'round/', ...wishes })
    await runner.run('clear', { key: 'round/' })
    await rm(archive, { recursive: true, force: true })
    return ms
  }
  const { pack, plain, put } = await alternate(roundsOf(context), {
    pack: () => once('upload'),
    plain: () => once('plainUpload', { key: 'round/object' }),
    put: () => once('put', { archive }),
  })
  const size = sizeName(byteLength)
  const peer = `${seconds(plain)} Upload of lib-storage`
  const ratio = plain.median / pack.median
  return [
    { figure: `s3 upload of a pack, ${size}, ${name}`, perdure: seconds(pack), peer, ratio, wanted: WANTED, met: ratio >= LEAST_RATIO },
    { figure: `s3 put ${size}: hashed, sent, sampled`, perdure: seconds(put), peer, ratio: plain.median / put.median },
  ]
}

async function downloads({ context, runner, base, source, byteLength, name }: Work): Promise<readonly Row[]> {
  const place = { archive: join(base, 'archive'), key: 'kept/' }
  const target = join(base, 'output')
  const stored = await runner.measure('put', { source, ...place })
  const root = stored.root ?? ''
  const sent = await runner.measure('plainUpload', { source, key: 'kept/object' })
  const fetched = await runner.measure('restore', { root, target, ...place })
  await ran('cmp', [source, target], context)
  await rm(target)
  const once = async (verb: string, wishes: Wishes) => {
    const { ms } = await runner.run(verb, { target, ...wishes })
    await rm(target)
    return ms
  }
  const { restore, plain } = await alternate(roundsOf(context), {
    restore: () => once('restore', { root, ...place }),
    plain: () => once('plainDownload', { key: 'kept/object' }),
  })
  const ratio = plain.median / restore.median
  const size = sizeName(byteLength)
  const perdure = seconds(restore)
  const peer = `${seconds(plain)} GetObject to a file, unchecked`
  const met = ratio >= LEAST_RATIO
  return [
    { figure: `s3 verified download, ${size}, ${name}`, perdure, peer, ratio, wanted: WANTED, met },
    memoryRow(`peak memory, s3 put ${size}`, stored.usage, sent.usage),
    memoryRow(`peak memory, s3 download ${size}`, fetched.usage),
    ...(await sampled(runner, { ...place, root })),
  ]
}

async function sampled(runner: Runner, wishes: Wishes): Promise<readonly Row[]> {
  const { samples = [] } = await runner.run('sample', { ...wishes, draws: DRAWS, rounds: SAMPLES })
  const [first] = samples
  if (!first) return []
  const median = (rates: readonly number[]) => timesOf(rates).median
  const ours = median(samples.map(({ ms, spans }) => spans / (ms / 1000)))
  const theirs = median(samples.map(({ plainMs, spans }) => spans / (plainMs / 1000)))
  const ratio = ours / theirs
  return [
    {
      figure: `s3 sampled verify, ${DRAWS} draws, ${first.reads} reads`,
      perdure: `${Math.round(ours)} spans/s, hashed`,
      peer: `${Math.round(theirs)} spans/s, a ranged GET for each, ${first.width} at a time`,
      ratio,
      wanted: WANTED,
      met: ratio >= LEAST_RATIO,
    },
  ]
}

function memoryRow(figure: string, ours: Usage, theirs?: Usage): Row {
  const mib = ({ peakBytes }: Usage) => `${Math.round(peakBytes / MIB)} MiB`
  const peer = theirs && { peer: `${mib(theirs)} Upload of lib-storage` }
  return { figure, perdure: mib(ours), ...peer, wanted: `< ${MOST_BYTES / MIB} MiB`, met: ours.peakBytes < MOST_BYTES }
}
