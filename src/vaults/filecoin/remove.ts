/** Giving a piece up: it stays, and is paid for, until its proving period ends. */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { apiOf, type Dealing, providerOf } from './dealing.ts'
import type { At } from './locator.ts'
import type { Hex } from './port.ts'
import { status } from './status.ts'

const POLL_MS = 5_000

type Removing = Pick<Dealing, 'reader' | 'writer'> & {
  readonly settings: Dealing['settings']
}
type Piece = Pick<At, 'dataSetId' | 'pieceId' | 'cid'>

/** Resolves when the chain shows that it is to go, or that it is not there. Only the provider can be told, so one that is gone keeps it. */
export async function remove(removing: Removing, piece: Piece, { signal }: AbortOptions = {}): Promise<void> {
  const { reader, writer, settings } = removing
  const { id } = settings
  const { dataSetId, pieceId } = piece
  if ((await status(reader, piece, { signal })) === 'absent') return
  const set = await reader.dataSet(dataSetId, { signal })
  if (!set) return
  if (set.payer.toLowerCase() !== reader.payer.toLowerCase())
    throw new VaultError('denied', id, `data set ${dataSetId} is paid for by ${set.payer}; only that key removes pieces from it`)
  const provider = await providerOf(reader, set.providerId, { signal })
  if (!provider)
    throw new VaultError(
      'unsupported',
      id,
      `provider ${set.providerId} is not in the registry any more, and pieces go only through it; terminate data set ${dataSetId} to end what it costs`,
    )
  const extraData = await writer.signRemoval({ clientDataSetId: set.clientDataSetId, pieceIds: [pieceId] })
  const txHash = await apiOf(removing, provider.url).scheduleRemoval({ dataSetId, pieceId, extraData, signal })
  if (txHash === undefined)
    throw new VaultError(
      'unsupported',
      id,
      `provider ${provider.id} knows of no piece ${pieceId} in data set ${dataSetId}, and the chain has it; terminate the data set to end what it costs`,
    )
  await scheduled(removing, piece, txHash, { signal })
}

async function scheduled({ reader, settings }: Removing, piece: Piece, txHash: Hex, { signal }: AbortOptions): Promise<void> {
  const { id, wait, commitTimeoutMs } = settings
  for (let waited = 0; ; waited += POLL_MS) {
    const outcome = await reader.transaction(txHash, { signal })
    if ((await status(reader, piece, { signal })) === 'absent') return
    if (outcome === 'reverted')
      throw new VaultError(
        'invalid',
        id,
        `transaction ${txHash}, which was to remove piece ${piece.pieceId}, was refused by the chain; try again`,
      )
    if (waited >= commitTimeoutMs)
      throw new VaultError('unreachable', id, `the chain does not show yet that piece ${piece.pieceId} is to go; try again later`)
    await wait(POLL_MS, { signal })
  }
}
