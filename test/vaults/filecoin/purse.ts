/** A chain in memory, as far as money goes, that counts as the payments and the service contract do. */
import { CID } from 'multiformats/cid'
import type { ChainReader, Funds, Hex, Price, ProofState } from '../../../src/vaults/filecoin/port.ts'

export const UNIT = 10n ** 18n
export const PAYER: Hex = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
export const PIECE = CID.parse('bafkzcibcd4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy')
export const AT = 1_700_000_000_000
export const NOW = 1_000_000n
export const MONTH = 86_400n

export const PRICE: Price = { perTiBMonth: (UNIT * 5n) / 2n, leastPerMonth: (UNIT * 6n) / 100n, epochsPerMonth: MONTH }

export const ALL = {
  isApproved: true,
  rateAllowance: 2n ** 256n - 1n,
  lockupAllowance: 2n ** 256n - 1n,
  rateUsed: 0n,
  lockupUsed: 0n,
  maxLockupPeriod: MONTH,
}

export const fundsOf = (funds: Partial<Funds> = {}): Funds => ({
  wallet: 100n * UNIT,
  gas: UNIT,
  deposited: 10n * UNIT,
  available: 10n * UNIT,
  ratePerEpoch: 0n,
  fundedUntil: undefined,
  approval: ALL,
  symbol: 'USDFC',
  decimals: 18,
  ...funds,
})

const unused = (name: string) => () => Promise.reject(new Error(`${name} was not to be asked`))

export function purse(
  answers: Partial<ChainReader> & { readonly money?: Partial<Funds>; readonly costs?: Partial<Price> } = {},
): ChainReader {
  const { money, costs, ...rest } = answers
  return {
    chainId: 314,
    payer: PAYER,
    epoch: async () => ({ number: NOW, at: AT }),
    funds: async () => fundsOf(money),
    price: async () => ({ ...PRICE, ...costs }),
    providers: unused('providers'),
    dataSets: unused('dataSets'),
    dataSet: unused('dataSet'),
    createdBy: unused('createdBy'),
    find: unused('find'),
    metadataOf: unused('metadataOf'),
    // biome-ignore lint/correctness/useYield: it only throws
    pieces: async function* () {
      throw new Error('pieces was not to be asked')
    },
    proofState: unused('proofState'),
    transaction: unused('transaction'),
    ...rest,
  }
}

export const stateOf = (state: Partial<ProofState> = {}): ProofState => ({
  epoch: { number: NOW, at: AT },
  dataSetId: 12n,
  isLive: true,
  isServed: true,
  endEpoch: 0n,
  activationEpoch: NOW - 100n,
  deadline: NOW + 100n,
  provingPeriod: 2880n,
  isProvenNow: true,
  wasProven: true,
  lastProvenEpoch: NOW - 10n,
  scheduledRemovals: new Set(),
  rail: { ratePerEpoch: 10n, lockupPeriod: MONTH, endEpoch: 0n, fundedUntil: NOW + 100n },
  pieces: new Map([[3n, { cid: PIECE, isActive: true, isChallengeable: true }]]),
  ...state,
})
