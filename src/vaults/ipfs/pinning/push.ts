/** A DAG as one CAR to a service that takes it as Kubo does: `POST /api/v0/dag/import`, multipart in, a JSON value a line out. */
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions, Dag, ProgressOptions, TransferEvent } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { tell } from '../../body.ts'
import { type Wait, waiting } from '../gateway/wait.ts'
import { MAX_ANSWER_BYTES, unreachable } from './exchange.ts'
import { isRecord } from './pins.ts'
import { refusal, shown } from './refusal.ts'
import { isFor } from './requests.ts'

/** Without a byte taken or answered. */
const TIMEOUT_MS = 5 * 60_000

export interface PushOptions extends AbortOptions, ProgressOptions<TransferEvent> {
  readonly id: string
  /** Without a slash at its end. */
  readonly url: string
  readonly token: string
  readonly fetch: typeof fetch
}

/** Resolves when the service says that it has pinned the root. The CAR is read as it is sent. Throws what reading it throws, and VaultErrors. */
export async function pushCar(dag: Dag, options: PushOptions): Promise<void> {
  const { id, token, signal } = options
  const doing = `sending the CAR of ${dag.root}`
  const wait = waiting({ signal, timeoutMs: TIMEOUT_MS })
  const body = bodyOf(dag, wait, options)
  try {
    const response = await sent(dag, body.stream, wait, options)
    const text = response.body ? new TextDecoder().decode(await collect(response.body, MAX_ANSWER_BYTES, { signal: wait.signal })) : ''
    if (!response.ok) throw refused(doing, response, text, options)
    wait.settle()
    assertPinned(dag, text, options)
  } catch (error) {
    signal?.throwIfAborted()
    const broken = body.failure()
    if (broken !== undefined) throw broken
    if (error instanceof VaultError) throw error
    throw unreachable(
      { id, token },
      wait.timedOut() ? `${doing}: it took nothing for ${TIMEOUT_MS / 60_000} minutes` : `${doing} failed`,
      error,
    )
  } finally {
    wait.end()
  }
}

function sent(dag: Dag, stream: AsyncGenerator<Uint8Array>, wait: Wait, { url, token, fetch }: PushOptions): Promise<Response> {
  const { head, tail } = envelopeOf(dag)
  const init = {
    method: 'POST',
    redirect: 'manual' as const,
    duplex: 'half' as const,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': `multipart/form-data; boundary=${boundaryOf(dag)}`,
      'content-length': `${head.byteLength + dag.byteLength + tail.byteLength}`,
    },
    body: readable(stream),
    signal: wait.signal,
  }
  return fetch(`${url}/api/v0/dag/import?pin-roots=true`, init)
}

interface Body {
  readonly stream: AsyncGenerator<Uint8Array>
  /** Why the CAR could not be read, where it could not. */
  readonly failure: () => unknown
}

function bodyOf(dag: Dag, wait: Wait, { signal, onProgress }: PushOptions): Body {
  let failure: unknown
  const { head, tail } = envelopeOf(dag)
  async function* stream(): AsyncGenerator<Uint8Array> {
    // Reading our own packs may take long; only the service is timed.
    wait.pause()
    yield* timed(wait, head)
    try {
      for await (const piece of dag.car({ signal })) {
        yield* timed(wait, piece)
        tell(onProgress, { type: 'bytes-sent', byteLength: piece.byteLength })
      }
    } catch (error) {
      failure = error
      throw error
    }
    yield* timed(wait, tail)
    wait.resume()
  }
  return { stream: stream(), failure: () => failure }
}

/** Reads no further than it is read. */
function readable(stream: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await stream.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => void (await stream.return(undefined)),
    },
    { highWaterMark: 0 },
  )
}

function* timed(wait: Wait, piece: Uint8Array): Generator<Uint8Array> {
  wait.resume()
  yield piece
  wait.pause()
}

/** No content under a root holds the root's own CID, so this line is nowhere in the CAR's blocks. */
const boundaryOf = ({ root }: Dag): string => `perdure-${root}`

function envelopeOf(dag: Dag): { readonly head: Uint8Array; readonly tail: Uint8Array } {
  const head = [
    `--${boundaryOf(dag)}`,
    `Content-Disposition: form-data; name="file"; filename="${dag.root}.car"`,
    'Content-Type: application/vnd.ipld.car',
    '',
    '',
  ].join('\r\n')
  return { head: Buffer.from(head), tail: Buffer.from(`\r\n--${boundaryOf(dag)}--\r\n`) }
}

function refused(doing: string, response: Response, text: string, { id, token }: PushOptions): VaultError {
  if (response.status >= 300 && response.status < 400)
    return new VaultError('invalid', id, `${doing} failed: it redirects with HTTP ${response.status}; set pushUrl to the final address`)
  if (response.status === 404)
    return new VaultError('unsupported', id, `${doing} failed with HTTP 404: no CAR is taken there; check pushUrl, or leave it out`)
  return refusal(id, doing, response, text, (said) => said.replaceAll(token, '***'))
}

function assertPinned({ root }: Dag, text: string, { id, token }: PushOptions): void {
  const lines = text
    .split('\n')
    .map(parsed)
    .filter((line) => line !== undefined)
  const clean = (said: string) => shown(said.replaceAll(token, '***'))
  // What goes wrong after the 200 has no other place.
  for (const line of lines)
    if (typeof line.Message === 'string' && line.Type === 'error')
      throw new VaultError('unreachable', id, `the CAR of ${root} was not imported (${clean(line.Message)}); try again later`)
  for (const { Root } of lines) {
    const cid = isRecord(Root) && isRecord(Root.Cid) ? Root.Cid['/'] : undefined
    if (!isRecord(Root) || typeof cid !== 'string' || !isFor(root, cid)) continue
    if (typeof Root.PinErrorMsg !== 'string' || Root.PinErrorMsg === '') return
    throw new VaultError('unreachable', id, `the CAR of ${root} came and was not pinned (${clean(Root.PinErrorMsg)}); try again later`)
  }
  throw new VaultError('unsupported', id, `the answer to the CAR of ${root} names no such root; check pushUrl, or leave it out`)
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
