/** What a user says of a bucket, and what the steps of the vault make of it. */
import type { Clock, VaultPrices, VaultProfile } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { checkedPrices, vaultId } from '../profile.ts'
import { MAX_PART_BYTES, MIN_PART_BYTES } from './parts.ts'
import { S3_PRESETS, type S3Preset, type S3PresetName } from './presets.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** Object Lock for every pack that is put. */
export interface S3Lock {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE'
  /** Counted from each put; `renew` extends it. */
  readonly days: number
  readonly legalHold?: boolean | undefined
}

export interface S3Options {
  readonly bucket: string
  /** Default: the bucket's name. */
  readonly id?: string | undefined
  /** Default `us-east-1`, or that of the preset. */
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
  /** Comes before every key; a folder, so it ends in `/`, which is added when it is not there. Default: none. */
  readonly prefix?: string | undefined
  readonly preset?: S3PresetName | undefined
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
  readonly sessionToken?: string | undefined
  /** Asked for credentials, and again before they expire. Without this and without keys, the AWS credential chain is used. */
  readonly credentials?: (() => Promise<S3Credentials>) | undefined
  /** `endpoint/bucket` instead of `bucket.endpoint`; default true when there is an endpoint. */
  readonly pathStyle?: boolean | undefined
  readonly network?: string | undefined
  readonly operator?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Of content packs, and of index packs unless it is one that freezes. */
  readonly storageClass?: string | undefined
  /** Byte reads need a restore first; default: true for the storage classes where that is so. */
  readonly cold?: boolean | undefined
  /** Bytes of one part of a large pack, default 8 MiB; grown so that 10,000 parts suffice. */
  readonly partBytes?: number | undefined
  /** Parts of one upload under way at a time, default 6; all uploads of the vault together hold one part more than that in memory. */
  readonly partsInFlight?: number | undefined
  readonly lock?: S3Lock | undefined
  readonly maxPackBytes?: number | undefined
  /** What the store asks for, for estimates, costs and limits: prices move, so none is built in. */
  readonly prices?: VaultPrices | undefined
  /** Certificate authority in PEM, where the store's is a private one. */
  readonly ca?: string | undefined
  /** URL of an HTTP proxy; needs Node 24.5 or later. */
  readonly proxy?: string | undefined
  /** Milliseconds without a byte before a request is given up, default 30,000. */
  readonly requestTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
}

/** The options with every default in place. */
export interface Settings {
  readonly options: S3Options
  readonly preset: S3Preset
  readonly id: string
  readonly prefix: string
  readonly region: string
  readonly endpoint: string | undefined
  readonly pathStyle: boolean
  readonly partBytes: number
  readonly partsInFlight: number
  readonly requestTimeoutMs: number
  readonly clock: Clock
}

const MIB = 1024 * 1024
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/

/** Are the bytes of objects in that class read only after a restore? Those of Glacier Instant Retrieval are read at once. */
export function freezes(storageClass: string | undefined): boolean {
  return storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE'
}

/** Fills in what was left out; throws `invalid` for what cannot be. */
export function settingsOf(options: S3Options): Settings {
  const preset = presetOf(options)
  const id = vaultId(options.id ?? slug(options.bucket))
  const region = options.region ?? preset.region ?? 'us-east-1'
  const endpoint = options.endpoint ?? preset.endpoint?.replace('{region}', region)
  const settings: Settings = {
    options,
    preset,
    id,
    prefix: prefixOf(options.prefix ?? ''),
    region,
    endpoint,
    pathStyle: options.pathStyle ?? preset.pathStyle ?? endpoint !== undefined,
    partBytes: options.partBytes ?? 8 * MIB,
    partsInFlight: options.partsInFlight ?? 6,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    clock: options.clock ?? Date.now,
  }
  check(settings)
  return settings
}

/** What the vault says of itself before it was opened. */
export function profileOf(settings: Settings): VaultProfile {
  const { options, preset, id, region, endpoint } = settings
  return {
    id,
    network: options.network ?? preset.network,
    operator: options.operator ?? preset.operator ?? (endpoint === undefined ? 'aws' : new URL(endpoint).hostname),
    region: options.region ?? (preset.operator === 'aws' ? region : undefined),
    jurisdiction: options.jurisdiction,
    labels: options.labels,
    term: options.lock ? 'renewable' : 'standing',
    termDays: options.lock?.days,
    canRetain: options.lock !== undefined,
    maxPackBytes: options.maxPackBytes,
    canForget: options.lock === undefined,
    paid: false,
    cold: options.cold ?? freezes(options.storageClass),
    partBytes: settings.partBytes,
    prices: checkedPrices(id, options.prices),
    addressing: 'offset',
  }
}

function presetOf({ preset, endpoint, bucket }: S3Options): S3Preset {
  if (preset === undefined) return endpoint === undefined ? S3_PRESETS.aws : { network: 's3', checksums: 'sha256', example: '' }
  if (Object.hasOwn(S3_PRESETS, preset)) return S3_PRESETS[preset]
  const names = Object.keys(S3_PRESETS).join(', ')
  throw new VaultError('invalid', slug(bucket), `there is no preset ${JSON.stringify(preset)}; known are ${names}`)
}

function check(settings: Settings): void {
  const { id, options, preset, endpoint, partBytes, partsInFlight, requestTimeoutMs } = settings
  const refuse = (why: string) => {
    throw new VaultError('invalid', id, why)
  }
  if (!BUCKET.test(options.bucket)) refuse(`${JSON.stringify(options.bucket)} is not the name of a bucket`)
  if (endpoint === undefined && preset !== S3_PRESETS.aws) refuse(`this preset needs an endpoint, e.g. ${preset.example}`)
  if (endpoint !== undefined && !isHttp(endpoint))
    refuse(`${JSON.stringify(endpoint)} is not an endpoint; give a URL such as https://s3.example.org`)
  if (options.proxy !== undefined && !isHttp(options.proxy))
    refuse('the proxy is not a URL; give one such as http://proxy.example.org:3128')
  if ((options.accessKeyId === undefined) !== (options.secretAccessKey === undefined))
    refuse('accessKeyId and secretAccessKey go together; give both or neither')
  if (!whole(partBytes, MIN_PART_BYTES, MAX_PART_BYTES))
    refuse(`partBytes must be a whole number from ${MIN_PART_BYTES} to ${MAX_PART_BYTES}`)
  if (!whole(partsInFlight, 1, 1000)) refuse('partsInFlight must be a whole number from 1 to 1000')
  if (!(requestTimeoutMs > 0)) refuse('requestTimeoutMs must be positive')
  if (options.lock && !whole(options.lock.days, 1, 36_500)) refuse('the days of a lock must be a whole number from 1 to 36500')
}

function prefixOf(prefix: string): string {
  const trimmed = prefix.replace(/^\/+/, '')
  return trimmed === '' || trimmed.endsWith('/') ? trimmed : `${trimmed}/`
}

function slug(bucket: string): string {
  const made = bucket
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return made === '' ? 's3' : made
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function whole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
