/** Where a pack lies on Filecoin: `314:12:3:bafkzcib…:4194304` is chain, data set, piece, piece CID v2 and length of the pack in bytes. */
import { CID } from 'multiformats/cid'
import type { Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'

export interface At {
  readonly chainId: number
  readonly dataSetId: bigint
  readonly pieceId: bigint
  /** Piece CID v2. */
  readonly cid: CID
  readonly byteLength: number
}

const TEXT = /^([1-9]\d{0,9}):(0|[1-9]\d{0,29}):(0|[1-9]\d{0,29}):(baf[a-z2-7]{20,100}):([1-9]\d{0,15})$/

export function locatorOf({ chainId, dataSetId, pieceId, cid, byteLength }: At): Locator {
  return `${chainId}:${dataSetId}:${pieceId}:${cid}:${byteLength}`
}

/** Throws `invalid` for what this vault never issued, and for what it issued on another chain. */
export function parseLocator(vault: string, chainId: number, at: Locator): At {
  const [, chain, dataSetId = '', pieceId = '', cid = '', byteLength] = TEXT.exec(at) ?? []
  if (cid === '') throw new VaultError('invalid', vault, `${JSON.stringify(at)} is not a locator of this vault; it belongs to another one`)
  if (Number(chain) !== chainId)
    throw new VaultError('invalid', vault, `${at} lies on chain ${chain}, and this vault speaks to chain ${chainId}; open it with that one`)
  return { chainId, dataSetId: BigInt(dataSetId), pieceId: BigInt(pieceId), cid: CID.parse(cid), byteLength: Number(byteLength) }
}
