/** A pack on its way to Arweave, beside the uploader of arweave-js, on a link of 20 ms to a fake node in another process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Arweave from 'arweave'
import { samplePack } from '../src/conformance/fixture.ts'
import { PerdureError } from '../src/errors.ts'
import { arweave, balanceOfWallet } from '../src/vaults/arweave.ts'
import { type Bench, type BenchContext, MIB, roundsOf, sizeName } from './bench.ts'
import { alternate, rate } from './times.ts'

const LATENCY_MS = 20
const LEAST_RATIO = 5
const BLOCK_BYTES = MIB

export const bench: Bench = async (context) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 })
  const key = privateKey.export({ format: 'jwk' }) as unknown as Parameters<typeof Arweave.prototype.wallets.jwkToAddress>[0] & Record<string, unknown>
  const address = await Arweave.init({}).wallets.jwkToAddress(key)
  const network = await started(address)
  try {
    return await rows(context, { url: network.url, key })
  } finally {
    network.child.stdin?.end()
    await once(network.child, 'exit')
  }
}

async function rows(context: BenchContext, { url, key }: { readonly url: string; readonly key: Record<string, unknown> & object }) {
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
    if (uploader.lastResponseStatus !== 200) throw new PerdureError('bench-invalid', `their upload ended with ${uploader.lastResponseStatus}`)
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

async function started(address: string): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const script = fileURLToPath(new URL('children/arweave-network.ts', import.meta.url))
  const child = spawn(process.execPath, [script, address, `${LATENCY_MS}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  for await (const url of createInterface({ input: child.stdout })) return { url, child }
  throw new PerdureError('bench-invalid', 'the fake Arweave node did not start')
}
