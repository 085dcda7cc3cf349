/** Checks hooks when an archive is opened: what could never be delivered, or would give a secret away, is refused at once. */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isIP } from 'node:net'
import { isPublicAddress } from '../bytes/public-address.ts'
import { holdsSecret } from '../bytes/redact.ts'
import type { ArchiveEventType, CommandHookConfig, HookConfig, HookFilter, Severity, WebhookConfig } from '../contracts.ts'
import { ConfigError } from '../errors.ts'

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const LEAST_SECRET = 16
const MOST_BATCH = 1_000
/** Set by us, and part of what a receiver relies on. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...['content-type', 'content-length', 'transfer-encoding', 'host', 'connection', 'expect', 'upgrade', 'perdure-signature'],
])

const TYPES: Readonly<Record<ArchiveEventType, true>> = {
  'object-put': true,
  'state-changed': true,
  'object-removed': true,
  'object-shredded': true,
  'replica-damaged': true,
  'replica-missing': true,
  'replica-recovered': true,
  'repair-done': true,
  'repair-failed': true,
  'renewal-done': true,
  'renewal-missed': true,
  'survey-finished': true,
  'vault-quarantined': true,
  'vault-released': true,
  'vault-unreachable': true,
  'vault-back': true,
  'history-rolled-back': true,
  'history-forked': true,
  'cycle-finished': true,
  'budget-reached': true,
  'cost-cap-reached': true,
  'hook-gave-up': true,
  'hook-tested': true,
}
const SEVERITIES: Readonly<Record<Severity, true>> = { info: true, notice: true, warning: true, critical: true }

/** The hooks as they are; throws ConfigError, never with a value that may be a secret. */
export function checkHooks(hooks: readonly HookConfig[]): readonly HookConfig[] {
  const ids = new Set<string>()
  for (const [index, hook] of hooks.entries()) {
    const at = `hooks[${index}]`
    if (typeof hook.id !== 'string' || !ID.test(hook.id))
      throw invalid(at, 'needs an "id" of letters, digits, dots, dashes and underscores')
    if (ids.has(hook.id)) throw invalid(at, `has the id ${hook.id}, which another hook has too; every hook needs its own`)
    ids.add(hook.id)
    checkFilter(hook, at)
    if (hook.type === 'webhook') checkWebhook(hook, at)
    else if (hook.type === 'command') checkCommand(hook, at)
    else throw invalid(at, 'needs a "type", webhook or command')
  }
  return hooks
}

function checkFilter({ events = [], minSeverity, ...numbers }: HookFilter, at: string): void {
  const unknown = events.find((type) => !Object.hasOwn(TYPES, type))
  if (unknown !== undefined)
    throw invalid(at, `asks for events ${JSON.stringify(unknown)}, which are none; known are ${Object.keys(TYPES).join(', ')}`)
  if (minSeverity !== undefined && !Object.hasOwn(SEVERITIES, minSeverity))
    throw invalid(at, `has an unknown minSeverity; known are ${Object.keys(SEVERITIES).join(', ')}`)
  const { giveUpDays, maxWaiting, batch, timeoutMs } = numbers
  for (const [name, value, most] of [
    ['giveUpDays', giveUpDays, 3_650],
    ['maxWaiting', maxWaiting, 1_000_000],
    ['batch', batch, MOST_BATCH],
    ['timeoutMs', timeoutMs, 600_000],
  ] as const)
    if (
      value !== undefined &&
      !(Number.isFinite(value) && value > 0 && value <= most && (name === 'giveUpDays' || Number.isInteger(value)))
    )
      throw invalid(at, `has a ${name} that is not above 0 and at most ${most}`)
}

function checkWebhook({ url: text, secret, headers = {}, allowPrivate = false }: WebhookConfig, at: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw invalid(at, 'needs a "url" that begins with https://')
  if (url.username !== '' || url.password !== '') throw invalid(at, 'has a password in its url; send an Authorization header instead')
  if (url.protocol === 'http:' && !allowPrivate)
    throw invalid(at, 'has a url without TLS; use https://, or set allowPrivate for a receiver on your own network')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && !isPublicAddress(host) && !allowPrivate)
    throw invalid(at, 'has an address on a private network as its url; set allowPrivate to send there')
  if (secret !== undefined && secret.length < LEAST_SECRET) throw invalid(at, `has a secret of fewer than ${LEAST_SECRET} characters`)
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name.toLowerCase())) throw invalid(at, `may not set the header ${name}`)
    if (!isHeader(name, value)) throw invalid(at, `has a header ${JSON.stringify(name)} that HTTP does not allow`)
  }
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

function checkCommand({ command, env = [] }: CommandHookConfig, at: string): void {
  const isText = (item: unknown) => typeof item === 'string' && !item.includes('\0')
  if (!Array.isArray(command) || command.length === 0 || command[0] === '' || !command.every(isText))
    throw invalid(at, 'needs a "command": a list of the program and its arguments')
  if (command.some(holdsSecret)) throw invalid(at, 'has a secret key among its arguments, where every user of the machine can read it')
  for (const name of env) {
    if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(at, 'has in "env" what is no name of a variable')
    if (name.startsWith('PERDURE_')) throw invalid(at, `asks for the variable ${name}; those are for perdure itself`)
  }
}

const invalid = (at: string, what: string) => new ConfigError('invalid', `${at} ${what}`)
