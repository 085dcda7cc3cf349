/** Data sets of ours, and where in them a piece stands that is to stay. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../contracts.ts'
import { isOurs } from './metadata.ts'
import type { ChainReader, DataSet, Placed } from './port.ts'

export interface InChain {
  readonly reader: ChainReader
  /** Of one that the user named, ours whatever its metadata say. */
  readonly settings: { readonly dataSet: bigint | undefined }
}

/** Those that serve still: a terminated one does until its end. The oldest first. */
export async function ourSets({ reader, settings }: InChain, { signal }: AbortOptions = {}): Promise<readonly DataSet[]> {
  const [sets, { number }] = await Promise.all([reader.dataSets({ signal }), reader.epoch({ signal })])
  return sets
    .filter(({ id, metadata, endEpoch }) => (isOurs(metadata) || id === settings.dataSet) && (endEpoch === 0n || endEpoch > number))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
}

/** A piece, and whose data set it is in. */
export interface Stands extends Placed {
  readonly set: DataSet
}

/** Pieces with that CID in data sets that go on and that are not to be removed; never one of a data set that was terminated. */
export async function standing(chain: InChain, cid: CID, { signal }: AbortOptions = {}): Promise<readonly Stands[]> {
  const found: Stands[] = []
  for (const set of await ourSets(chain, { signal })) {
    if (set.endEpoch !== 0n) continue
    const pieceIds = await chain.reader.find(set.id, cid, { signal })
    const kept = await unscheduled(chain.reader, set.id, pieceIds, { signal })
    found.push(...kept.map((pieceId) => ({ dataSetId: set.id, pieceId, cid, set })))
  }
  return found
}

/** Without those that go with the end of the proving period. */
export async function unscheduled(
  reader: ChainReader,
  dataSetId: bigint,
  pieceIds: readonly bigint[],
  { signal }: AbortOptions = {},
): Promise<readonly bigint[]> {
  if (pieceIds.length === 0) return pieceIds
  const { scheduledRemovals } = await reader.proofState(dataSetId, [], { signal })
  return pieceIds.filter((id) => !scheduledRemovals.has(id))
}
