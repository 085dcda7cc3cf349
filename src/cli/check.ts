/** Checks of configuration values: every complaint names the place and what would be right, never the value, which may be a secret. */
import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { nearest } from './nearest.ts'

/** What a key may hold. A `path` is resolved against the configuration's folder; a `record` maps names to text. */
export type Kind = 'string' | 'path' | 'number' | 'boolean' | 'record' | 'object' | 'array'

export type Shape = Readonly<Record<string, Kind>>

/** A JSON object whose keys are all known and hold what they should; paths come back absolute. */
export function checkObject(
  value: unknown,
  shape: Shape,
  options: { readonly at: string; readonly folder: string },
): Record<string, unknown> {
  const { at, folder } = options
  if (!isObject(value)) throw new ConfigError('invalid', `${at} must be an object`)
  const checked: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const kind = Object.hasOwn(shape, key) ? shape[key] : undefined
    if (kind === undefined) throw unknownKey(key, Object.keys(shape), at)
    if (!holds(item, kind)) throw new ConfigError('invalid', `${at}.${key} must be ${WORDS[kind]}`)
    checked[key] = kind === 'path' ? resolve(folder, String(item)) : item
  }
  return checked
}

/** A key nobody knows is refused: a mistyped demand that is silently ignored would weaken what the archive promises. */
function unknownKey(key: string, known: readonly string[], at: string): ConfigError {
  const meant = nearest(key, known)
  const advice = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`
  return new ConfigError('invalid', `${at} has an unknown key ${JSON.stringify(key)}; ${advice}`)
}

const WORDS: Readonly<Record<Kind, string>> = {
  string: 'text',
  path: 'a path',
  number: 'a number of at least 0',
  boolean: 'true or false',
  record: 'an object of texts',
  object: 'an object',
  array: 'a list',
}

function holds(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string'
    case 'path':
      return typeof value === 'string' && value !== ''
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && value >= 0
    case 'boolean':
      return typeof value === 'boolean'
    case 'record':
      return isObject(value) && Object.values(value).every((item) => typeof item === 'string')
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
