/** Piece commitments of Filecoin, beside the WASM package, data-segment and synapse-core on the same file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PerdureError } from '../src/errors.ts'
import { type Bench, type BenchContext, MIB, mainBytesOf, type Row, roundsOf, sizeName } from './bench.ts'
import type { CommpOutcome } from './children/commp.ts'
import { ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, rate } from './times.ts'

const LEAST_MIB_PER_SECOND = 300
const LEAST_OF_WASM = 10
const MOST_BYTES = 64 * MIB
/** More of it takes the WASM package minutes. */
const MOST_READ_BYTES = 128 * MIB
/** For what manages a few MiB a second. */
const SLOW_BYTES = 8 * MIB

type Who = 'ours' | 'wasm' | 'data-segment' | 'synapse-core'

export const bench: Bench = async (context) => {
  const byteLength = Math.min(mainBytesOf(context), MOST_READ_BYTES)
  const folder = await context.scratch.roomFor(1.1 * byteLength)
  if (folder === undefined) {
    context.say(`commp: no room for a file of ${sizeName(byteLength)}, left out`)
    return []
  }
  const base = await mkdtemp(join(folder, 'commp-'))
  try {
    const source = join(base, 'source')
    await randomFile(source, byteLength, context)
    return [...(await large(context, source, byteLength)), ...(await small(context, source))]
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

async function large(context: BenchContext, source: string, byteLength: number): Promise<readonly Row[]> {
  const outcomes: CommpOutcome[] = []
  const ours = () => commp(context, 'ours', source, byteLength)
  const wasm = () => commp(context, 'wasm', source, byteLength)
  const timed = await alternate(roundsOf(context), { ours: kept(outcomes, ours), wasm: kept([], wasm) })
  same([...outcomes, await wasm()])
  const ratio = timed.wasm.median / timed.ours.median
  const added = Math.max(...outcomes.map(({ addedBytes }) => addedBytes))
  const what = `piece commitment of ${sizeName(byteLength)}`
  const speed = byteLength / MIB / (timed.ours.median / 1000)
  return [
    {
      figure: what,
      perdure: rate(byteLength, timed.ours),
      peer: `${rate(byteLength, timed.wasm)} WASM package`,
      ratio,
      wanted: `>= ${LEAST_MIB_PER_SECOND} MiB/s, ${LEAST_OF_WASM} x`,
      met: speed >= LEAST_MIB_PER_SECOND && ratio >= LEAST_OF_WASM,
    },
    {
      figure: `memory added, ${what}`,
      perdure: `${Math.round(added / MIB)} MiB`,
      wanted: `<= ${MOST_BYTES / MIB} MiB`,
      met: added <= MOST_BYTES,
    },
  ]
}

/** Those that take seconds for a few MiB. */
async function small(context: BenchContext, source: string): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const who of ['data-segment', 'synapse-core'] as const) {
    const outcomes: CommpOutcome[] = []
    const run = (each: Who) => kept(outcomes, () => commp(context, each, source, SLOW_BYTES))
    const timed = await alternate(roundsOf(context), { ours: run('ours'), theirs: run(who) })
    same(outcomes)
    rows.push({
      figure: `piece commitment of ${sizeName(SLOW_BYTES)}`,
      perdure: rate(SLOW_BYTES, timed.ours),
      peer: `${rate(SLOW_BYTES, timed.theirs)} ${who}`,
      ratio: timed.theirs.median / timed.ours.median,
    })
  }
  return rows
}

const kept = (outcomes: CommpOutcome[], run: () => Promise<CommpOutcome>) => async () => {
  const outcome = await run()
  outcomes.push(outcome)
  return outcome.ms
}

async function commp(context: BenchContext, who: Who, source: string, byteLength: number): Promise<CommpOutcome> {
  const script = fileURLToPath(new URL('children/commp.ts', import.meta.url))
  return JSON.parse((await ran(process.execPath, [script, who, source, `${byteLength}`], context)).stdout) as CommpOutcome
}

function same(outcomes: readonly CommpOutcome[]): void {
  const cids = new Set(outcomes.map(({ cid }) => cid))
  if (cids.size !== 1) throw new PerdureError('bench-invalid', `the piece CIDs differ: ${[...cids].join(', ')}`)
}
