/** What a user says of a Filecoin vault, and what its steps make of it. */
import type { Chain } from '@filoz/synapse-core/chains'
import { pause, type Sleep } from '../../bytes/pause.ts'
import type { VaultPrices, VaultProfile } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { checkedPrices, vaultId } from '../profile.ts'
import { type PieceHasher, type PieceOf, pieceWith } from './piece.ts'

const DEFAULT_TIMEOUT_MS = 60_000
/** A block comes every 30 seconds, and a provider sends its transaction when it likes. */
const DEFAULT_COMMIT_MS = 15 * 60_000
const DEFAULT_LAG_MS = 10 * 60_000
const DEFAULT_HORIZON_DAYS = 30
const DEFAULT_TERM_DAYS = 60
/** What Fr32 leaves of one GiB, less than which no provider has to take. */
export const MOST_PIECE_BYTES = 1_065_353_216
const AMOUNT = /^\d{1,12}(?:\.\d{1,18})?$/

export interface FilecoinOptions {
  /** The payer's private key: 64 hexadecimal digits with or without 0x, or the path of a file that holds them. It signs, and never leaves this process. */
  readonly key: string
  /** JSON-RPC endpoint of a Filecoin node with the Ethereum API, e.g. `https://api.node.glif.io/rpc/v1`. */
  readonly rpc: string
  /** Default `mainnet`. A chain of your own is given as `@filoz/synapse-core/chains` describes one. */
  readonly chain?: 'mainnet' | 'calibration' | Chain | undefined
  /** Ids of providers in the registry, best first: no other is used. Default: all that the service approves, by price. */
  readonly providers?: readonly (string | number | bigint)[] | undefined
  /** A data set of this payer that pieces are added to; default: one of ours at the provider, else a new one. */
  readonly dataSet?: string | number | bigint | undefined
  /** Most that all that is stored in the payer's name may cost in a month, in USDFC, as a decimal number, e.g. `'2.5'`. Default: no limit but the deposit. */
  readonly maxPrice?: string | undefined
  /** Proofs count while the storage is paid for that long ahead, in days; default 30. */
  readonly horizonDays?: number | undefined
  /** How far ahead storage is kept paid for, in days; default 60. */
  readonly termDays?: number | undefined
  /** Default `filecoin`. */
  readonly id?: string | undefined
  /** Default `filecoin`. Two vaults at providers of unlike operators are told apart by it. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly prices?: VaultPrices | undefined
  /** At most and by default 1,065,353,216: the largest piece. */
  readonly maxPackBytes?: number | undefined
  /** For one answer, in milliseconds; default 60 000. */
  readonly timeoutMs?: number | undefined
  /** How long a put waits for its piece to be committed on the chain, in milliseconds; default 15 minutes. What is not is gone on with by the next put. */
  readonly commitTimeoutMs?: number | undefined
  /** A node whose newest block is older than that is not believed, in milliseconds; default 10 minutes. */
  readonly maxLagMs?: number | undefined
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds since 1970. */
  readonly clock?: (() => number) | undefined
  /** Waits between looks at the chain; default: a timer. */
  readonly wait?: Sleep | undefined
}

export interface Settings {
  readonly id: string
  readonly profile: VaultProfile
  readonly key: string
  readonly rpc: string
  readonly chain: 'mainnet' | 'calibration' | Chain
  readonly providers: readonly bigint[]
  readonly dataSet: bigint | undefined
  /** In whole USDFC, as it was written. */
  readonly maxPrice: string | undefined
  readonly horizonDays: number
  readonly timeoutMs: number
  readonly commitTimeoutMs: number
  readonly maxLagMs: number
  readonly fetch: typeof fetch
  readonly clock: () => number
  readonly wait: Sleep
  readonly newHasher: () => Promise<PieceHasher>
  readonly pieceOf: PieceOf
}

