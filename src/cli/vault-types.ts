/** The vault types a configuration may name. A new network is one entry here; its module is loaded only when it is used. */
import type { Vault } from '../contracts.ts'
import type { DirectoryOptions } from '../vaults/directory.ts'
import type { MemoryOptions } from '../vaults/memory.ts'
import type { Kind, Shape } from './check.ts'

export interface VaultType {
  readonly shape: Shape
  readonly required: readonly string[]
  /** Takes options that were checked against `shape`. */
  readonly make: (options: Readonly<Record<string, unknown>>) => Promise<Vault>
}

const place = { id: 'string', network: 'string', operator: 'string', region: 'string', jurisdiction: 'string', labels: 'record' } as const
const size = { maxPackBytes: 'number' } as const
const traits = { term: 'string', canForget: 'boolean', paid: 'boolean', cold: 'boolean', addressing: 'string' } as const

export const VAULT_TYPES: Readonly<Record<string, VaultType>> = {
  directory: vaultType<DirectoryOptions>(
    { at: 'path', ...place, ...size, readOnlyFiles: 'boolean', reserveBytes: 'number', mustExist: 'boolean' },
    ['at'],
    async (options) => (await import('../vaults/directory.ts')).directory(options),
  ),
  memory: vaultType<Omit<MemoryOptions, 'store'>>({ ...place, ...size, ...traits }, [], async (options) =>
    (await import('../vaults/memory.ts')).memory(options),
  ),
}

/** Holds the registry to the factory's own options: an option that the factory gains or loses is a type error here. */
function vaultType<Options>(
  shape: Readonly<Record<keyof Options & string, Kind>>,
  required: readonly (keyof Options & string)[],
  make: (options: Options) => Promise<Vault>,
): VaultType {
  return { shape, required, make: (options) => make(options as Options) }
}
