/** Chunks as nodes keep them: each asked for by its place in the weave, and led back to the data root that was signed. */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { AtTransaction } from './locator.ts'
import { ask, type GatewayNode, type Network, recordOf } from './network.ts'
import { provenChunk } from './proven-chunk.ts'

export interface Chunk {
  /** First byte, within the data of the transaction. */
  readonly start: number
  readonly bytes: Uint8Array
  readonly node: GatewayNode
}

/** Nobody has it: so many nodes said so. */
export type NoChunk = 'absent'

export interface Weave {
  /** Of the vault. */
  readonly id: string
  /** The chunk that covers a byte. Throws VaultError `damaged` where every node that answers sends another, `unreachable` where too few answer. */
  chunkAt(position: number, options?: AbortOptions): Promise<Chunk | NoChunk>
}

/** Base64 of a chunk and its path, and some JSON around. */
const MAX_CHUNK_ANSWER_BYTES = 1024 * 1024

/** Where a node says that a transaction begins, asked once. */
export function weaveOf(network: Network, at: AtTransaction): Weave {
  const starts = new Map<GatewayNode, Promise<number | undefined>>()
  const startAt = (node: GatewayNode, options: AbortOptions) => {
    const known = starts.get(node)
    if (known) return known
    const asked = startOf(node, at, options)
    starts.set(node, asked)
    // A failure is asked again.
    asked.catch(() => starts.delete(node))
    return asked
  }
  return {
    id: network.id,
    async chunkAt(position, { signal } = {}) {
      const failed: VaultError[] = []
      let absent = 0
      for (const node of network.nodes) {
        try {
          const start = await startAt(node, { signal })
          const found = start === undefined ? 'absent' : await chunkOf(node, at, { start, position, signal })
          if (found !== 'absent') return found
          absent++
        } catch (error) {
          signal?.throwIfAborted()
          if (!(error instanceof VaultError)) throw error
          failed.push(error)
        }
      }
      const damaged = failed.find(({ code }) => code === 'damaged')
      if (damaged && failed.every(({ code }) => code === 'damaged')) throw damaged
      if (absent >= Math.min(network.quorum, network.nodes.length)) return 'absent'
      throw failed[0] ?? new VaultError('unreachable', network.id, `too few gateways say anything of ${at.id}; ask again, or others`)
    },
  }
}

/** Undefined where the node knows of no such mined transaction. */
async function startOf(node: GatewayNode, { id, byteLength }: AtTransaction, { signal }: AbortOptions): Promise<number | undefined> {
  const doing = `asking where ${id} lies`
  const answer = await ask(node, { path: `/tx/${id}/offset`, doing, signal })
  if (answer.status === 404 || answer.status === 202 || answer.status === 410) return undefined
  const { size, offset } = recordOf(answer) ?? {}
  // What is given is the place of the last byte.
  const start = Number(offset) - byteLength + 1
  if (answer.status === 200 && Number(size) === byteLength && Number.isSafeInteger(start) && start >= 0) return start
  throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not answer as a node does; ask another gateway`)
}

async function chunkOf(
  node: GatewayNode,
  { id, dataRoot, byteLength }: AtTransaction,
  { start, position, signal }: AbortOptions & { readonly start: number; readonly position: number },
): Promise<Chunk | NoChunk> {
  const doing = `asking for the chunk at byte ${position} of ${id}`
  const answer = await ask(node, { path: `/chunk/${start + position}`, doing, limit: MAX_CHUNK_ANSWER_BYTES, signal })
  if (answer.status === 404 || answer.status === 410) return 'absent'
  const { chunk, data_path: path } = recordOf(answer) ?? {}
  if (answer.status !== 200 || typeof chunk !== 'string' || typeof path !== 'string')
    throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not answer as a node does; ask another gateway`)
  const bytes = Buffer.from(chunk, 'base64url')
  const found = provenChunk({ dataRoot, byteLength }, position, bytes, Buffer.from(path, 'base64url'))
  if (found) return { start: found.start, bytes, node }
  throw new VaultError('damaged', node.id, `${doing}: what ${node.host} sends does not lead to the data root that was signed`)
}
