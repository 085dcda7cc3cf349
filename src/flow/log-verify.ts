/** Verifying the log from its entries alone: nothing but the catalog is read, and no vault is asked. */
import type { Catalog, LogVerification, Receipt, VerifyLogOptions } from '../contracts.ts'
import { CatalogError, FormatError } from '../errors.ts'
import { decodeEntry } from '../format/log-entry.ts'
import { verifyLogged } from '../format/log-proof.ts'
import { grow, leafHash, rootOf } from '../format/merkle.ts'
import { verifyReceipt } from '../format/receipt.ts'
import { toMultikey } from '../format/sign.ts'
import { edgeOf, judgeCheckpoint } from './log-tree.ts'

const PAGE = 1_000
const MOST_FAULTS = 20

export interface LogHouse {
  readonly catalog: Catalog
  /** Ed25519 public key of the archive. */
  readonly publicKey: Uint8Array
}

/** Hashes every entry anew, compares the tree with the one that is kept, then with checkpoints and receipts. Writes nothing. */
export async function verifyLog(house: LogHouse, options: VerifyLogOptions = {}): Promise<LogVerification> {
  const { signal, checkpoints = [], receipts = [] } = options
  const { size, root, faults } = await hashAll(house, signal)
  const checked = []
  for (const note of checkpoints) checked.push(await judgeCheckpoint(house, note))
  const judged = []
  for (const receipt of receipts) judged.push(await judgeReceipt(house, receipt))
  return {
    valid: faults.length === 0 && checked.every(({ verdict }) => verdict === 'consistent') && judged.every(({ valid }) => valid),
    size,
    root: Buffer.from(root).toString('base64'),
    faults,
    checkpoints: checked,
    receipts: judged,
  }
}

async function hashAll({ catalog }: LogHouse, signal: AbortSignal | undefined) {
  const faults: string[] = []
  const size = await catalog.logSize()
  let [at, edge] = [0, [] as readonly Uint8Array[]]
  while (at < size) {
    signal?.throwIfAborted()
    const page = (await catalog.logRows({ after: at - 1, limit: PAGE })).filter(({ index }) => index < size)
    if (page.length === 0) break
    for (const [offset, { index, bytes }] of page.entries()) {
      if (faults.length >= MOST_FAULTS) break
      if (index !== at + offset) faults.push(`entry ${at + offset} is missing`)
      else if (!isEntry(bytes)) faults.push(`entry ${index} is not canonical JSON`)
    }
    const grown = grow(
      at,
      edge,
      page.map(({ bytes }) => leafHash(bytes)),
    )
    ;[at, edge] = [grown.size, grown.edge]
  }
  const root = rootOf(edge)
  const kept = await keptRoot(catalog, size)
  if (kept === undefined || Buffer.compare(root, kept) !== 0)
    faults.push('the entries do not hash to the tree that the catalog keeps: one of them was changed, lost or moved')
  return { size, root, faults }
}

async function keptRoot(catalog: Catalog, size: number): Promise<Uint8Array | undefined> {
  try {
    return rootOf(await edgeOf(catalog, size))
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'corrupt') return undefined
    throw error
  }
}

function isEntry(bytes: Uint8Array): boolean {
  try {
    decodeEntry(bytes)
    return true
  } catch {
    return false
  }
}

type JudgedReceipt = LogVerification['receipts'][number]

/** Signed by us, its entry in a tree we signed, and that tree the beginning of ours. */
async function judgeReceipt(house: LogHouse, receipt: Receipt): Promise<JudgedReceipt> {
  const root = String(receipt?.root)
  try {
    if (!(await verifyReceipt(receipt, toMultikey(house.publicKey))))
      return { root, valid: false, detail: 'its signature does not hold under the key of this archive, or its proof does not hold' }
    if (receipt.log === undefined) return { root, valid: false, detail: 'it says nothing of the log' }
    if (!(await verifyLogged(receipt.log, house.publicKey))) return { root, valid: false, detail: 'its proof does not hold' }
    const { index, checkpoint } = receipt.log
    const { verdict, detail } = await judgeCheckpoint(house, checkpoint)
    return { root, valid: verdict === 'consistent', index, ...(detail !== undefined && { detail }) }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { root, valid: false, detail: error.message }
  }
}
