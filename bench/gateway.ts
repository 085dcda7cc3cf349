/** The CAR of a stored file from `perdure gateway`, every block hashed, beside `ipfs-car pack` and `ipfs-car unpack` of the same file. */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { PerdureError } from '../src/errors.ts'
import { type Bench, type BenchContext, mainBytesOf, roundsOf, sizeName } from './bench.ts'
import { ipfsCar, ran } from './processes.ts'
import { randomFile } from './scratch.ts'
import { alternate, clocked, rate } from './times.ts'

const CHILD = fileURLToPath(new URL('./children/gateway.ts', import.meta.url))
const LEAST_OF_PEER = 2

export const bench: Bench = async (context) => {
  const byteLength = mainBytesOf(context)
  const folder = await context.scratch.roomFor(5.1 * byteLength)
  if (folder === undefined) {
    context.say(`gateway: no room for five files of ${sizeName(byteLength)}, left out`)
    return []
  }
  const base = await mkdtemp(join(folder, 'gateway-'))
  const at = (name: string) => join(base, name)
  try {
    await randomFile(at('source'), byteLength, context)
    await using served = await serve(context, base)
    const download = (query: string) => clocked(() => fetched(`${served.url}${query}`, at('ours.car'), context.signal))
    const { dfs, stored, file, pack, unpack } = await alternate(roundsOf(context), {
      dfs: () => download('?format=car'),
      stored: () => download('?format=car&car-order=unk'),
      file: () => download(''),
      pack: () => timed(context, ['pack', at('source'), '--no-wrap', '--output', at('peer.car')]),
      unpack: () => timed(context, ['unpack', at('peer.car'), '--output', at('unpacked')], at('unpacked')),
    })
    await assertWhole(context, served.url, base)
    const size = sizeName(byteLength)
    const figure = (name: string, ours: typeof dfs, peer: typeof pack, what: string) => ({
      figure: `gateway: ${name} of ${size}`,
      perdure: rate(byteLength, ours),
      peer: `${rate(byteLength, peer)} ipfs-car ${what}`,
      ratio: peer.median / ours.median,
    })
    const car = figure('CAR in depth-first order', dfs, pack, 'pack')
    return [
      { ...car, wanted: `>= ${LEAST_OF_PEER}`, met: car.ratio >= LEAST_OF_PEER },
      figure('CAR as it is stored', stored, pack, 'pack'),
      figure('the file', file, unpack, 'unpack'),
    ]
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}

interface Served extends AsyncDisposable {
  readonly url: string
}

async function serve(context: BenchContext, base: string): Promise<Served> {
  const orders = { path: join(base, 'archive'), vault: join(base, 'vault'), source: join(base, 'source') }
  await mkdir(orders.vault)
  const child = spawn(process.execPath, ['--no-warnings', CHILD, context.door, JSON.stringify(orders)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    signal: context.signal,
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()))
  for await (const line of createInterface(child.stdout)) {
    const { url } = JSON.parse(line) as { readonly url: string }
    return {
      url,
      async [Symbol.asyncDispose]() {
        child.stdin.end()
        await ended
      },
    }
  }
  throw new PerdureError('bench-invalid', 'the gateway ended before it served anything')
}

async function fetched(url: string, path: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { signal })
  if (!response.ok || !response.body) throw new PerdureError('bench-invalid', `the gateway answered ${response.status}`)
  await pipeline(response.body, createWriteStream(path), { signal })
}

async function timed(context: BenchContext, args: readonly string[], output?: string): Promise<number> {
  if (output !== undefined) await rm(output, { recursive: true, force: true })
  return (await ran(process.execPath, ipfsCar(...args), context)).ms
}

/** Not timed: what was served is what was put, or the times mean nothing. */
async function assertWhole(context: BenchContext, url: string, base: string): Promise<void> {
  const [car, output] = [join(base, 'ours.car'), join(base, 'unpacked')]
  await fetched(`${url}?format=car`, car, context.signal)
  await rm(output, { recursive: true, force: true })
  await ran(process.execPath, ipfsCar('unpack', car, '--output', output), context)
  await ran('cmp', [join(base, 'source'), output], context).catch((cause: unknown) => {
    throw new PerdureError('bench-invalid', 'the CAR from the gateway is not of the file that was put', { cause })
  })
}
