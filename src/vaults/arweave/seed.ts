/** The chunks of a transaction on their way: several at once, to several nodes, each with the path that leads to the data root. */
import { recycle } from '../../bytes/pool.ts'
import type { AbortOptions, Pack, ProgressOptions, TransferEvent } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { tell, wrongLength } from '../body.ts'
import { base64Length, writeBase64 } from './base64-into.ts'
import { CHUNK_BYTES, type ChunkTree } from './merkle.ts'
import { ask, type GatewayNode, recordOf, shown } from './network.ts'
import type { Settings } from './options.ts'

/** Waits before each round over the nodes, in milliseconds: a transaction needs a moment to reach the others. */
const ROUNDS = [0, 1_000, 4_000] as const
/** Paths and places differ in length. */
const SPARE_BYTES = 256
/** So many chunks (32 MiB) may have to be sent again after a crash. */
const SAVE_EVERY = 128
/** No other node will say anything else of these. */
const HOPELESS: ReadonlySet<string> = new Set([
  'invalid_proof',
  'chunk_too_big',
  'data_path_too_big',
  'offset_too_big',
  'data_size_too_big',
])

export interface Seeding extends AbortOptions, ProgressOptions<TransferEvent> {
  readonly pack: Pack
  readonly tree: ChunkTree
  /** Chunks below it are there already. */
  readonly from: number
  /** Durable when it resolves. */
  readonly save: (cursor: number) => Promise<void>
}

/** Resolves when a node has taken each chunk. Whatever happens, all that was taken in one piece from the beginning is saved. */
export async function seed(settings: Settings, { pack, tree, from, save, signal, onProgress }: Seeding): Promise<void> {
  const taken = new Set<number>()
  const flying = new Set<Promise<void>>()
  let cursor = from
  let saved = from
  let failure: unknown
  const bodies = bodiesOf(tree)
  const send = async (index: number, body: Uint8Array) => {
    try {
      await post(settings, index, body, { signal })
      taken.add(index)
      while (taken.delete(cursor)) cursor++
      tell(onProgress, { type: 'bytes-sent', byteLength: tree.chunk(index).length })
    } catch (error) {
      failure ??= error
    } finally {
      bodies.giveBack(body)
    }
  }
  try {
    for await (const cut of cutsOf(settings.id, pack, tree, { from, signal })) {
      const flight = send(cut.index, bodies.of(cut)).finally(() => flying.delete(flight))
      flying.add(flight)
      if (flying.size >= settings.chunksInFlight) await Promise.race(flying)
      if (failure !== undefined) break
      if (cursor - saved < SAVE_EVERY) continue
      saved = cursor
      await save(cursor)
    }
  } finally {
    await Promise.all(flying)
    if (cursor > saved) await save(cursor)
  }
  if (failure !== undefined) throw failure
}

interface Cut {
  readonly index: number
  /** Used again for the next one. */
  readonly bytes: Uint8Array
}

/** The pack's bytes, cut as the tree was. */
async function* cutsOf(
  id: string,
  pack: Pack,
  tree: ChunkTree,
  { from, signal }: AbortOptions & { readonly from: number },
): AsyncGenerator<Cut> {
  if (from >= tree.chunkCount) return
  const memory = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let index = from
  let filling = memory.subarray(0, tree.chunk(index).length)
  let filled = 0
  for await (const piece of pack.open({ offset: tree.chunk(from).start, signal })) {
    for (let at = 0; at < piece.byteLength; ) {
      if (index >= tree.chunkCount) throw wrongLength(id, pack, `more than ${pack.byteLength}`)
      const part = piece.subarray(at, at + filling.byteLength - filled)
      filling.set(part, filled)
      filled += part.byteLength
      at += part.byteLength
      if (filled < filling.byteLength) continue
      yield { index, bytes: filling }
      index++
      filled = 0
      filling = memory.subarray(0, index < tree.chunkCount ? tree.chunk(index).length : 0)
    }
    recycle(piece)
  }
  if (index < tree.chunkCount) throw wrongLength(id, pack, `fewer than ${pack.byteLength}`)
}

/** To one node after another, beginning with another one for each chunk, so that they share the work. */
async function post(settings: Settings, index: number, body: Uint8Array, { signal }: AbortOptions): Promise<void> {
  const { nodes, id } = settings.network
  const failed: VaultError[] = []
  for (const ms of ROUNDS) {
    if (ms > 0) await settings.wait(ms, { signal })
    for (let turn = 0; turn < nodes.length; turn++) {
      const node = nodes[(index + turn) % nodes.length]
      if (!node) continue
      try {
        await postTo(node, index, body, { signal })
        return
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof VaultError)) throw error
        failed.push(error)
      }
    }
    if (failed.length >= nodes.length && failed.slice(-nodes.length).every(({ code }) => code === 'invalid')) break
  }
  throw failed.at(-1) ?? new VaultError('unreachable', id, `no gateway took chunk ${index}; put again to go on from there`)
}

/** Of `POST /chunk`, in memory that is used again: a pack is thousands of them. */
function bodiesOf(tree: ChunkTree) {
  const free: Buffer[] = []
  const text = (part: Uint8Array) => Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64url')
  const root = text(tree.dataRoot)
  return {
    of({ index, bytes }: Cut): Uint8Array {
      const { offset, path } = tree.chunk(index)
      // None of it needs escaping, which JSON.stringify would look for in every letter.
      const told = `{"data_root":"${root}","data_size":"${tree.byteLength}","data_path":"${text(path)}","offset":"${offset}","chunk":"`
      const head = told.length % 2 === 0 ? told : ` ${told}`
      const end = head.length + base64Length(bytes.byteLength)
      const known = free.pop()
      const memory = known && known.byteLength >= end + 2 ? known : Buffer.allocUnsafeSlow(end + 2 + SPARE_BYTES)
      memory.write(head, 0, 'latin1')
      writeBase64(bytes, memory.buffer, head.length)
      memory.write('"}', end, 'latin1')
      return memory.subarray(0, end + 2)
    },
    giveBack: ({ buffer }: Uint8Array) => void free.push(Buffer.from(buffer)),
  }
}

async function postTo(node: GatewayNode, index: number, body: Uint8Array, { signal }: AbortOptions): Promise<void> {
  const doing = `sending chunk ${index}`
  const answer = await ask(node, { method: 'POST', path: '/chunk', body, doing, signal })
  const isPage = answer.headers.get('content-type')?.startsWith('text/html') === true
  if ((answer.status === 200 || answer.status === 208) && !isPage) return
  const reason = recordOf(answer)?.error
  const said = typeof reason === 'string' ? reason : shown(answer)
  if (HOPELESS.has(said))
    throw new VaultError('invalid', node.id, `${doing}: ${node.host} refuses it (${said}); verify the spool and the clock, then put again`)
  throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not take it now (${said}); put again to go on from there`)
}
