/** The fake contracts, deployed on a chain of their own, and the keys that speak to them. */
import { type Chain, devnet } from '@filoz/synapse-core/chains'
import {
  type Abi,
  createPublicClient,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  http,
  type PublicClient,
  toHex,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { type Anvil, EPOCH_SECONDS, startAnvil } from './anvil.ts'
import { compiledContracts } from './compile.ts'
import { receiptOf } from './receipt.ts'
import type { Contracts, Hex } from './types.ts'

export interface Ledger {
  readonly anvil: Anvil
  readonly chain: Chain
  readonly reader: PublicClient
  readonly contracts: Contracts
  /** Of the fakes, with all that they know and the real ones do not. */
  readonly abis: Readonly<Record<keyof Contracts, Abi>>
  /** Sends a call from an unlocked account and resolves with its hash as soon as the node took it; what would be reverted is thrown, not sent. */
  send(from: Hex, contract: keyof Contracts, functionName: string, args: readonly unknown[], value?: bigint): Promise<Hex>
  /** As `send`, once it has been mined and has succeeded. */
  act(from: Hex, contract: keyof Contracts, functionName: string, args: readonly unknown[], value?: bigint): Promise<Hex>
  read<T>(contract: keyof Contracts, functionName: string, args: readonly unknown[]): Promise<T>
  close(): Promise<void>
}

/** Blocks when the house opens, so that a node can lag behind. */
export const PREHISTORY = 250
const MNEMONIC = 'test test test test test test test test test test test junk'
const GAS = toHex(20_000_000_000n)

/** Anvil's own accounts, all of them unlocked and rich in FIL. */
export function keyOf(index: number): { readonly key: Hex; readonly address: Hex } {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex: index })
  return { key: toHex(account.getHdKey().privateKey ?? new Uint8Array()), address: account.address }
}

export const OWNER = keyOf(0)
export const CLIENT = keyOf(1)

export async function openLedger(): Promise<Ledger> {
  const [compiled, anvil] = await Promise.all([compiledContracts(), startAnvil(Math.floor(Date.now() / 1000) - PREHISTORY * EPOCH_SECONDS)])
  const contracts = {} as Record<keyof Contracts, Hex>
  const abis = {} as Record<keyof Contracts, Abi>
  let nonce = 0n
  const deployments: (() => Promise<Hex>)[] = []
  const deploy = (as: keyof Contracts, name: string, args: readonly unknown[] = []) => {
    const contract = compiled.get(name)
    if (!contract) throw new Error(`there is no contract ${name}`)
    abis[as] = contract.abi
    const at = nonce++
    contracts[as] = getContractAddress({ from: OWNER.address, nonce: at })
    const data = encodeDeployData({ abi: contract.abi, bytecode: contract.bytecode, args })
    deployments.push(() => anvil.rpc<Hex>('eth_sendTransaction', [{ from: OWNER.address, data, nonce: toHex(at), gas: GAS }]))
  }
  deploy('usdfc', 'FakeUsdfc')
  deploy('filecoinPay', 'FakeFilecoinPay')
  deploy('pdp', 'FakePdpVerifier')
  deploy('serviceProviderRegistry', 'FakeServiceProviderRegistry')
  deploy('endorsements', 'FakeProviderIdSet')
  deploy('multicall3', 'Multicall3')
  deploy('fwss', 'FakeWarmStorage', [contracts.pdp, contracts.filecoinPay, contracts.usdfc, contracts.serviceProviderRegistry])
  deploy('fwssView', 'FakeWarmStorageStateView', [contracts.fwss])
  abis.fwssView = abis.fwss
  const chain = chainWith(contracts, anvil.url)
  const reader = createPublicClient({ chain, transport: http(anvil.url, { retryCount: 0 }), cacheTime: 0, pollingInterval: 20 })
  // One after the other: one that overtakes another may be left lying when that one comes.
  for (const deployed of deployments) await receiptOf(reader, await deployed())
  const ledger: Ledger = {
    anvil,
    chain,
    reader,
    contracts,
    abis,
    async send(from, contract, functionName, args, value = 0n) {
      const data = encodeFunctionData({ abi: abis[contract], functionName, args })
      const order = { from, to: contracts[contract], data, value: toHex(value), gas: GAS }
      await anvil.rpc('eth_call', [order, 'pending'])
      return anvil.rpc<Hex>('eth_sendTransaction', [order])
    },
    async act(from, contract, functionName, args, value) {
      const hash = await ledger.send(from, contract, functionName, args, value)
      const { status } = await receiptOf(reader, hash)
      if (status !== 'success') throw new Error(`${functionName} was reverted`)
      return hash
    },
    read: <T>(contract: keyof Contracts, functionName: string, args: readonly unknown[]) =>
      reader.readContract({ abi: abis[contract], address: contracts[contract], functionName, args }) as Promise<T>,
    close: () => anvil.close(),
  }
  await ledger.act(OWNER.address, 'fwss', 'setViewContract', [contracts.fwssView])
  return ledger
}

/** With the ABIs of the package, as on the real chains. */
function chainWith(contracts: Contracts, url: string): Chain {
  const real = devnet.contracts
  return {
    ...devnet,
    name: 'Filecoin - fake',
    rpcUrls: { default: { http: [url] } },
    contracts: {
      ...real,
      multicall3: { address: contracts.multicall3, blockCreated: 0 },
      usdfc: { ...real.usdfc, address: contracts.usdfc },
      filecoinPay: { ...real.filecoinPay, address: contracts.filecoinPay },
      fwss: { ...real.fwss, address: contracts.fwss },
      fwssView: { ...real.fwssView, address: contracts.fwssView },
      serviceProviderRegistry: { ...real.serviceProviderRegistry, address: contracts.serviceProviderRegistry },
      pdp: { ...real.pdp, address: contracts.pdp },
      endorsements: { ...real.endorsements, address: contracts.endorsements },
    },
  }
}
