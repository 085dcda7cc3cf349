/** A longer term: the deposit, which pays for all that is stored, is filled up until it lasts. The replica stays where it is. */
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { inTurn, type Turns } from '../turns.ts'
import { assertWithin, type Limits } from './afford.ts'
import { shownDown, shownUp } from './amount.ts'
import { type At, parseLocator } from './locator.ts'
import { mined, type Waiting } from './mined.ts'
import { epochAt, momentOf } from './money.ts'
import type { ChainReader, ChainWriter, Hex, ProofState } from './port.ts'

export interface RenewSettings extends Limits, Waiting {
  /** Told of each deposit that was sent. */
  readonly onDeposit?: ((deposit: { readonly amount: bigint; readonly hash: Hex }) => void) | undefined
}

export type Renew = (at: Locator, until: Date, options?: AbortOptions) => Promise<Locator>

/** A writer that tells each hash before it sends. */
type WriterOf = (options: { readonly onSigned: (transaction: { readonly hash: Hex }) => void }) => Promise<Pick<ChainWriter, 'deposit'>>

const ANEW = 'put it anew: repair will'

/**
 * `renew` of one vault. Replicas share one deposit, so they are renewed one after the other, and each deposit is mined before the next is judged: a sum
 * that is under way is never deposited again. Throws `exhausted` for want of money or by the limit, `unsupported` for a data set that was terminated.
 */
export function renewer(chain: ChainReader, writer: WriterOf, settings: RenewSettings): Renew {
  const turns: Turns = new Map()
  /** Signed, and not known to have ended: also by a call that was aborted or whose node hung up. */
  let open: Hex | undefined
  const deposited = async (amount: bigint, options: AbortOptions) => {
    const { deposit } = await writer({
      onSigned: ({ hash }) => {
        open = hash
      },
    })
    const hash = await deposit(amount, options)
    open = hash
    settings.onDeposit?.({ amount, hash })
    await mined(chain, 'deposit', hash, settings, options)
    open = undefined
  }
  const settleOpen = async (options: AbortOptions) => {
    if (open === undefined) return
    const outcome = await chain.transaction(open, options)
    if (outcome === 'pending') await mined(chain, 'deposit', open, settings, options)
    open = undefined
  }
  const renew = async (at: Locator, until: Date, options: AbortOptions) => {
    if (Number.isNaN(until.getTime())) throw new VaultError('invalid', settings.id, 'the date to renew to is none; give a valid one')
    const place = parseLocator(settings.id, chain.chainId, at)
    await settleOpen(options)
    const state = await stateOf(chain, settings.id, place, options)
    const amount = await missingUntil(chain, settings, state, until, options)
    if (amount > 0n) await deposited(amount, options)
    return at
  }
  return (at, until, { signal } = {}) => inTurn(turns, 'deposit', () => renew(at, until, { signal }), { signal })
}

/** Of a piece that can be paid for on. Throws for one that cannot. */
async function stateOf(chain: ChainReader, id: string, { dataSetId, pieceId, cid }: At, { signal }: AbortOptions): Promise<ProofState> {
  const set = await chain.dataSet(dataSetId, { signal })
  if (!set) throw new VaultError('absent', id, `data set ${dataSetId} is not there any more; ${ANEW}`)
  if (set.payer.toLowerCase() !== chain.payer.toLowerCase())
    throw new VaultError('unsupported', id, `data set ${dataSetId} is paid by ${set.payer}, which has to renew it; or ${ANEW}`)
  const state = await chain.proofState(dataSetId, [pieceId], { signal })
  const endEpoch = state.endEpoch || set.endEpoch || state.rail.endEpoch
  if (endEpoch !== 0n) {
    const day = new Date(momentOf(endEpoch, state.epoch)).toISOString().slice(0, 10)
    throw new VaultError('unsupported', id, `data set ${dataSetId} was terminated and ends on ${day}, nothing renews it; ${ANEW}`)
  }
  const piece = state.pieces.get(pieceId)
  if (!state.isLive || !piece?.isActive || !piece.cid?.equals(cid) || state.scheduledRemovals.has(pieceId))
    throw new VaultError('absent', id, `piece ${pieceId} of data set ${dataSetId} is gone, or about to be removed; ${ANEW}`)
  return state
}

/** What the deposit lacks to pay for everything until then; zero: nothing. Throws `exhausted` when it may not or cannot be had. */
async function missingUntil(
  chain: ChainReader,
  limits: Limits,
  { rail, epoch, dataSetId }: ProofState,
  until: Date,
  { signal }: AbortOptions,
): Promise<bigint> {
  const wanted = epochAt(until.getTime(), epoch)
  if (rail.fundedUntil === undefined || rail.fundedUntil >= wanted) return 0n
  const [funds, price] = await Promise.all([chain.funds({ signal }), chain.price({ signal })])
  const { fundedUntil = rail.fundedUntil, ratePerEpoch, wallet, symbol, decimals } = funds
  if (fundedUntil >= wanted) return 0n
  // One epoch more than the difference: the contract drops what does not fill a whole one.
  const missing = (wanted - fundedUntil + 1n) * ratePerEpoch
  if (missing <= 0n) return 0n
  assertWithin(limits, funds, ratePerEpoch * price.epochsPerMonth, `data set ${dataSetId} renewed`)
  if (wallet < missing)
    throw new VaultError(
      'exhausted',
      limits.id,
      `storage until ${until.toISOString().slice(0, 10)} needs a deposit of ${shownUp(missing, decimals)} ${symbol} more, and wallet ${chain.payer} has ${shownDown(wallet, decimals)} ${symbol}; send it ${shownUp(missing - wallet, decimals)} ${symbol} more`,
    )
  return missing
}
