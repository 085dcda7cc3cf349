/** The embedded IPFS node beside Helia as it comes: what a start takes, what it adds to memory, and how quick blocks travel between two of a kind. */
import { fileURLToPath } from 'node:url'
import { type Bench, type BenchContext, MIB, type Row, roundsOf, sizeName } from './bench.ts'
import { ran } from './processes.ts'
import { alternate, milliseconds } from './times.ts'

const MOST_START_MS = 300
const MOST_ADDED_BYTES = 150e6
const CHILD = fileURLToPath(new URL('./children/ipfs-node.ts', import.meta.url))

interface Figures {
  readonly firstMs: number
  readonly startMs: number
  readonly addedBytes: number
  readonly transferMs: number
}

export const bench: Bench = async (context) => {
  const mib = context.quick ? 32 : 256
  const found = { perdure: [] as Figures[], helia: [] as Figures[] }
  const once = (side: keyof typeof found) => async () => {
    found[side].push(await figuresOf(context, side, mib))
    return found[side].at(-1)?.startMs ?? Number.NaN
  }
  const { perdure, helia } = await alternate(roundsOf(context), { perdure: once('perdure'), helia: once('helia') })
  const first = row('embedded IPFS node: packages loaded and started', found, ({ firstMs }) => firstMs)
  const added = { perdure: least(found.perdure, ({ addedBytes }) => addedBytes), helia: least(found.helia, ({ addedBytes }) => addedBytes) }
  const rate = (side: readonly Figures[]) => (mib * 1000) / least(side, ({ transferMs }) => transferMs)
  return [
    {
      figure: 'embedded IPFS node: start after import',
      perdure: milliseconds(perdure),
      peer: `${milliseconds(helia)} Helia`,
      ratio: helia.median / perdure.median,
      wanted: `< ${MOST_START_MS} ms`,
      met: perdure.median < MOST_START_MS,
    },
    first,
    {
      figure: 'embedded IPFS node: memory it adds',
      perdure: `${Math.round(added.perdure / 1e6)} MB`,
      peer: `${Math.round(added.helia / 1e6)} MB Helia`,
      ratio: added.helia / added.perdure,
      wanted: `< ${MOST_ADDED_BYTES / 1e6} MB`,
      met: added.perdure < MOST_ADDED_BYTES,
    },
    {
      figure: `bitswap over loopback, ${sizeName(mib * MIB)} of 1 MiB blocks`,
      perdure: `${Math.round(rate(found.perdure))} MiB/s`,
      peer: `${Math.round(rate(found.helia))} MiB/s Helia`,
      ratio: rate(found.perdure) / rate(found.helia),
    },
  ]
}

async function figuresOf(context: BenchContext, side: string, mib: number): Promise<Figures> {
  return JSON.parse((await ran(process.execPath, ['--no-warnings', CHILD, context.door, side, String(mib)], context)).stdout)
}

const least = (all: readonly Figures[], of: (figures: Figures) => number): number => Math.min(...all.map(of))

function row(figure: string, found: Readonly<Record<'perdure' | 'helia', readonly Figures[]>>, of: (figures: Figures) => number): Row {
  const [perdure, helia] = [least(found.perdure, of), least(found.helia, of)]
  return { figure, perdure: `${Math.round(perdure)} ms`, peer: `${Math.round(helia)} ms Helia`, ratio: helia / perdure }
}
