/** Reads `perdure.json`: variables filled in, every key known, paths relative to the file's own folder. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { ArchiveConfig } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { formOf, isIdentityForm } from '../format/key-form.ts'
import { checkObject, type Shape } from './check.ts'
import { checkHookSpecs, type HookSpec } from './hook-specs.ts'
import { interpolate } from './interpolate.ts'
import { nearest } from './nearest.ts'
import { VAULT_TYPES } from './vault-types.ts'

export const DEFAULT_CONFIG_FILE = 'perdure.json'

/** One vault of the configuration, checked and not yet made. */
export interface VaultSpec {
  readonly type: string
  readonly options: Readonly<Record<string, unknown>>
  readonly limit?: { readonly concurrency?: number; readonly bytesPerSecond?: number } | undefined
  readonly readOnly: boolean
}

export interface LoadedConfig {
  /** Absent when there is no file and the embedded default is used. */
  readonly file?: string | undefined
  readonly archive: Omit<ArchiveConfig, 'vaults' | 'recipients' | 'identities' | 'hooks'>
  /** `age1…`, or `@` and the absolute path of a file of them. */
  readonly recipients?: readonly string[] | undefined
  /** Absolute paths of identity files. */
  readonly identities?: readonly string[] | undefined
  readonly hooks?: readonly HookSpec[] | undefined
  /** Absent: the embedded default, one directory vault inside the archive's own folder. */
  readonly vaults?: readonly VaultSpec[] | undefined
}

