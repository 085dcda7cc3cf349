/** Every vault and wrapper this package has, as contexts for the conformance cases. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { samplePack } from '../../src/conformance/fixture.ts'
import type { VaultContext } from '../../src/conformance/vault.ts'
import type { Vault } from '../../src/contracts.ts'
import { type DirectoryOptions, directory } from '../../src/vaults/directory.ts'
import { type MemoryOptions, memory } from '../../src/vaults/memory.ts'

export type Context = VaultContext & { close(): Promise<void> }
export type Wrap = (vault: Vault) => Vault

const asItIs: Wrap = (vault) => vault

export async function memoryContext(wrap: Wrap = asItIs, options: MemoryOptions = {}): Promise<Context> {
  const store = new Map<string, Uint8Array>()
  const reopen = async () => wrap(memory({ ...options, store }))
  return {
    vault: await reopen(),
    pack: samplePack,
    reopen,
    lose: async (at) => {
      store.delete(at)
    },
    close: async () => undefined,
  }
}

export async function directoryContext(wrap: Wrap = asItIs, options: Partial<DirectoryOptions> = {}): Promise<Context> {
  const at = await mkdtemp(join(tmpdir(), 'perdure-vault-'))
  const reopen = async () => {
    const vault = wrap(directory({ ...options, at, id: 'directory' }))
    await vault.open?.()
    return vault
  }
  return {
    vault: await reopen(),
    pack: samplePack,
    reopen,
    lose: (locator) => rm(join(at, locator)),
    // Root is denied nothing: only a process without its rights can use this.
    ...(process.getuid?.() !== 0 && {
      deny: async () => {
        await chmod(at, 0o000)
        return () => chmod(at, 0o700)
      },
    }),
    close: () => rm(at, { recursive: true, force: true }),
  }
}
