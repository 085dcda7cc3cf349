/** From a checked configuration to an open archive. Everything heavy is loaded here, not before. */
import type { Archive, ArchiveConfig, Vault } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import type { LoadedConfig, VaultSpec } from './config.ts'
import { VAULT_TYPES } from './vault-types.ts'

export type OpenArchive = (config: ArchiveConfig) => Promise<Archive>

/** The library's own door. */
export const openArchive: OpenArchive = async (config) => (await import('../archive.ts')).createArchive(config)

/** The configuration that `createArchive` takes, vaults made and wrapped. */
export async function archiveConfig(loaded: LoadedConfig): Promise<ArchiveConfig> {
  if (loaded.vaults === undefined) return loaded.archive
  return { ...loaded.archive, vaults: await Promise.all(loaded.vaults.map(makeVault)) }
}

async function makeVault(spec: VaultSpec): Promise<Vault> {
  const type = VAULT_TYPES[spec.type]
  if (type === undefined) throw new ConfigError('invalid', `there is no vault type ${JSON.stringify(spec.type)}`)
  let vault = await type.make(spec.options)
  if (spec.limit !== undefined) vault = (await import('../wrap/limited.ts')).limited(vault, spec.limit)
  if (spec.readOnly) vault = (await import('../wrap/read-only.ts')).readOnly(vault)
  return vault
}
