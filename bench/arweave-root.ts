/** The data root of a file for Arweave, streamed, beside `createTransaction` of arweave-js on the same file: time and peak memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PerdureError } from '../src/errors.ts'
import { type Bench, type BenchContext, MIB, mainBytesOf, roundsOf, sizeName } from './bench.ts'
import type { ArweaveOrders, ArweaveOutcome } from './children/arweave.ts'
import { childScript, measured, plainScript, ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, rate } from './times.ts'

const LEAST_MIB_PER_SECOND = 500
const MOST_BYTES = 128 * MIB

export const bench: Bench = async (context) => {
  const byteLength = mainBytesOf(context)
  const folder = await context.scratch.roomFor(1.1 * byteLength)
  if (folder === undefined) {
    context.say(`arweave-root: no room for a file of ${sizeName(byteLength)}, left out`)
    return []
  }
  const base = await mkdtemp(join(folder, 'arweave-'))
  try {
    const source = join(base, 'source')
    await randomFile(source, byteLength, context)
    return await rows(context, source, byteLength)
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

async function rows(context: BenchContext, source: string, byteLength: number) {
  const args = await argsOf(context, source)
  const roots = new Set<string>()
  const timed = async (who: Who) => {
    const { root, ms } = JSON.parse((await ran(process.execPath, args(who), context)).stdout) as ArweaveOutcome
    roots.add(root)
    return ms
  }
  const { ours, theirs } = await alternate(roundsOf(context), { ours: () => timed('ours'), theirs: () => timed('theirs') })
  if (roots.size !== 1) throw new PerdureError('bench-invalid', `the data roots differ: ${[...roots].join(', ')}`)
  const peak = async (who: Who) => (await measured(context, args(who))).usage.peakBytes
  const [ourPeak, theirPeak] = [await peak('ours'), await peak('theirs')]
  const what = `arweave data root of ${sizeName(byteLength)}`
  return [
    {
      figure: what,
      perdure: rate(byteLength, ours),
      peer: `${rate(byteLength, theirs)} createTransaction`,
      ratio: theirs.median / ours.median,
      wanted: `>= ${LEAST_MIB_PER_SECOND} MiB/s`,
      met: byteLength / MIB / (ours.median / 1000) >= LEAST_MIB_PER_SECOND,
    },
    {
      figure: `peak memory, ${what}`,
      perdure: mib(ourPeak),
      peer: `${mib(theirPeak)} createTransaction`,
      ratio: theirPeak / ourPeak,
      wanted: `<= ${mib(MOST_BYTES)}`,
      met: ourPeak <= MOST_BYTES,
    },
  ]
}

type Who = 'ours' | 'theirs'

/** From source: the tree is one file that needs nothing but node. */
async function argsOf(context: BenchContext, source: string): Promise<(who: Who) => readonly string[]> {
  const script = await childScript(context, 'arweave')
  const merkle = await plainScript(context, new URL('../src/vaults/arweave/merkle.ts', import.meta.url), 'arweave-merkle')
  const orders: ArweaveOrders = { modules: { merkle: pathToFileURL(merkle).href, arweave: import.meta.resolve('arweave') }, source }
  return (who) => [script, who, JSON.stringify(orders)]
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
