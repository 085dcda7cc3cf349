/** The vault types a configuration may name. A new network is one entry here; its module is loaded only when it is used. */
import { readFile } from 'node:fs/promises'
import type { Vault } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import type { ArweaveOptions } from '../vaults/arweave.ts'
import type { DirectoryOptions } from '../vaults/directory.ts'
import type { FilecoinOptions } from '../vaults/filecoin.ts'
import type { FilecoinDealOptions } from '../vaults/filecoin-deal.ts'
import type { KuboOptions } from '../vaults/ipfs/kubo.ts'
import type { PinningServiceOptions } from '../vaults/ipfs/pinning-service.ts'
import type { MemoryOptions } from '../vaults/memory.ts'
import type { S3Options } from '../vaults/s3.ts'
import { checkObject, type Kind, type Shape } from './check.ts'

export interface VaultType {
  readonly shape: Shape
  readonly required: readonly string[]
  /** Takes options that were checked against `shape`. */
  readonly make: (options: Readonly<Record<string, unknown>>) => Promise<Vault>
}

const place = { id: 'string', network: 'string', operator: 'string', region: 'string', jurisdiction: 'string', labels: 'record' } as const
const size = { maxPackBytes: 'number', prices: 'object' } as const
const traits = {
  term: 'string',
  termDays: 'number',
  partBytes: 'number',
  canForget: 'boolean',
  paid: 'boolean',
  cold: 'boolean',
  addressing: 'string',
} as const

/** What an S3 vault is told in a file: no functions, and the certificate as a file of its own. */
type S3Spec = Omit<S3Options, 'credentials' | 'clock' | 'ca'> & { readonly caFile?: string | undefined }

const s3Shape = {
  bucket: 'string',
  endpoint: 'string',
  prefix: 'string',
  preset: 'string',
  pathStyle: 'boolean',
  accessKeyId: 'string',
  secretAccessKey: 'string',
  sessionToken: 'string',
  caFile: 'path',
  proxy: 'string',
  storageClass: 'string',
  cold: 'boolean',
  lock: 'object',
  partBytes: 'number',
  partsInFlight: 'number',
  requestTimeoutMs: 'number',
} as const
const { network: _, ...placeInNetwork } = place
/** What a pinning service is told in a file: addresses, and no functions. */
type PinningSpec = Omit<PinningServiceOptions, 'gateway' | 'node' | 'fetch' | 'wait'> & { readonly gateway?: string | undefined }

const pinningShape = {
  preset: 'string',
  endpoint: 'string',
  token: 'string',
  gateway: 'string',
  onlyIfCached: 'string',
  pushUrl: 'string',
  origins: 'array',
  listen: 'array',
  delegates: 'array',
  paid: 'boolean',
  allowPrivate: 'boolean',
  patienceMs: 'number',
} as const
/** What an Arweave vault is told in a file: the wallet as a file of its own, and no functions. */
type ArweaveSpec = Omit<ArweaveOptions, 'key' | 'maxPrice' | 'fetch' | 'clock' | 'wait'> & {
  readonly key: string
  readonly maxPrice?: string | undefined
}

const arweaveShape = {
  key: 'path',
  gateways: 'array',
  bundler: 'object',
  maxPrice: 'string',
  marginPercent: 'number',
  chunksInFlight: 'number',
  timeoutMs: 'number',
} as const
/** What a Filecoin vault is told in a file: the payer's key as a file of its own, a chain that is known, and no functions. */
type FilecoinSpec = Omit<FilecoinOptions, 'chain' | 'dataSet' | 'fetch' | 'clock' | 'wait'> & {
  readonly chain?: 'mainnet' | 'calibration' | undefined
  readonly dataSet?: string | undefined
}

const filecoinShape = {
  key: 'path',
  rpc: 'string',
  chain: 'string',
  providers: 'array',
  dataSet: 'string',
  maxPrice: 'string',
  termDays: 'number',
  horizonDays: 'number',
  timeoutMs: 'number',
  commitTimeoutMs: 'number',
  maxLagMs: 'number',
} as const
/** What a watcher of Filecoin deals is told in a file: the list of deals as a file of its own, which may grow while it runs. */
type FilecoinDealSpec = Omit<FilecoinDealOptions, 'deals' | 'fetch' | 'clock'> & { readonly deals: string }

