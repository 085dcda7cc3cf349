/** Bringing a whole DAG. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Dag, ProgressOptions, TransferEvent } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { tell } from '../../body.ts'
import { uploadOf } from '../multipart.ts'
import type { Node } from './options.ts'
import { meaningOf, shown } from './refusal.ts'
import { askLines, recordOf } from './rpc.ts'

const MIB = 1024 * 1024
/** No disk is so slow that pinning, which reads everything once, takes longer. */
const PIN_MS_PER_MIB = 1_000

export type ImportOptions = AbortOptions & ProgressOptions<TransferEvent>

/**
 * Imports and pins in one command: the node holds its pin lock from the first block to the pin, so that no garbage collection comes between. Resolves false
 * when the blocks came and could not be pinned: the node takes a block for stored whose file is gone or damaged, and passes over the one that is sent.
 * Kubo 0.39 then looks for it in the network, without end and with the lock held, so that the wait for the pin is bounded here.
 */
export async function importDag(node: Node, dag: Dag, { signal, onProgress }: ImportOptions): Promise<boolean> {
  const { id } = node
  const doing = `importing ${dag.root}`
  const stalled = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const onEnd = () => {
    timer = setTimeout(() => stalled.abort(), node.timeoutMs + (dag.byteLength / MIB) * PIN_MS_PER_MIB)
  }
  const onSent = (byteLength: number) => tell(onProgress, { type: 'bytes-sent', byteLength })
  const joined = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal
  try {
    const upload = uploadOf(dag.root, dag.car({ signal: joined }), { onSent, onEnd })
    const query = { 'pin-roots': 'true', stats: 'true', 'allow-big-block': 'true' }
    const lines = await askLines(node, { command: 'dag/import', query, upload, doing, timeoutMs: 'none' }, { signal: joined })
    return isDone(node, dag, doing, lines)
  } catch (error) {
    signal?.throwIfAborted()
    if (stalled.signal.aborted) return false
    throw error instanceof VaultError && error.code === 'absent'
      ? new VaultError('unreachable', id, error.message, { cause: error })
      : error
  } finally {
    clearTimeout(timer)
  }
}

/** The count of blocks is the last line: an answer without it broke off. */
function isDone(node: Node, { root, blockCount }: Dag, doing: string, lines: readonly Readonly<Record<string, unknown>>[]): boolean {
  const pinned = lines.map(({ Root }) => recordOf(Root)).find(({ Cid }) => isCid(Cid, root))
  const count = lines.map(({ Stats }) => recordOf(Stats).BlockCount).find((value) => value !== undefined)
  if (!pinned || count === undefined)
    throw new VaultError('unreachable', node.id, `${doing}: the answer broke off; look at the log of the node, then try again`)
  const why = pinned.PinErrorMsg
  if (typeof why === 'string' && why !== '') {
    const [code, advice] = meaningOf(500, why)
    if (code === 'exhausted') throw new VaultError(code, node.id, `${doing}: it could not be pinned (${shown(node, why)}); ${advice}`)
    return false
  }
  if (count === blockCount) return true
  throw new VaultError('damaged', node.id, `${doing}: the node counted ${String(count)} of ${blockCount} blocks; put again`)
}

const isCid = (value: unknown, cid: CID) => recordOf(value)['/'] === `${cid}`
