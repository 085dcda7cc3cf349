/** What a put remembers across a crash: what was signed, durable before a provider hears of it, so that it is never signed for a second payment. */
import type { VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { Hex } from './port.ts'

const VERSION = 1

export type Charge = Parameters<NonNullable<VaultPutOptions['onCharge']>>[0]

export interface Spot {
  readonly dataSetId: bigint
  readonly pieceId: bigint
}

/** Signed; sent by a provider, by its own word; seen on the chain; and what it replaces is let go. */
export type Step = 'signed' | 'posted' | 'committed' | 'replaced'

export interface DealState {
  readonly step: Step
  readonly chainId: number
  readonly providerId: bigint
  readonly url: string
  /** Piece CID v2. */
  readonly pieceCid: string
  /** Of the data set that it is added to, or that is created for it. */
  readonly clientDataSetId: bigint
  /** The chain takes each once of a payer, in whatever data set: what is signed anew for the same pack keeps it, and only one of all can be committed. */
  readonly nonce: bigint
  /** Absent: one is created. */
  readonly dataSetId?: bigint | undefined
  readonly extraData: Hex
  readonly txHash?: Hex | undefined
  readonly replace: boolean
  /** Stood in the chain before a replacement began. */
  readonly replaces: readonly Spot[]
  /** Told when it is committed. */
  readonly charge?: Charge | undefined
}

export const encodeState = (state: DealState): Uint8Array =>
  Buffer.from(JSON.stringify({ version: VERSION, ...state }, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)))

/** Throws `invalid` for what another version left: paying anew might be paying twice. */
export function decodeState(vault: string, bytes: Uint8Array): DealState {
  const state = stateIn(parsed(bytes))
  if (state) return state
  throw new VaultError(
    'invalid',
    vault,
    'the memory of a put that was interrupted cannot be read, and nothing was paid; it may be from a newer perdure: update, and put again',
  )
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    // Told by the caller, with what to do.
    return undefined
  }
}

const STEPS: readonly Step[] = ['signed', 'posted', 'committed', 'replaced']

function stateIn(value: Readonly<Record<string, unknown>> | undefined): DealState | undefined {
  if (value?.version !== VERSION) return undefined
  const { chainId, url, pieceCid, extraData, txHash, replace } = value
  const step = STEPS.find((known) => known === value.step)
  const [providerId, clientDataSetId, nonce] = [value.providerId, value.clientDataSetId, value.nonce].map(numberIn)
  const dataSetId = numberIn(value.dataSetId)
  const replaces = spotsIn(value.replaces)
  const charge = chargeIn(value.charge)
  if (!step || providerId === undefined || clientDataSetId === undefined || nonce === undefined || !replaces) return undefined
  if (!Number.isSafeInteger(chainId) || typeof url !== 'string' || typeof pieceCid !== 'string' || typeof replace !== 'boolean')
    return undefined
  if (!isHex(extraData) || (txHash !== undefined && !isHex(txHash)) || charge === null) return undefined
  if (value.dataSetId !== undefined && dataSetId === undefined) return undefined
  const known = { step, chainId: Number(chainId), providerId, url, pieceCid, clientDataSetId, nonce, dataSetId, extraData, txHash }
  return { ...known, replace, replaces, charge }
}

const isHex = (value: unknown): value is Hex => typeof value === 'string' && /^0x(?:[0-9a-fA-F]{2})+$/.test(value)
const numberIn = (value: unknown): bigint | undefined =>
  typeof value === 'string' && /^(?:0|[1-9]\d{0,77})$/.test(value) ? BigInt(value) : undefined

function spotsIn(value: unknown): readonly Spot[] | undefined {
  if (!Array.isArray(value)) return undefined
  const spots: Spot[] = []
  for (const one of value as readonly (Record<string, unknown> | null)[]) {
    const dataSetId = numberIn(one?.dataSetId)
    const pieceId = numberIn(one?.pieceId)
    if (dataSetId === undefined || pieceId === undefined) return undefined
    spots.push({ dataSetId, pieceId })
  }
  return spots
}

/** Null: there is something, and it is no charge. */
function chargeIn(value: unknown): Charge | undefined | null {
  if (value === undefined) return undefined
  if (typeof value !== 'object' || value === null) return null
  const { amount, currency, detail } = value as Readonly<Record<string, unknown>>
  if (typeof amount !== 'string' || typeof currency !== 'string' || (detail !== undefined && typeof detail !== 'string')) return null
  return { amount, currency, ...(detail !== undefined && { detail }) }
}
