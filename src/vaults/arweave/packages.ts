/** The optional package that says what a transaction's signature is over, loaded with the first one. */
import { VaultError } from '../../errors.ts'

type Module = typeof import('arweave/node/lib/transaction.js')

/** Throws VaultError `unsupported`, which names the package to install. */
export async function loadTransaction(id: string): Promise<Module['default']> {
  try {
    // The package is CommonJS with a default export inside.
    const { default: inside } = (await import('arweave/node/lib/transaction.js')) as unknown as { readonly default: Module }
    return inside.default
  } catch (cause) {
    throw new VaultError('unsupported', id, 'signing transactions needs arweave; run `npm install arweave@1.15.7`', { cause })
  }
}
