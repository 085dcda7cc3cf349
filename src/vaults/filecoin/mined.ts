/** Waiting for a transaction of ours. */
import type { Sleep } from '../../bytes/pause.ts'
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { EPOCH_MS } from './money.ts'
import type { ChainReader, Hex } from './port.ts'

export interface Waiting {
  readonly id: string
  /** How long it is waited for. */
  readonly commitTimeoutMs: number
  readonly clock: () => number
  readonly wait: Sleep
}

/** Between two looks: half a block. */
const LOOK_MS = EPOCH_MS / 2

/** Resolves when it was mined. Throws `conflict` when it was refused then, `unreachable` when the time is over. `what` is e.g. `deposit`. */
export async function mined(
  chain: Pick<ChainReader, 'transaction'>,
  what: string,
  hash: Hex,
  { id, clock, wait, commitTimeoutMs }: Waiting,
  options: AbortOptions = {},
): Promise<void> {
  const end = clock() + commitTimeoutMs
  for (;;) {
    const outcome = await chain.transaction(hash, options)
    if (outcome === 'succeeded') return
    if (outcome === 'reverted')
      throw new VaultError('conflict', id, `${what} ${hash} was refused when it was mined; try again, which looks at the wallet first`)
    if (clock() >= end)
      throw new VaultError('unreachable', id, `${what} ${hash} is not mined yet; try again later, which looks for it first`)
    await wait(LOOK_MS, options)
  }
}
