/** What a pack would cost in a month. */
import type { AbortOptions, Quote } from '../../contracts.ts'
import { decimalOf } from './amount.ts'
import { monthly } from './money.ts'
import type { ChainReader } from './port.ts'

/** Exact, by the price of now. A payer without a data set of ours pays the least price of one at least. */
export async function quoteOf(
  chain: Pick<ChainReader, 'price' | 'funds' | 'dataSets'>,
  byteLength: number,
  { signal }: AbortOptions = {},
): Promise<Quote> {
  const [price, { symbol, decimals }, sets] = await Promise.all([
    chain.price({ signal }),
    chain.funds({ signal }),
    chain.dataSets({ signal }),
  ])
  const isNewDataSet = !sets.some(({ endEpoch, metadata }) => endEpoch === 0n && metadata.source === 'perdure')
  return { amount: decimalOf(monthly(price, byteLength, { isNewDataSet }), decimals), currency: symbol, per: 'month' }
}
