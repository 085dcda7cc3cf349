/** A whole Filecoin Onchain Cloud on the loopback interface: anvil, contracts of our own and storage providers. All of it is a fake. */
import { maxUint256, parseEventLogs, toHex } from 'viem'
import { EPOCH_SECONDS } from './anvil.ts'
import { CLIENT, keyOf, type Ledger, OWNER, openLedger, PREHISTORY } from './ledger.ts'
import { openProvider } from './provider.ts'
import { startProxy } from './proxy.ts'
import type { ChainEvent, FakeProvider, FilecoinHouse, Hex } from './types.ts'

export type * from './types.ts'

const USDFC = 10n ** 18n
/** Accounts of anvil that are not the owner or the client. */
const FIRST_PROVIDER = 2

export async function startFilecoin({ providers = 2 }: { readonly providers?: number } = {}): Promise<FilecoinHouse> {
  const ledger = await openLedger()
  const proxy = await startProxy(ledger.anvil.url)
  const opened: FakeProvider[] = []
  const close = async () => {
    await Promise.all([proxy.close(), ledger.close(), ...opened.map((provider) => provider.close())])
  }
  const house: FilecoinHouse = {
    rpc: proxy.url,
    node: ledger.anvil.url,
    chain: ledger.chain,
    proxy,
    clientKey: CLIENT.key,
    clientAddress: CLIENT.address,
    contracts: ledger.contracts,
    providers: opened,
    reader: ledger.reader,
    async addProvider(options = {}) {
      const named = { name: `fake provider ${opened.length + 1}`, ...options }
      const provider = await openProvider(ledger, keyOf(FIRST_PROVIDER + opened.length).address, named)
      opened.push(provider)
      return provider
    },
    async fund(address, amount) {
      await ledger.act(OWNER.address, 'usdfc', 'mint', [address, amount])
      await ledger.anvil.rpc('anvil_setBalance', [address, toHex(100n * USDFC)])
    },
    async settle(amount = 100n * USDFC) {
      const { usdfc, filecoinPay, fwss } = ledger.contracts
      await ledger.act(CLIENT.address, 'usdfc', 'approve', [filecoinPay, amount])
      await ledger.act(CLIENT.address, 'filecoinPay', 'deposit', [usdfc, CLIENT.address, amount])
      await ledger.act(CLIENT.address, 'filecoinPay', 'setOperatorApproval', [usdfc, fwss, true, maxUint256, maxUint256, maxUint256])
    },
    events: (name) => eventsOf(ledger, name),
    async asOwner(contract, functionName, args) {
      await ledger.act(OWNER.address, contract, functionName, args)
    },
    async asClient(contract, functionName, args) {
      await ledger.act(CLIENT.address, contract, functionName, args)
    },
    close,
    [Symbol.asyncDispose]: close,
    ...clock(ledger),
  }
  try {
    await house.fund(CLIENT.address, 1_000n * USDFC)
    for (let count = 0; count < providers; count++) await house.addProvider()
    await house.mine(PREHISTORY - Number(await house.epoch()))
  } catch (error) {
    await close()
    throw error
  }
  return house
}

/** Blocks, time, and what can be done to both. */
function clock({ anvil, reader }: Ledger): Pick<FilecoinHouse, 'mine' | 'epoch' | 'now' | 'automine' | 'reorg'> {
  const epoch = async () => BigInt(await anvil.rpc<Hex>('eth_blockNumber'))
  const mine = async (blocks: number) => {
    if (blocks > 0) await anvil.rpc('anvil_mine', [toHex(blocks), toHex(EPOCH_SECONDS)])
  }
  return {
    epoch,
    mine,
    now: async () => Number((await reader.getBlock()).timestamp) * 1000,
    async automine(isOn) {
      await anvil.rpc('evm_setAutomine', [isOn])
    },
    async reorg() {
      const mark = await anvil.rpc<Hex>('evm_snapshot')
      const before = await epoch()
      return {
        async undo() {
          const gone = (await epoch()) - before
          await anvil.rpc('evm_revert', [mark])
          await mine(Number(gone))
        },
      }
    },
  }
}

async function eventsOf({ reader, contracts, abis }: Ledger, eventName?: string): Promise<readonly ChainEvent[]> {
  const logs = await reader.getLogs({ address: [contracts.pdp, contracts.fwss, contracts.filecoinPay], fromBlock: 0n })
  const decoded = ([contract, abi]: readonly [Hex, typeof abis.pdp]) =>
    parseEventLogs({ abi, logs: logs.filter(({ address }) => address.toLowerCase() === contract.toLowerCase()) })
  const events = [
    ...decoded([contracts.pdp, abis.pdp]),
    ...decoded([contracts.fwss, abis.fwss]),
    ...decoded([contracts.filecoinPay, abis.filecoinPay]),
  ] as unknown as readonly { eventName: string; args: Record<string, unknown>; blockNumber: bigint; logIndex: number }[]
  return events
    .filter((event) => eventName === undefined || event.eventName === eventName)
    .sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)
    .map(({ eventName: name, args, blockNumber: block }) => ({ name, args, block }))
}
