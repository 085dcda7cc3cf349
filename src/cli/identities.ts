/** The identity files of a command: which ones, and what is in them. */
import { delimiter, join, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { type AgeKey, readIdentities } from '../flow/age-keys.ts'
import { formOf } from '../format/key-form.ts'
import type { Identity } from '../format/recipients.ts'
import { UsageError } from './errors.ts'
import type { AskPassphrase } from './passphrase.ts'
import { isProtected, unprotect } from './protected.ts'
import { assertPath, isThere, readSecretFile } from './secret-file.ts'

/** As in age: far beyond any file of keys, and little enough to hold. */
export const IDENTITY_LIMIT = 1024 * 1024

const WHAT = 'the identity file'

type Env = Readonly<Record<string, string | undefined>>

export interface IdentityPlaces {
  /** As given with `--identity`. */
  readonly flags: readonly string[]
  readonly env: Env
  readonly cwd: string
  /** Of the configuration, absolute. */
  readonly configured: readonly string[]
}

/**
 * Files of identities in the order of trying: those of the first place that names any, or the default file where there is one. That a named file
 * is missing is for reading it to say.
 */
export async function identityFiles({ flags, env, cwd, configured }: IdentityPlaces): Promise<readonly string[]> {
  for (const path of flags) assertPath(path, WHAT)
  if (flags.length > 0) return flags.map((path) => resolve(cwd, path))
  const named = (env.PERDURE_IDENTITY ?? '').split(delimiter).filter((path) => path !== '')
  for (const path of named) assertPath(path, WHAT)
  if (named.length > 0) return named.map((path) => resolve(cwd, path))
  if (configured.length > 0) return configured
  const usual = defaultIdentityFile(env)
  return usual !== undefined && (await isThere(usual)) ? [usual] : []
}

/**
 * Where `key new` and `key import` put a key: the user's own configuration folder. Not the archive's folder, which holds content in the embedded
 * default and is copied with it; not the folder of perdure.json, which is often under version control.
 */
export function defaultIdentityFile(env: Env): string | undefined {
  if (process.platform === 'win32') return env.APPDATA ? join(env.APPDATA, 'perdure', 'identity.txt') : undefined
  const folder = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, '.config') : undefined)
  return folder === undefined ? undefined : join(folder, 'perdure', 'identity.txt')
}

/** The default file; throws where the environment names no home. */
export function homeIdentityFile(env: Env): string {
  const path = defaultIdentityFile(env)
  if (path === undefined) throw new UsageError('there is no home folder to keep the key in (HOME is not set); name a file with -o FILE')
  return path
}

export interface ReadingOptions {
  readonly ask: AskPassphrase
  readonly warn: (text: string) => Promise<void>
}

export interface IdentityFile {
  readonly file: string
  readonly bytes: Uint8Array
  readonly keys: readonly AgeKey[]
  /** By a passphrase. */
  readonly protected: boolean
}

/** Reads one identity file, plain or protected by a passphrase, which is then asked for. */
export async function readIdentityFile(file: string, options: ReadingOptions): Promise<IdentityFile> {
  const { bytes } = await readSecretFile(file, { what: WHAT, limit: IDENTITY_LIMIT, warn: options.warn })
  return parseIdentityFile(bytes, file, options)
}

/** The same for bytes from elsewhere. `file` is its name in errors and questions. */
export async function parseIdentityFile(bytes: Uint8Array, file: string, { ask }: Pick<ReadingOptions, 'ask'>): Promise<IdentityFile> {
  const sealed = isProtected(bytes)
  const text = sealed ? await unprotect(bytes, file, () => ask({ of: file })) : Buffer.from(bytes).toString()
  if (formOf(text) === 'ssh-identity') {
    throw new ConfigError('not-an-identity', `${file} is an SSH key; use an age identity, \`perdure key new\` makes one`)
  }
  return { file, bytes, keys: await readIdentities(text, file), protected: sealed }
}

/**
 * Identities that read their files when something sealed is opened for the first time, and once: commands that open nothing neither need the files
 * nor ask for passphrases. The secrets live in a closure.
 */
export function lazyIdentities(files: readonly string[], options: ReadingOptions): readonly Identity[] {
  return files.map((file) => {
    let reading: Promise<IdentityFile> | undefined
    return {
      unwrapFileKey: async (stanzas) => {
        reading ??= readIdentityFile(file, options)
        for (const { identity } of (await reading).keys) {
          const fileKey = await identity.unwrapFileKey(stanzas)
          if (fileKey !== null) return fileKey
        }
        return null
      },
    }
  })
}
