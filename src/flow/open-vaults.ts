/** Opens the vaults of an archive. */
import type { Catalog, Vault, VaultProfile } from '../contracts.ts'
import { ConfigError, VaultError, type VaultErrorCode } from '../errors.ts'

/** `invalid` and `unsupported` are not among them: those are said of the configuration, and waiting helps nobody. */
const UNUSABLE_NOW: ReadonlySet<VaultErrorCode> = new Set(['unreachable', 'denied', 'exhausted'])

const PAGE = 100

export interface Opened {
  /** By id, in the order of the configuration. */
  readonly vaults: ReadonlyMap<string, Vault>
  /** Why a vault could not be opened, by id. */
  readonly unopened: Map<string, VaultError>
}

export interface OpenVaultOptions {
  readonly thorough?: boolean | undefined
  /** It holds packs of ours, and must not be made anew. Default: what the catalog knows of it. */
  readonly mustExist?: boolean | undefined
}

/** A vault that cannot be reached now, or is full, must not keep the others from being used: it stays as configured, and its own answers tell. */
export async function openVaults(catalog: Catalog, configured: readonly Vault[], options: OpenVaultOptions = {}): Promise<Opened> {
  const ids = configured.map(({ profile }) => profile.id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new ConfigError('invalid', `two vaults are called ${twice}; give each an id of its own`)
  const vaults = new Map<string, Vault>()
  const unopened = new Map<string, VaultError>()
  const found = await Promise.all(configured.map((vault) => openVault(catalog, vault, options).catch((error: unknown) => unusable(error))))
  for (const [index, vault] of configured.entries()) {
    const profile = found[index]
    if (profile instanceof VaultError) unopened.set(vault.profile.id, profile)
    vaults.set(vault.profile.id, profile instanceof VaultError || !profile ? vault : { ...vault, profile })
  }
  return { vaults, unopened }
}

/** Resolves to the profile as found. A vault that holds replicas of ours must not pass for a new one. */
export async function openVault(catalog: Catalog, vault: Vault, options: OpenVaultOptions = {}): Promise<VaultProfile> {
  const { profile } = vault
  if (!vault.open) return profile
  return vault.open({ ...options, mustExist: options.mustExist ?? (await holdsReplicas(catalog, profile.id)) })
}

/** An intent that never came to a replica is none: what could not be opened when it was new may still be new. */
async function holdsReplicas(catalog: Catalog, vault: string): Promise<boolean> {
  for (let after = 0; ; ) {
    const page = await catalog.replicasIn(vault, { after, limit: PAGE })
    if (page.some(({ locator }) => locator !== undefined)) return true
    const last = page.at(-1)
    if (!last || page.length < PAGE) return false
    after = last.pack
  }
}

function unusable(error: unknown): VaultError {
  if (error instanceof VaultError && UNUSABLE_NOW.has(error.code)) return error
  throw error
}
