/** What Lotus says of the chain, each answer checked for its shape before it is believed. */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { bitsOf, hasBit } from './bitfield.ts'
import { ask, type LotusNode, type Question } from './lotus.ts'
import { pieceIdOf } from './piece.ts'

/** Identifies one state of the chain: everything is asked of the same. */
export type TipSet = readonly unknown[]

export interface Head {
  readonly epoch: number
  /** By its own block, in milliseconds since 1970. */
  readonly at: number
  readonly tipSet: TipSet
}

/** What a deal and a claim have in common. */
export interface Agreement {
  readonly provider: string
  readonly pieceCid: string
  readonly pieceByteLength: number
  /** Undefined: in none yet. */
  readonly sector: number | undefined
  readonly startEpoch: number
  readonly endEpoch: number
  readonly slashEpoch: number | undefined
}

export interface Sector {
  readonly number: number
  readonly activation: number
  readonly expiration: number
}

/** How a sector stands in the proofs of its provider; `gone`: terminated or expired. */
export type Proving = 'active' | 'faulty' | 'recovering' | 'new' | 'gone'

export interface Place extends AbortOptions {
  readonly tipSet: TipSet
}

export async function headOf(node: LotusNode, { signal }: AbortOptions = {}): Promise<Head> {
  const { Cids, Blocks, Height } = fields(node, 'ChainHead', await ask(node, { method: 'ChainHead', params: [], signal }))
  const [block] = Array.isArray(Blocks) ? Blocks : []
  const seconds = whole(node, 'ChainHead', fields(node, 'ChainHead', block).Timestamp)
  if (!Array.isArray(Cids) || Cids.length === 0) throw misshapen(node, 'ChainHead')
  return { epoch: whole(node, 'ChainHead', Height), at: seconds * 1000, tipSet: Cids }
}

/** Undefined: the chain has no such claim. */
export async function claimOf(node: LotusNode, provider: string, id: number, { tipSet, signal }: Place): Promise<Agreement | undefined> {
  const method = 'StateGetClaim'
  const answer = await ask(node, { method, params: [provider, id, tipSet], signal })
  if (answer === null) return undefined
  const claim = fields(node, method, answer)
  const startEpoch = whole(node, method, claim.TermStart)
  return {
    provider: `${provider.slice(0, 2)}${whole(node, method, claim.Provider)}`,
    pieceCid: linkOf(node, method, claim.Data),
    pieceByteLength: whole(node, method, claim.Size),
    sector: whole(node, method, claim.Sector),
    startEpoch,
    endEpoch: startEpoch + whole(node, method, claim.TermMax),
    slashEpoch: undefined,
  }
}

/** Undefined: the chain has no such deal (any more). Lotus answers that with an error, so this one sentence of it is known here. */
export async function dealOf(node: LotusNode, id: number, { tipSet, signal }: Place): Promise<Agreement | undefined> {
  const method = 'StateMarketStorageDeal'
  const none = new RegExp(`(?:^|: )deal ${id} not found\\b`)
  const answer = await ask(node, { method, params: [id, tipSet], isAbsence: (message) => none.test(message), signal })
  if (answer === null) return undefined
  const { Proposal, State } = fields(node, method, answer)
  const [proposal, state] = [fields(node, method, Proposal), fields(node, method, State)]
  const begun = whole(node, method, state.SectorStartEpoch, -1) >= 0
  const slashEpoch = whole(node, method, state.SlashEpoch, -1)
  return {
    provider: addressOf(node, method, proposal.Provider),
    pieceCid: linkOf(node, method, proposal.PieceCID),
    pieceByteLength: whole(node, method, proposal.PieceSize),
    sector: begun ? whole(node, method, state.SectorNumber) : undefined,
    startEpoch: whole(node, method, proposal.StartEpoch),
    endEpoch: whole(node, method, proposal.EndEpoch),
    slashEpoch: slashEpoch < 0 ? undefined : slashEpoch,
  }
}

/** Undefined: the provider has no such sector. */
export async function sectorOf(node: LotusNode, provider: string, number: number, { tipSet, signal }: Place): Promise<Sector | undefined> {
  const method = 'StateSectorGetInfo'
  const answer = await ask(node, { method, params: [provider, number, tipSet], signal })
  if (answer === null) return undefined
  const { SectorNumber, Activation, Expiration } = fields(node, method, answer)
  if (SectorNumber !== number) throw misshapen(node, method)
  return { number, activation: whole(node, method, Activation), expiration: whole(node, method, Expiration) }
}

/** The sector in its partition. Terminated sectors stay known to `StateSectorGetInfo` for long, and `StateMinerFaults` does not name them. */
export async function provingOf(node: LotusNode, provider: string, number: number, place: Place): Promise<Proving> {
  const { tipSet, signal } = place
  const location = await asked(node, { method: 'StateSectorPartition', params: [provider, number, tipSet], signal })
  const deadline = whole(node, 'StateSectorPartition', location.Deadline)
  const index = whole(node, 'StateSectorPartition', location.Partition)
  const method = 'StateMinerPartitions'
  const answer = await ask(node, { method, params: [provider, deadline, tipSet], signal })
  const partition = fields(node, method, Array.isArray(answer) ? answer[index] : undefined)
  const has = (name: string) => {
    const runs = bitsOf(partition[name])
    if (!runs) throw misshapen(node, method)
    return hasBit(runs, number)
  }
  if (!has('AllSectors')) throw misshapen(node, method)
  if (!has('LiveSectors')) return 'gone'
  if (has('RecoveringSectors')) return 'recovering'
  if (has('FaultySectors')) return 'faulty'
  return has('ActiveSectors') ? 'active' : 'new'
}

type Fields = Readonly<Record<string, unknown>>

const asked = async (node: LotusNode, question: Question): Promise<Fields> => fields(node, question.method, await ask(node, question))

function fields(node: LotusNode, method: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw misshapen(node, method)
  return { ...value }
}

function whole(node: LotusNode, method: string, value: unknown, least = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) throw misshapen(node, method)
  return value
}

function linkOf(node: LotusNode, method: string, value: unknown): string {
  const link = fields(node, method, value)['/']
  if (typeof link !== 'string' || !pieceIdOf(link)) throw misshapen(node, method)
  return link
}

function addressOf(node: LotusNode, method: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[ft]0\d{1,19}$/.test(value)) throw misshapen(node, method)
  return value
}

const misshapen = ({ id, host }: LotusNode, method: string) =>
  new VaultError(
    'unreachable',
    id,
    `${method}: ${host} answers with another shape than Lotus does; nothing is taken from it, try another node`,
  )
