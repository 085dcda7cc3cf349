/** Until when a piece is paid for, by the chain. */
import type { AbortOptions, Retention } from '../../contracts.ts'
import type { At } from './locator.ts'
import { momentOf } from './money.ts'
import type { ChainReader } from './port.ts'

/** Undefined where nothing is being spent, and where there is nothing that could be. */
export async function paidUntil(
  reader: Pick<ChainReader, 'proofState'>,
  { dataSetId }: Pick<At, 'dataSetId'>,
  { signal }: AbortOptions = {},
): Promise<Retention | undefined> {
  const { isLive, endEpoch, rail, epoch } = await reader.proofState(dataSetId, [], { signal })
  const ends = [endEpoch, rail.endEpoch].filter((end) => end !== 0n)
  if (rail.fundedUntil !== undefined) ends.push(rail.fundedUntil)
  const [first] = ends.toSorted((one, other) => (one < other ? -1 : 1))
  return isLive && first !== undefined ? { until: new Date(momentOf(first, epoch)) } : undefined
}