/** Fills in what was left out; throws `invalid` for what cannot be. The key is not read yet. */
export function settingsOf(options: FilecoinOptions, newHasher: Settings['newHasher']): Settings {
  const id = vaultId(options.id ?? 'filecoin')
  const { timeoutMs = DEFAULT_TIMEOUT_MS, commitTimeoutMs = DEFAULT_COMMIT_MS, maxLagMs = DEFAULT_LAG_MS } = options
  const {
    horizonDays = DEFAULT_HORIZON_DAYS,
    maxPackBytes = MOST_PIECE_BYTES,
    chain = 'mainnet',
    maxPrice,
    termDays = DEFAULT_TERM_DAYS,
  } = options
  if (typeof options.key !== 'string' || options.key === '')
    throw invalid(id, '`key` is missing; give the path of a file with the private key of the payer')
  for (const [name, ms] of Object.entries({ timeoutMs, commitTimeoutMs, maxLagMs }))
    if (!Number.isSafeInteger(ms) || ms <= 0) throw invalid(id, `${name} must be a positive number of milliseconds`)
  if (!(Number.isFinite(horizonDays) && horizonDays >= 0)) throw invalid(id, 'horizonDays must be a number of days, not negative')
  if (!(Number.isFinite(termDays) && termDays > 0)) throw invalid(id, 'termDays must be a positive number of days')
  if (!Number.isSafeInteger(maxPackBytes) || maxPackBytes <= 0 || maxPackBytes > MOST_PIECE_BYTES)
    throw invalid(id, `maxPackBytes must be a whole number up to ${MOST_PIECE_BYTES}, the largest piece`)
  if (maxPrice !== undefined && !(typeof maxPrice === 'string' && AMOUNT.test(maxPrice)))
    throw invalid(id, "maxPrice must be a sum of USDFC a month, a decimal number in quotes such as '2.5'")
  if (typeof chain === 'string' && chain !== 'mainnet' && chain !== 'calibration')
    throw invalid(id, `${JSON.stringify(chain)} is no chain; there are mainnet and calibration`)
  return {
    id,
    profile: profileOf(id, { ...options, maxPackBytes, termDays }),
    key: options.key,
    rpc: rpcOf(id, options.rpc),
    chain,
    providers: (options.providers ?? []).map((provider) => numberOf(id, 'providers', provider)),
    dataSet: options.dataSet === undefined ? undefined : numberOf(id, 'dataSet', options.dataSet),
    maxPrice,
    horizonDays,
    timeoutMs,
    commitTimeoutMs,
    maxLagMs,
    fetch: options.fetch ?? fetch,
    clock: options.clock ?? Date.now,
    wait: options.wait ?? pause,
    newHasher,
    pieceOf: pieceWith(newHasher),
  }
}

function rpcOf(id: string, text: string): string {
  const url = URL.parse(text ?? '')
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return url.href
  throw invalid(id, '`rpc` is no http(s) URL; give the JSON-RPC endpoint of a Filecoin node, e.g. https://api.node.glif.io/rpc/v1')
}

function numberOf(id: string, option: string, value: string | number | bigint): bigint {
  if (/^(0|[1-9]\d{0,29})$/.test(`${value}`)) return BigInt(value)
  throw invalid(id, `${option}: ${JSON.stringify(`${value}`).slice(0, 60)} is no number on the chain; give a whole number`)
}

function profileOf(id: string, options: FilecoinOptions): VaultProfile {
  const { operator = 'filecoin', region, jurisdiction, labels, maxPackBytes, termDays } = options
  return {
    id,
    network: 'filecoin',
    operator,
    region,
    jurisdiction,
    labels,
    maxPackBytes,
    term: 'renewable',
    termDays,
    canForget: false,
    paid: true,
    cold: false,
    prices: checkedPrices(id, options.prices),
    addressing: 'offset',
  }
}

const invalid = (id: string, message: string) => new VaultError('invalid', id, message)
