/** The hooks of `perdure.json`: every key known, paths absolute, and nothing secret where others can read it. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CommandHookConfig, HookConfig, WebhookConfig } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { checkObject, type Kind, type Shape } from './check.ts'

/** Checked, and certificates not yet read. */
export type HookSpec = (Omit<WebhookConfig, 'ca' | 'lookup'> & { readonly caFile?: string | undefined }) | CommandHookConfig

const FILTER = {
  id: 'string',
  type: 'string',
  events: 'array',
  minSeverity: 'string',
  giveUpDays: 'number',
  maxWaiting: 'number',
  batch: 'number',
  timeoutMs: 'number',
} as const
const WEBHOOK: Readonly<Record<keyof (Omit<WebhookConfig, 'ca' | 'lookup'> & { caFile: string }), Kind>> = {
  ...FILTER,
  url: 'string',
  secret: 'string',
  headers: 'record',
  allowPrivate: 'boolean',
  caFile: 'path',
}
const COMMAND: Readonly<Record<keyof CommandHookConfig, Kind>> = { ...FILTER, command: 'array', env: 'array' }

/** `written` is the same list before variables were filled in. */
export function checkHookSpecs(hooks: readonly unknown[], written: readonly unknown[], folder: string): readonly HookSpec[] {
  return hooks.map((hook, index) => checkHook(hook, written[index], { at: `hooks[${index}]`, folder }))
}

function checkHook(value: unknown, written: unknown, place: { readonly at: string; readonly folder: string }): HookSpec {
  const type = (value as { readonly type?: unknown } | null)?.type
  const shape: Shape | undefined = type === 'webhook' ? WEBHOOK : type === 'command' ? COMMAND : undefined
  if (shape === undefined) throw new ConfigError('invalid', `${place.at} needs a "type", webhook or command`)
  const hook = checkObject(value, shape, place) as unknown as HookSpec
  if (hook.type === 'webhook') return hook
  if (holdsVariable((written as { readonly command?: unknown }).command))
    throw new ConfigError(
      'invalid',
      `${place.at}.command has a variable in it, and every user of the machine can read arguments; name the variable in "env" instead`,
    )
  const [program, ...args] = Array.isArray(hook.command) ? hook.command : []
  if (typeof program !== 'string' || !program.includes('/')) return hook
  return { ...hook, command: [resolve(place.folder, program), ...args] }
}

function holdsVariable(command: unknown): boolean {
  return Array.isArray(command) && command.some((text) => typeof text === 'string' && /\$\{/.test(text.replaceAll('$${', '')))
}

/** What `createArchive` takes. */
export async function hookConfig(spec: HookSpec): Promise<HookConfig> {
  if (spec.type === 'command') return spec
  const { caFile, ...hook } = spec
  return caFile === undefined ? hook : { ...hook, ca: await certificate(caFile) }
}

async function certificate(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConfigError('not-found', `the certificate ${path} of a webhook cannot be read; check caFile`, { cause })
  }
}
