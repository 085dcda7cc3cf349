/** Where a pack lies by a deal: `claim:f01234:5:baga…:4194304` is provider, claim, piece and length of the pack; `deal:99:baga…:4194304` a deal of the market. */
import type { Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { type PieceId, pieceIdOf } from './piece.ts'

interface Of {
  /** As it was listed. */
  readonly pieceCid: string
  readonly piece: PieceId
  /** Of the pack. */
  readonly byteLength: number
}

export type At =
  | (Of & { readonly kind: 'claim'; readonly provider: string; readonly id: number })
  | (Of & { readonly kind: 'deal'; readonly id: number })

export function locatorOf(at: At): Locator {
  const head = at.kind === 'claim' ? `claim:${at.provider}:${at.id}` : `deal:${at.id}`
  return `${head}:${at.pieceCid}:${at.byteLength}`
}

const TEXT = /^(?:claim:([ft]0\d{1,19}):(\d{1,15})|deal:(\d{1,15})):([a-z0-9]{20,120}):(\d{1,15})$/

/** Throws `invalid` for what this vault never issued. */
export function parseLocator(vault: string, text: Locator): At {
  const [, provider, claim, deal, pieceCid = '', length] = TEXT.exec(text) ?? []
  const piece = pieceIdOf(pieceCid)
  if (!piece) throw new VaultError('invalid', vault, `${JSON.stringify(text)} is not a locator of this vault; it belongs to another one`)
  const of = { pieceCid, piece, byteLength: Number(length) }
  return provider === undefined ? { kind: 'deal', id: Number(deal), ...of } : { kind: 'claim', provider, id: Number(claim), ...of }
}

/** In the words of a sentence. */
export const nameOf = (at: At): string => (at.kind === 'claim' ? `claim ${at.id} of ${at.provider}` : `deal ${at.id}`)
