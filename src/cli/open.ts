/** From a checked configuration to an open archive. Everything heavy is loaded here, not before. */
import { createReadStream } from 'node:fs'
import { collect } from '../bytes/collect.ts'
import type { Archive, ArchiveConfig, Vault } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { keyLines } from '../format/key-form.ts'
import type { LoadedConfig, VaultSpec } from './config.ts'
import { hookConfig } from './hook-specs.ts'
import { VAULT_TYPES } from './vault-types.ts'

const RECIPIENTS_LIMIT = 1024 * 1024

export type OpenArchive = (config: ArchiveConfig) => Promise<Archive>

/** The library's own door. */
export const openArchive: OpenArchive = async (config) => (await import('../archive.ts')).createArchive(config)

/** The configuration that `createArchive` takes: vaults made and wrapped, files of recipients read. */
export async function archiveConfig(loaded: LoadedConfig, keys: Pick<ArchiveConfig, 'identities'> = {}): Promise<ArchiveConfig> {
  const { archive, recipients, vaults, hooks } = loaded
  return {
    ...archive,
    ...keys,
    ...(recipients === undefined ? {} : { recipients: (await Promise.all(recipients.map(recipientsOf))).flat() }),
    ...(hooks === undefined ? {} : { hooks: await Promise.all(hooks.map(hookConfig)) }),
    ...(vaults === undefined ? {} : { vaults: await Promise.all(vaults.map(makeVault)) }),
  }
}

/** A file of recipients holds one a line; those in it are checked here, where line and file are known. */
export async function recipientsOf(text: string): Promise<readonly string[]> {
  if (!text.startsWith('@')) return [text]
  const path = text.slice(1)
  const { readRecipients } = await import('../flow/age-keys.ts')
  const lines = keyLines(await recipientsFile(path))
  if (lines.length === 0) throw new ConfigError('not-a-recipient', `${path} holds no recipient; write one age1… a line into it`)
  const texts = lines.map(({ key }) => key)
  await readRecipients(texts, (index) => `line ${lines[index]?.line} of ${path}`)
  return texts
}

async function recipientsFile(path: string): Promise<string> {
  try {
    return Buffer.from(await collect(createReadStream(path), RECIPIENTS_LIMIT)).toString()
  } catch (cause) {
    throw new ConfigError('not-found', `the file of recipients ${path} cannot be read; check recipients in perdure.json`, { cause })
  }
}

async function makeVault(spec: VaultSpec): Promise<Vault> {
  const type = VAULT_TYPES[spec.type]
  if (type === undefined) throw new ConfigError('invalid', `there is no vault type ${JSON.stringify(spec.type)}`)
  let vault = await type.make(spec.options)
  if (spec.limit !== undefined) vault = (await import('../wrap/limited.ts')).limited(vault, spec.limit)
  if (spec.readOnly) vault = (await import('../wrap/read-only.ts')).readOnly(vault)
  return vault
}
