/**
 * A pack on its way to Arweave, beside the uploader of arweave-js, on a link of 20 ms to a fake node in another process; and how much memory gigabytes of
 * packs take, sent to a server that keeps nothing.
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Arweave from 'arweave'
import { samplePack } from '../src/conformance/fixture.ts'
import { PerdureError } from '../src/errors.ts'
import { arweave, balanceOfWallet } from '../src/vaults/arweave.ts'
import { type Bench, type BenchContext, MIB, type Row, roundsOf, sizeName } from './bench.ts'
import { measured } from './processes.ts'
import { alternate, rate } from './times.ts'

const LATENCY_MS = 20
const LEAST_RATIO = 5
const BLOCK_BYTES = MIB
const MOST_PEAK_MIB = 200

export const bench: Bench = async (context) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 })
  const key = privateKey.export({ format: 'jwk' }) as Key
  const address = await Arweave.init({}).wallets.jwkToAddress(key as never)
  const speed = await beside('arweave-network', [address, `${LATENCY_MS}`], (url) => uploads(context, { url, key }))
  const memory = await beside('arweave-sink', [], (url) => gigabytes(context, { url, key }))
  return [...speed, ...memory]
}

type Key = Readonly<Record<string, unknown>>

interface At {
  readonly url: string
  readonly key: Key
}

async function gigabytes(context: BenchContext, { url, key }: At): Promise<readonly Row[]> {
  const [packs, packBytes] = context.quick ? [2, 64 * MIB] : [4, 1024 * MIB]
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-'))
  try {
    const keyFile = join(folder, 'wallet.json')
    await writeFile(keyFile, JSON.stringify(key), { mode: 0o600 })
    const script = fileURLToPath(new URL('children/arweave-put.ts', import.meta.url))
    const { stdout, usage } = await measured(context, [script, url, keyFile, `${packs}`, `${packBytes}`])
    const byteLength = packs * packBytes
    return [
      {
        figure: `peak memory, arweave upload of ${packs} packs, ${sizeName(byteLength)} in all`,
        perdure: `${Math.round(usage.peakBytes / MIB)} MiB at ${Math.round(byteLength / MIB / (Number(stdout) / 1000))} MiB/s`,
        wanted: `< ${MOST_PEAK_MIB} MiB`,
        met: usage.peakBytes < MOST_PEAK_MIB * MIB,
      },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function uploads(context: BenchContext, { url, key }: At): Promise<readonly Row[]> {
  const blocks = context.quick ? 8 : 32
  const rounds = roundsOf(context)
  const vault = arweave({ key, gateways: [url] })
  const { hostname: host, port } = new URL(url)
  const theirClient = Arweave.init({ host, port, protocol: 'http' })
  await balanceOfWallet({ key, gateways: [url] })
  // Another pack each time: what is there already would not be sent again.
  let turn = 0
  const fresh = () => samplePack({ seed: `bench-${turn++}`, blocks, blockLength: BLOCK_BYTES })
  const ours = async () => {
    const pack = await fresh()
    const startedAt = performance.now()
    await vault.put(pack)
    return performance.now() - startedAt
  }
  const theirs = async () => {
    const { bytes } = await fresh()
    const startedAt = performance.now()
    const transaction = await theirClient.createTransaction({ data: bytes }, key as never)
    await theirClient.transactions.sign(transaction, key as never)
    const uploader = await theirClient.transactions.getUploader(transaction)
    while (!uploader.isComplete) await uploader.uploadChunk()
    if (uploader.lastResponseStatus !== 200)
      throw new PerdureError('bench-invalid', `their upload ended with ${uploader.lastResponseStatus}`)
    return performance.now() - startedAt
  }
  const byteLength = blocks * BLOCK_BYTES
  const timed = await alternate(rounds, { ours, theirs })
  const ratio = timed.theirs.median / timed.ours.median
  return [
    {
      figure: `arweave upload of ${sizeName(byteLength)}, ${LATENCY_MS} ms away`,
      perdure: rate(byteLength, timed.ours),
      peer: `${rate(byteLength, timed.theirs)} getUploader`,
      ratio,
      wanted: `>= ${LEAST_RATIO}x`,
      met: ratio >= LEAST_RATIO,
    },
  ]
}

/** Does the work while a script of `children/` runs, which prints where it is. */
async function beside<T>(name: string, args: readonly string[], work: (url: string) => Promise<T>): Promise<T> {
  const script = fileURLToPath(new URL(`children/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    for await (const url of createInterface({ input: child.stdout })) return await work(url)
  } finally {
    child.stdin.end()
    if (child.exitCode === null) await once(child, 'exit')
  }
  throw new PerdureError('bench-invalid', `${name} did not start`)
}
