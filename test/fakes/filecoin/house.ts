/** A whole Filecoin Onchain Cloud on the loopback interface: anvil, contracts of our own and storage providers. All of it is a fake. */
import type { FilecoinHouse } from './types.ts'

export type * from './types.ts'

export async function startFilecoin(_options: { readonly providers?: number } = {}): Promise<FilecoinHouse> {
  throw new Error('not yet')
}
