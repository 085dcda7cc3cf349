/** The data root of one file, ours or arweave-js's: `node arweave ours|theirs JSON` prints it and the time that it took as JSON. */
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** What the child is told. Modules are file URLs: this script runs outside the checkout. */
export interface ArweaveOrders {
  readonly modules: { readonly merkle: string; readonly arweave: string }
  readonly source: string
}

export interface ArweaveOutcome {
  /** In base64url. */
  readonly root: string
  /** From the first byte read to the root; loading modules is not in it. */
  readonly ms: number
}

const [, , who = '', text = '{}'] = process.argv
const { modules, source } = JSON.parse(text) as ArweaveOrders

async function ours(): Promise<ArweaveOutcome> {
  const { treeOf } = (await import(modules.merkle)) as typeof import('../../src/vaults/arweave/merkle.ts')
  const startedAt = performance.now()
  const { size } = await stat(source)
  const { dataRoot } = await treeOf(createReadStream(source, { highWaterMark: 256 * 1024 }), size)
  return { root: Buffer.from(dataRoot).toString('base64url'), ms: performance.now() - startedAt }
}

/** With an anchor and a reward at hand, so that it asks no gateway. */
async function theirs(): Promise<ArweaveOutcome> {
  const { default: Arweave } = (await import(modules.arweave)) as { readonly default: typeof import('arweave') }
  const arweave = Arweave.init({})
  const startedAt = performance.now()
  const transaction = await arweave.createTransaction({ data: await readFile(source), last_tx: '', reward: '1', owner: '' })
  return { root: transaction.data_root, ms: performance.now() - startedAt }
}

process.stdout.write(JSON.stringify(await (who === 'ours' ? ours() : theirs())))
