/** Waits for a request to be pinned: asks with growing pauses, as long as something happens. */
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { PinningClient } from './client.ts'
import type { PinStatus } from './pins.ts'
import { shown } from './refusal.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

export interface Settling extends AbortOptions {
  readonly id: string
  readonly client: Pick<PinningClient, 'get'>
  readonly wait: (ms: number, options: AbortOptions) => Promise<void>
  /** How long nothing may happen, in milliseconds of pauses. */
  readonly patienceMs: number
  /** Grows with what happens. */
  readonly progress: () => number
  /** The error when patience has run out; `cause`: why the service could not be asked, where it could not. */
  readonly tooLong: (cause: unknown) => VaultError
}

/** Resolves when the service says pinned. Throws VaultError `unreachable` for one that failed there, and `absent` where the request is gone. */
export async function settled(first: PinStatus, options: Settling): Promise<void> {
  const { id, client, wait, patienceMs, progress, tooLong, signal } = options
  let last = first
  let seen = progress()
  let rested = 0
  let cause: unknown
  for (let pause = FIRST_PAUSE_MS; last.status !== 'pinned'; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (last.status === 'failed') throw failed(id, last)
    if (rested >= patienceMs) throw tooLong(cause)
    await wait(pause, { signal })
    rested += pause
    try {
      const now = await client.get(first.requestid, { signal })
      if (now.status !== last.status || progress() !== seen) rested = 0
      seen = progress()
      last = now
      cause = undefined
    } catch (error) {
      // One question without an answer ends nothing: the service goes on pulling, and is asked again.
      if (!(error instanceof VaultError && error.code === 'unreachable')) throw error
      cause = error
    }
  }
}

function failed(id: string, { pin, info }: PinStatus): VaultError {
  const said = Object.entries(info).map(([key, value]) => `${key}: ${value}`)
  const reason = said.length > 0 ? ` (${shown(said.join(', '))})` : ''
  return new VaultError('unreachable', id, `the service failed to pin ${pin.cid}${reason}; try again later, or ask the service about it`)
}
