/** The optional package that signs data items, loaded with the first one. */
import { VaultError } from '../../../errors.ts'

export type Arbundles = typeof import('arbundles')

/** Throws VaultError `unsupported`, which names the package to install. */
export async function loadArbundles(id: string): Promise<Arbundles> {
  try {
    return await import('arbundles')
  } catch (cause) {
    throw new VaultError('unsupported', id, 'signing items for a bundler needs arbundles; run `npm install arbundles@0.11.2`', { cause })
  }
}
