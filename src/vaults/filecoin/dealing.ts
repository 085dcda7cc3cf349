/** What a put works with, and one put of it. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Journal, Pack, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { Turns } from '../turns.ts'
import type { Settings } from './options.ts'
import type { ChainReader, ChainWriter, Provider } from './port.ts'
import { type ProviderApi, providerApi } from './provider.ts'
import { type Charge, type DealState, encodeState } from './state.ts'

/** Throws `exhausted` where the payer's money, or what the service may take of it, does not do for so many bytes more. */
export type Afford = (byteLength: number, options: AbortOptions & { readonly isNewDataSet: boolean }) => Promise<void>

export interface Dealing {
  readonly settings: Pick<
    Settings,
    'id' | 'profile' | 'providers' | 'dataSet' | 'timeoutMs' | 'commitTimeoutMs' | 'fetch' | 'wait' | 'pieceOf'
  >
  readonly reader: ChainReader
  readonly writer: ChainWriter
  /** Asked before bytes are sent, and before anything is signed or posted. */
  readonly afford: Afford
  /** Of one vault: two data sets are not opened at one provider where one will do. */
  readonly turns: Turns
  /** Of what a provider was asked, how much it did, from 0 to 1. */
  readonly scoreOf?: ((providerId: bigint) => number | undefined) | undefined
  /** What such a commit takes once, told when it is there; default: nothing, as storage is paid by the epoch. */
  readonly chargeOf?: ((options: AbortOptions & { readonly isNewDataSet: boolean }) => Promise<Charge | undefined>) | undefined
}

export type DealOptions = VaultPutOptions & { readonly journal: Journal }

export interface Put extends AbortOptions {
  readonly dealing: Dealing
  readonly pack: Pack
  /** Piece CID v2 of the pack as it is uploaded. */
  readonly cid: CID
  readonly options: DealOptions
}

export const apiOf = ({ settings }: Pick<Dealing, 'settings'>, url: string): ProviderApi => providerApi(settings.id, url, settings)

export const save = ({ options }: Put, state: DealState): Promise<void> => options.journal.save(encodeState(state))

/** 256 bits. */
export function randomBits(): bigint {
  const hex = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
  return BigInt(`0x${hex}`)
}

/** What a provider gave, or how it failed: another one may do. */
export type Tried<T> = { readonly value: T } | { readonly trouble: VaultError }

/** `damaged` is what a pack says of its own body, and no fault of a provider. */
export async function tried<T>(work: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await work() }
  } catch (error) {
    if (error instanceof VaultError && error.code !== 'damaged') return { trouble: error }
    throw error
  }
}

/** As the registry has it. */
export async function providerOf(reader: ChainReader, id: bigint, { signal }: AbortOptions = {}): Promise<Provider | undefined> {
  return (await reader.providers({ signal })).find((provider) => provider.id === id)
}
