/** A DAG that the service pulls: our node serves it while it is pinned, and no longer. */
import type { AbortOptions, Dag, ProgressOptions, TransferEvent } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { tell } from '../../body.ts'
import type { BlockSource } from '../embedded/source.ts'
import type { PinningClient } from './client.ts'
import type { Peers } from './peers.ts'
import type { Pin, PinStatus } from './pins.ts'
import { settled } from './settle.ts'

const MAX_ORIGINS = 20

export interface Bringing extends AbortOptions, ProgressOptions<TransferEvent> {
  readonly id: string
  readonly client: PinningClient
  readonly peers: Peers
  /** Multiaddrs beside those that the node listens at. */
  readonly origins: readonly string[]
  readonly patienceMs: number
  readonly wait: (ms: number, options: AbortOptions) => Promise<void>
}

/** Resolves to the request when the service says that it is pinned. Throws `unreachable` when it asks for nothing, or fails. */
export async function pull(dag: Dag, bringing: Bringing): Promise<PinStatus> {
  const { id, peers, signal } = bringing
  const node = await peers.node()
  const origins = originsOf([...bringing.origins, ...node.addresses], node.peerId)
  const { source, served } = watched(dag, bringing)
  const stop = node.serve(source)
  try {
    return await request({ ...pinOf(dag), origins }, bringing, {
      asked: served.count,
      began: ({ delegates }) => peers.meet(delegates, { signal }),
      tooLong: (cause) => silent(id, origins, { served, cause }),
    })
  } finally {
    stop()
  }
}

/** A request for what the service has already. */
export function claim(dag: Dag, bringing: Bringing): Promise<PinStatus> {
  return request(pinOf(dag), bringing, {
    asked: () => 0,
    began: async () => undefined,
    tooLong: (cause) =>
      new VaultError('unreachable', bringing.id, `it took the CAR of ${dag.root} and did not pin it in time; repair goes on from here`, {
        cause,
      }),
  })
}

interface Course {
  readonly asked: () => number
  readonly began: (status: PinStatus) => Promise<void>
  readonly tooLong: (cause: unknown) => VaultError
}

async function request(
  pin: Pin,
  { id, client, wait, patienceMs, signal }: Bringing,
  { asked, began, tooLong }: Course,
): Promise<PinStatus> {
  const status = await client.add(pin, { signal })
  try {
    await began(status)
    await settled(status, { id, client, wait, patienceMs, progress: asked, tooLong, signal })
    return status
  } catch (error) {
    // Nobody serves it any more, so it would wait for ever. One that cannot be removed now is cleared by the next put that goes well.
    if (!signal?.aborted) await client.remove(status.requestid).catch(() => undefined)
    throw error
  }
}

const pinOf = ({ root }: Dag): Pin => ({ cid: `${root}`, name: `perdure ${root}`, meta: { by: 'perdure' } })

interface Served {
  readonly count: () => number
  /** Why our side could not give a block, the first time. */
  readonly failure: () => unknown
}

function watched(dag: Dag, { onProgress }: Bringing): { readonly source: BlockSource; readonly served: Served } {
  let count = 0
  let failure: unknown
  const source: BlockSource = {
    has: dag.has,
    async block(cid, options) {
      count++
      try {
        const bytes = await dag.block(cid, options)
        if (bytes) tell(onProgress, { type: 'bytes-sent', byteLength: bytes.byteLength })
        return bytes
      } catch (error) {
        if (!options?.signal?.aborted) failure ??= error
        throw error
      }
    },
  }
  return { source, served: { count: () => count, failure: () => failure } }
}

function silent(
  id: string,
  origins: readonly string[],
  { served, cause }: { readonly served: Served; readonly cause: unknown },
): VaultError {
  const failure = served.failure()
  if (failure !== undefined)
    return new VaultError('unreachable', id, 'it waits for blocks that could not be read here; verify and repair the object first', {
      cause: failure,
    })
  if (served.count() > 0)
    return new VaultError('unreachable', id, `it asked for ${served.count()} blocks and then for none any more; try again later`, { cause })
  const where = origins.length > 0 ? origins.join(', ') : 'no address at all'
  const advice = 'set `listen` and `origins` to an address that it can call from outside, or use a service that takes CARs (`pushUrl`)'
  return new VaultError('unreachable', id, `the service asked for no block: it cannot reach this node at ${where}; ${advice}`, { cause })
}

function originsOf(addresses: readonly string[], peerId: string): readonly string[] {
  const whole = addresses.map((address) => (address.includes('/p2p/') ? address : `${address.replace(/\/+$/, '')}/p2p/${peerId}`))
  return [...new Set(whole)].slice(0, MAX_ORIGINS)
}
