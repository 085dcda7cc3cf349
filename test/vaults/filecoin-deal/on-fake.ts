/** A vault that watches one claim and one deal on a fake Lotus node, both sound unless the test makes them otherwise. */
import { onTestFinished } from 'vitest'
import { pieceOf } from '../../../src/commp.ts'
import { samplePack } from '../../../src/conformance/fixture.ts'
import type { Pack, Vault } from '../../../src/contracts.ts'
import { type FilecoinDeal, type FilecoinDealOptions, filecoinDeal } from '../../../src/vaults/filecoin-deal.ts'
import { type FakeLotus, fakeLotus, GENESIS } from '../../fakes/lotus.ts'

export const PROVIDER = 'f01234'
export const CLAIM = 5
export const DEAL = 99
export const SECTOR = 7
export const EPOCHS_A_DAY = 2880

export interface Watched {
  readonly lotus: FakeLotus
  readonly pack: Pack
  readonly listed: { readonly claim: FilecoinDeal; readonly deal: FilecoinDeal }
  readonly piece: { readonly v1: string; readonly v2: string; readonly size: number }
  readonly vaultOf: (options?: Partial<FilecoinDealOptions>) => Vault
  /** Milliseconds since 1970 of an epoch. */
  readonly dateOf: (epoch: number) => number
}

export const inDays = ({ epoch }: FakeLotus, days: number): number => epoch + days * EPOCHS_A_DAY

/** Puts a claim and a deal for a piece on the chain, in one sector. */
export function onChain(lotus: FakeLotus, { v1, size }: { readonly v1: string; readonly size: number }, days = 400): void {
  const start = inDays(lotus, -100)
  const number = Number(PROVIDER.slice(2))
  const term = inDays(lotus, days) - start
  const claim = {
    Provider: number,
    Client: 1001,
    Data: { '/': v1 },
    Size: size,
    TermMin: 518_400,
    TermMax: term,
    TermStart: start,
    Sector: SECTOR,
  }
  lotus.claims.set(`${PROVIDER}/${CLAIM}`, claim)
  const deal = { pieceCid: v1, pieceSize: size, provider: PROVIDER, startEpoch: start, endEpoch: start + term, sector: SECTOR }
  lotus.deals.set(DEAL, deal)
  lotus.sectors.set(`${PROVIDER}/${SECTOR}`, { activation: start, expiration: start + term, state: 'active' })
}

export async function pieceIn(pack: Pack): Promise<Watched['piece']> {
  const { v1, v2, pieceByteLength } = await pieceOf(pack.open())
  return { v1: v1.toString(), v2: v2.toString(), size: pieceByteLength }
}

export async function watched(): Promise<Watched> {
  const lotus = await fakeLotus()
  onTestFinished(() => lotus[Symbol.asyncDispose]())
  const pack = await samplePack({ seed: 'deal' })
  const piece = await pieceIn(pack)
  onChain(lotus, piece)
  const dateOf = (epoch: number) => (GENESIS + 30 * epoch) * 1000
  const clock = () => dateOf(lotus.epoch) + 1000
  const own = { pack: pack.name.toString(), pieceCid: piece.v1, byteLength: pack.byteLength }
  const listed = { claim: { ...own, claim: { provider: PROVIDER, id: CLAIM } }, deal: { ...own, deal: { id: DEAL } } }
  const vaultOf = (options: Partial<FilecoinDealOptions> = {}) =>
    filecoinDeal({ rpc: lotus.url, deals: [listed.claim], clock, timeoutMs: 5_000, ...options })
  return { lotus, pack, listed, piece, vaultOf, dateOf }
}
