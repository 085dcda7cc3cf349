/** A DAG as one CAR to a service that takes it as Kubo does: `POST /api/v0/dag/import`, multipart in, a JSON value a line out. */
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions, Dag, ProgressOptions, TransferEvent } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { tell } from '../../body.ts'
import { type Wait, waiting } from '../gateway/wait.ts'
import { readable, type Upload, uploadOf } from '../multipart.ts'
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
  const { id, token, signal, onProgress } = options
  const doing = `sending the CAR of ${dag.root}`
  const wait = waiting({ signal, timeoutMs: TIMEOUT_MS })
  const onSent = (byteLength: number) => tell(onProgress, { type: 'bytes-sent', byteLength })
  const upload = uploadOf(dag.root, dag.car({ signal }), { filename: `${dag.root}.car`, onSent })
  try {
    const response = await sent(dag, upload, wait, options)
    const text = response.body ? new TextDecoder().decode(await collect(response.body, MAX_ANSWER_BYTES, { signal: wait.signal })) : ''
    if (!response.ok) throw refused(doing, response, text, options)
    wait.settle()
    assertPinned(dag, text, options)
  } catch (error) {
    signal?.throwIfAborted()
    const broken = upload.failure()
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

function sent(dag: Dag, { type, stream, overhead }: Upload, wait: Wait, { url, token, fetch }: PushOptions): Promise<Response> {
  const init = {
    method: 'POST',
    redirect: 'manual' as const,
    duplex: 'half' as const,
    headers: { authorization: `Bearer ${token}`, 'content-type': type, 'content-length': `${dag.byteLength + overhead}` },
    body: readable(timed(stream, wait)),
    signal: wait.signal,
  }
  return fetch(`${url}/api/v0/dag/import?pin-roots=true`, init)
}

/** Reading our own packs may take long; only the service is timed. */
async function* timed(stream: AsyncIterable<Uint8Array>, wait: Wait): AsyncGenerator<Uint8Array> {
  wait.pause()
  for await (const piece of stream) {
    wait.resume()
    yield piece
    wait.pause()
  }
  wait.resume()
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
