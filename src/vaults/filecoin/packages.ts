/** The optional packages that speak to the chain, loaded with the first question and once in a process. */
import { VaultError } from '../../errors.ts'

export interface Packages {
  readonly viem: typeof import('viem')
  readonly accounts: typeof import('viem/accounts')
  readonly abis: typeof import('@filoz/synapse-core/abis')
  readonly chains: typeof import('@filoz/synapse-core/chains')
  readonly typedData: typeof import('@filoz/synapse-core/typed-data')
}

/** What is used of each: their names change with every minor. */
const USED: { readonly [Name in keyof Packages]: readonly (keyof Packages[Name] & string)[] } = {
  viem: ['createPublicClient', 'createWalletClient', 'http', 'custom', 'decodeErrorResult', 'encodeFunctionData', 'BaseError'],
  accounts: ['privateKeyToAccount'],
  abis: ['erc20WithPermit', 'filecoinPay', 'fwss', 'fwssView', 'pdp', 'serviceProviderRegistry', 'providerIdSet'],
  chains: ['mainnet', 'calibration', 'asChain'],
  typedData: ['signAddPieces', 'signCreateDataSetAndAddPieces', 'signSchedulePieceRemovals'],
}
const INSTALL = 'run `npm install viem @filoz/synapse-core@0.5.2`'

let loaded: Promise<Packages> | undefined

/** Throws VaultError `unsupported`, which says what to install, when one is missing or too unlike the one that this was written for. */
export async function packages(id: string): Promise<Packages> {
  loaded ??= load()
  const own = loaded
  try {
    return await own
  } catch (cause) {
    // What is installed meanwhile is found by the next call.
    if (loaded === own) loaded = undefined
    const what = cause instanceof TypeError ? cause.message : 'a package that it needs is missing or does not load'
    throw new VaultError('unsupported', id, `speaking to Filecoin needs viem and @filoz/synapse-core: ${what}; ${INSTALL}`, { cause })
  }
}

async function load(): Promise<Packages> {
  const [viem, accounts, abis, chains, typedData] = await Promise.all([
    import('viem'),
    import('viem/accounts'),
    import('@filoz/synapse-core/abis'),
    import('@filoz/synapse-core/chains'),
    import('@filoz/synapse-core/typed-data'),
  ])
  const found: Packages = { viem, accounts, abis, chains, typedData }
  for (const [name, members] of Object.entries(USED)) {
    const module = found[name as keyof Packages] as unknown as Readonly<Record<string, unknown>>
    const missing = members.filter((member) => !(member in module) || module[member] === undefined)
    if (missing.length > 0) throw new TypeError(`the version that is installed has no ${missing.join(', ')} (${name})`)
  }
  return found
}
