/** `${NAME}` in the strings of a configuration, so that secrets stay out of the file. */
import { ConfigError } from '../errors.ts'

const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g

/**
 * Replaces `${NAME}` in every string value by the variable of the environment; `$${` stands for a literal `${`. Keys are left alone.
 * Throws `missing-variable` that names the variable and the place, never a value.
 */
export function interpolate(value: unknown, env: Readonly<Record<string, string | undefined>>, at = ''): unknown {
  if (typeof value === 'string')
    return value.replace(REFERENCE, (match, name: string | undefined) => (match === '$${' ? '${' : lookUp(name ?? '', env, at)))
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, env, `${at}[${index}]`))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, env, at === '' ? key : `${at}.${key}`)]))
  }
  return value
}

function lookUp(name: string, env: Readonly<Record<string, string | undefined>>, at: string): string {
  const value = env[name]
  if (value !== undefined) return value
  throw new ConfigError(
    'missing-variable',
    `the environment variable ${name || '(empty name)'} is not set; ${at || 'the configuration'} asks for it`,
  )
}