export interface LoadOptions {
  /** As given with `--config`: then it must exist. */
  readonly file?: string | undefined
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const TOP: Shape = {
  $schema: 'string',
  path: 'path',
  vaults: 'array',
  policy: 'object',
  audit: 'object',
  recipients: 'array',
  identities: 'array',
  profile: 'string',
  maxPackBytes: 'number',
  spoolBytes: 'number',
  timeoutMs: 'number',
  limits: 'object',
  hooks: 'array',
}
const POLICY: Shape = {
  copies: 'number',
  floor: 'number',
  distinct: 'object',
  evidence: 'object',
  overrides: 'object',
  graceDays: 'number',
  erasable: 'object',
}
const EVIDENCE: Shape = { accept: 'array', maxAgeDays: 'number' }
const ERASABLE: Shape = { copies: 'number', floor: 'number' }
const PRICES: Shape = {
  currency: 'string',
  storagePerGiBMonth: 'number',
  storagePerGiBOnce: 'number',
  egressPerGiB: 'number',
  writesPerThousand: 'number',
  readsPerThousand: 'number',
}
const AUDIT: Shape = { goal: 'object', budget: 'object' }
const GOAL: Shape = { confidence: 'number', loss: 'number', withinDays: 'number' }
const BUDGET: Shape = { bytes: 'number', money: 'object' }
const MONEY: Shape = { amount: 'number', currency: 'string' }
const LIMIT: Shape = { concurrency: 'number', bytesPerSecond: 'number' }

/** Throws ConfigError; no message holds a value of the file. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const file = resolve(options.cwd, options.file ?? DEFAULT_CONFIG_FILE)
  const text = await readConfig(file, options.file !== undefined)
  if (text === undefined) return { archive: { path: resolve(options.cwd, '.perdure') } }
  return { file, ...parseConfig(text, { file, env: options.env }) }
}

/** The text of a configuration as checked data. */
export function parseConfig(text: string, options: { readonly file: string; readonly env: LoadOptions['env'] }): LoadedConfig {
  const folder = dirname(options.file)
  const written = parseJson(text, options.file)
  const {
    $schema: _,
    vaults,
    recipients,
    identities,
    hooks,
    ...top
  } = checkObject(interpolate(written, options.env), TOP, { at: 'perdure.json', folder })
  if (top.profile !== undefined && top.profile !== 'unixfs-v1-2025' && top.profile !== 'unixfs-v0-2015') {
    throw new ConfigError('invalid', 'perdure.json.profile must be unixfs-v1-2025 or unixfs-v0-2015')
  }
  if (top.policy !== undefined) checkPolicy(top.policy, folder)
  if (top.audit !== undefined) checkAudit(top.audit, folder)
  const archive = { path: resolve(folder, '.perdure'), ...top } as LoadedConfig['archive']
  const others = {
    ...checkKeys({ recipients, identities }, folder),
    ...(Array.isArray(hooks) && { hooks: hooksOf(hooks, written, folder) }),
  }
  if (!Array.isArray(vaults)) return { archive, ...others }
  if (vaults.length === 0)
    throw new ConfigError('invalid', 'perdure.json.vaults is empty; name a vault, or leave the key out for the embedded default')
  return { archive, ...others, vaults: vaults.map((vault, index) => checkVault(vault, `vaults[${index}]`, folder)) }
}

function hooksOf(hooks: readonly unknown[], written: unknown, folder: string): readonly HookSpec[] {
  return checkHookSpecs(hooks, (written as { readonly hooks: readonly unknown[] }).hooks, folder)
}

type Keys = Pick<LoadedConfig, 'recipients' | 'identities'>

/** Recipients are public and stand in the file, or in one of their own behind `@`; identities are always files of their own. */
function checkKeys({ recipients, identities }: Readonly<Record<keyof Keys, unknown>>, folder: string): Keys {
  const keys: { -readonly [Key in keyof Keys]: Keys[Key] } = {}
  if (recipients !== undefined) {
    keys.recipients = checkTexts(recipients, 'recipients').map((text) =>
      text.startsWith('@') ? `@${resolve(folder, text.slice(1))}` : text,
    )
  }
  if (identities !== undefined) {
    keys.identities = checkTexts(identities, 'identities').map((path, index) => {
      if (!isIdentityForm(formOf(path.trim()))) return resolve(folder, path)
      const advice = 'write it to a file of mode 0600 and name that file (`perdure key import -` does)'
      throw new ConfigError('invalid', `identities[${index}] is a secret key, which does not belong into perdure.json; ${advice}`)
    })
  }
  return keys
}

function checkTexts(value: unknown, at: string): readonly string[] {
  const texts = value as readonly unknown[]
  return texts.map((text, index) => {
    if (typeof text === 'string' && text !== '' && text !== '@') return text
    throw new ConfigError('invalid', `${at}[${index}] must be a text that is not empty`)
  })
}

/** Keys only: what the numbers and words may be is for the policy itself to say. */
function checkPolicy(value: unknown, folder: string): void {
  const policy = checkObject(value, POLICY, { at: 'policy', folder })
  if (policy.evidence !== undefined) checkObject(policy.evidence, EVIDENCE, { at: 'policy.evidence', folder })
  if (policy.erasable !== undefined) checkObject(policy.erasable, ERASABLE, { at: 'policy.erasable', folder })
  for (const [vault, rules] of Object.entries(policy.overrides ?? {}))
    checkObject(rules, EVIDENCE, { at: `policy.overrides.${vault}`, folder })
}

function checkAudit(value: unknown, folder: string): void {
  const audit = checkObject(value, AUDIT, { at: 'audit', folder })
  if (audit.goal !== undefined) checkObject(audit.goal, GOAL, { at: 'audit.goal', folder })
  if (audit.budget === undefined) return
  const budget = checkObject(audit.budget, BUDGET, { at: 'audit.budget', folder })
  if (budget.money !== undefined) checkObject(budget.money, MONEY, { at: 'audit.budget.money', folder })
}

function checkVault(value: unknown, at: string, folder: string): VaultSpec {
  const name = (value as { readonly type?: unknown } | null)?.type
  const type = typeof name === 'string' && Object.hasOwn(VAULT_TYPES, name) ? VAULT_TYPES[name] : undefined
  if (typeof name !== 'string' || type === undefined) throw unknownType(name, at)
  const shape: Shape = { type: 'string', ...type.shape, limit: 'object', readOnly: 'boolean' }
  const { type: _, limit, readOnly, ...options } = checkObject(value, shape, { at, folder })
  for (const key of type.required) if (options[key] === undefined) throw new ConfigError('invalid', `${at} needs ${JSON.stringify(key)}`)
  if (options.prices !== undefined) checkObject(options.prices, PRICES, { at: `${at}.prices`, folder })
  if (limit !== undefined) checkObject(limit, LIMIT, { at: `${at}.limit`, folder })
  return { type: name, options, limit: limit as VaultSpec['limit'], readOnly: readOnly === true }
}

function unknownType(name: unknown, at: string): ConfigError {
  const known = Object.keys(VAULT_TYPES)
  const meant = typeof name === 'string' ? nearest(name, known) : undefined
  const what = typeof name === 'string' ? `unknown type ${JSON.stringify(name)}` : 'no "type"'
  return new ConfigError(
    'invalid',
    `${at} has ${what}; ${meant === undefined ? '' : `did you mean ${meant}? `}known are ${known.join(', ')}`,
  )
}

async function readConfig(file: string, required: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    if (absent && !required) return undefined
    if (absent) throw new ConfigError('not-found', `there is no configuration at ${file}; \`perdure init\` writes one`, { cause })
    throw new ConfigError('invalid', `the configuration ${file} cannot be read`, { cause })
  }
}

/** The parser's own message would quote the text around the fault, which may be a secret: only the place is kept. */
function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    const line = position === undefined ? '' : ` near line ${text.slice(0, Number(position)).split('\n').length}`
    throw new ConfigError('invalid', `${file} is not JSON${line}; check commas and quotes`)
  }
}