const filecoinDealShape = {
  rpc: 'string',
  token: 'string',
  deals: 'path',
  horizonDays: 'number',
  termDays: 'number',
  maxLagMs: 'number',
  genesis: 'number',
  timeoutMs: 'number',
} as const
const bundlerShape: Shape = { url: 'string', payment: 'string', upToBytes: 'number' }
const lockShape: Shape = { mode: 'string', days: 'number', legalHold: 'boolean' }

const authShape: Shape = { bearer: 'string', basic: 'string' }

export const VAULT_TYPES: Readonly<Record<string, VaultType>> = {
  directory: vaultType<DirectoryOptions>(
    { at: 'path', ...place, ...size, readOnlyFiles: 'boolean', reserveBytes: 'number', mustExist: 'boolean' },
    ['at'],
    async (options) => (await import('../vaults/directory.ts')).directory(options),
  ),
  memory: vaultType<Omit<MemoryOptions, 'store'>>({ ...place, ...size, ...traits }, [], async (options) =>
    (await import('../vaults/memory.ts')).memory(options),
  ),
  s3: vaultType<S3Spec>({ ...place, ...size, ...s3Shape }, ['bucket'], async ({ caFile, ...options }) => {
    // A mistyped key in it would be a pack that anybody may delete.
    if (options.lock !== undefined) checkObject(options.lock, lockShape, { at: 'lock', folder: '' })
    const ca = caFile === undefined ? undefined : await certificate(caFile)
    return (await import('../vaults/s3.ts')).s3({ ...options, ca })
  }),
  pinning: vaultType<PinningSpec>({ ...placeInNetwork, ...size, ...pinningShape }, ['token'], async (options) => {
    for (const key of ['origins', 'listen', 'delegates'] as const) assertTexts(key, options[key])
    return (await import('../vaults/ipfs/pinning-service.ts')).pinningService(options)
  }),
  arweave: vaultType<ArweaveSpec>({ ...placeInNetwork, ...size, ...arweaveShape }, ['key', 'gateways'], async (options) => {
    if (options.bundler !== undefined) checkObject(options.bundler, bundlerShape, { at: 'bundler', folder: '' })
    assertTexts('gateways', options.gateways, 'origin')
    return (await import('../vaults/arweave.ts')).arweave(options)
  }),
  filecoin: vaultType<FilecoinSpec>({ ...placeInNetwork, ...size, ...filecoinShape }, ['key', 'rpc'], async (options) => {
    const [{ filecoinVault }, { createPieceHasher }] = await Promise.all([
      import('../vaults/filecoin.ts'),
      import('../format/commp-native.ts'),
    ])
    return filecoinVault(options, createPieceHasher)
  }),
  'filecoin-deal': vaultType<FilecoinDealSpec>(
    { ...placeInNetwork, prices: 'object', ...filecoinDealShape },
    ['rpc', 'deals'],
    async (options) => (await import('../vaults/filecoin-deal.ts')).filecoinDeal(options),
  ),
  kubo: vaultType<Omit<KuboOptions, 'fetch'>>(
    {
      api: 'string',
      gateway: 'string',
      ...placeInNetwork,
      prices: 'object',
      auth: 'object',
      allowPrivate: 'boolean',
      provide: 'boolean',
      timeoutMs: 'number',
    },
    ['api'],
    async (options) => {
      if (options.auth !== undefined) checkObject(options.auth, authShape, { at: 'auth', folder: '' })
      return (await import('../vaults/ipfs/kubo.ts')).kubo(options)
    },
  ),
}

/** Lists are checked here: of their items a shape says nothing. */
function assertTexts(key: string, items: readonly unknown[] | undefined, each = 'multiaddr'): void {
  if (items?.some((item) => typeof item !== 'string')) throw new ConfigError('invalid', `${key} must be a list of ${each}s, each a text`)
}

async function certificate(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConfigError('not-found', `the certificate ${path} of an S3 vault cannot be read; check caFile`, { cause })
  }
}

/** Holds the registry to the factory's own options: an option that the factory gains or loses is a type error here. */
function vaultType<Options>(
  shape: Readonly<Record<keyof Options & string, Kind>>,
  required: readonly (keyof Options & string)[],
  make: (options: Options) => Promise<Vault>,
): VaultType {
  return { shape, required, make: (options) => make(options as Options) }
}
