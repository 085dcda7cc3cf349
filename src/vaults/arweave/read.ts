/** Bytes of a replica: by Range from a gateway, or chunk by chunk from nodes, each led back to the signed data root. */
import { collect } from '../../bytes/collect.ts'
import type { AbortOptions, Span, VaultReadOptions } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { patienceOf } from '../patience.ts'
import type { At } from './locator.ts'
import { CHUNK_BYTES } from './merkle.ts'
import { type GatewayNode, isTrouble, type Network, refusal, sent, worstOf } from './network.ts'
import { type Chunk, type NoChunk, type Weave, weaveOf } from './weave.ts'

/** Chunks that are asked for before their turn. */
const AHEAD = 3
/** Most bytes that one request asks for. */
const WINDOW_BYTES = 4 * 1024 * 1024

/**
 * Yields at most `span.length` bytes. An audit asks for chunks first, which no cache of a gateway answers and no gateway can make up; everything else asks
 * gateways for ranges, which is quicker. Throws `absent` when so many as are believed say that it is not there.
 */
export async function* readSpan(
  network: Network,
  at: At,
  span: Span,
  { signal, audit = false }: VaultReadOptions = {},
): AsyncGenerator<Uint8Array> {
  const end = Math.min(span.offset + span.length, at.byteLength)
  const weave = at.kind === 'tx' ? weaveOf(network, at) : undefined
  for (let offset = span.offset; offset < end; ) {
    const length = Math.min(WINDOW_BYTES, end - offset)
    if (weave && audit) yield* byChunks(weave, at, { offset, length }, { signal })
    else yield* await byRange(network, at, { offset, length, weave }, { signal })
    offset += length
  }
}

interface Window {
  readonly offset: number
  readonly length: number
}

async function byRange(
  network: Network,
  at: At,
  { offset, length, weave }: Window & { readonly weave: Weave | undefined },
  { signal }: AbortOptions,
): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
  const failed: VaultError[] = []
  let absent = 0
  for (const node of network.nodes) {
    try {
      const bytes = await ranged(node, at, { offset, length }, { signal })
      if (bytes) return [bytes]
      absent++
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof VaultError)) throw error
      failed.push(error)
    }
  }
  if (weave) return byChunks(weave, at, { offset, length }, { signal })
  throw absent >= Math.min(network.quorum, network.nodes.length) ? absentAt(network, at) : (worstOf(failed) ?? unknownAt(network, at))
}

/** Undefined where the gateway says that there is none. Only 206 with the very range that was asked for counts, or the whole where the whole was wanted. */
async function ranged(node: GatewayNode, at: At, { offset, length }: Window, { signal }: AbortOptions): Promise<Uint8Array | undefined> {
  const doing = `reading bytes ${offset} to ${offset + length - 1} of ${at.id}`
  signal?.throwIfAborted()
  const patience = patienceOf(node.timeoutMs, { signal })
  try {
    const headers = { range: `bytes=${offset}-${offset + length - 1}` }
    const response = await sent(node, { path: `/raw/${at.id}`, headers, doing }, patience.signal)
    if (response.status === 404 || response.status === 410 || response.status === 202) return undefined
    if (isTrouble(response)) throw refusal(node, doing, response)
    const isWhole = response.status === 200 && offset === 0 && length === at.byteLength
    const isRange =
      response.status === 206 && response.headers.get('content-range') === `bytes ${offset}-${offset + length - 1}/${at.byteLength}`
    if (!isWhole && !isRange) throw misread(node, doing, `answers with HTTP ${response.status} and no such range`)
    const bytes = response.body ? await collect(response.body, length, { signal: patience.signal }) : new Uint8Array(0)
    if (bytes.byteLength < length) throw misread(node, doing, `sends ${bytes.byteLength} of ${length} bytes`)
    return bytes
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) throw error
    if (error instanceof FormatError) throw misread(node, doing, `sends more than ${length} bytes`)
    const why = patience.isOver() ? `gave no answer within ${node.timeoutMs} ms` : 'gave no whole answer'
    throw new VaultError('unreachable', node.id, `${doing}: ${node.host} ${why}; try again later, or with another gateway`, {
      cause: error,
    })
  } finally {
    // What was not read must not go on arriving.
    patience.end()
  }
}

const misread = ({ id, host }: GatewayNode, doing: string, what: string) =>
  new VaultError('unreachable', id, `${doing}: ${host} ${what}; ask another gateway`)

async function* byChunks(weave: Weave, at: At, { offset, length }: Window, { signal }: AbortOptions): AsyncGenerator<Uint8Array> {
  const end = offset + length
  const ahead = new Map<number, Promise<Chunk | NoChunk>>()
  const askFor = (position: number) => {
    const asked = weave.chunkAt(position, { signal })
    // Whoever comes to it hears of it.
    asked.catch(() => undefined)
    ahead.set(position, asked)
    return asked
  }
  for (let position = offset; position < end; ) {
    // All chunks but the last two begin at multiples of their size; where one does not, it is asked for when its turn comes.
    const next = (Math.floor(position / CHUNK_BYTES) + 1) * CHUNK_BYTES
    const current = ahead.get(position) ?? askFor(position)
    for (let turn = 0; turn < AHEAD && next + turn * CHUNK_BYTES < end; turn++)
      if (!ahead.has(next + turn * CHUNK_BYTES)) askFor(next + turn * CHUNK_BYTES)
    const chunk = await current
    if (chunk === 'absent') throw absentAt({ id: weave.id }, at)
    ahead.delete(position)
    const { start, bytes } = chunk
    yield bytes.subarray(position - start, Math.min(bytes.byteLength, end - start))
    position = start + bytes.byteLength
  }
}

const absentAt = ({ id }: Pick<Network, 'id'>, at: At) =>
  new VaultError('absent', id, `the gateways say that they do not have ${at.id}, or not these bytes of it; repair seeds it again`)

const unknownAt = ({ id }: Network, at: At) =>
  new VaultError('unreachable', id, `too few gateways say anything of ${at.id}; ask again later, or with other gateways`)
