/** A writer on a house of fakes, and what is asked of the chain behind its back. */
import { privateKeyToAccount } from 'viem/accounts'
import { expect } from 'vitest'
import { VaultError } from '../../../../src/errors.ts'
import { chainWriter, type WriterOptions } from '../../../../src/vaults/filecoin/chain/write.ts'
import type { ChainWriter, Hex } from '../../../../src/vaults/filecoin/port.ts'
import type { FilecoinHouse } from '../../../fakes/filecoin/house.ts'
import { receiptOf } from '../../../fakes/filecoin/receipt.ts'

export const USDFC = 10n ** 18n

export const failure = async (work: Promise<unknown>): Promise<VaultError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}

/** Answers one method itself, in place of the node. */
export const answering = (method: string, answer: () => Promise<object> | object): typeof fetch =>
  (async (input: Parameters<typeof fetch>[0], init: RequestInit) => {
    const { id, method: asked } = JSON.parse(String(init.body)) as { id: number; method: string }
    if (asked !== method) return fetch(input, init)
    const said = await answer()
    return said instanceof Response ? said : Response.json({ jsonrpc: '2.0', id, ...said })
  }) as typeof fetch

export const refusing = (message: string, code = -32_000) => answering('eth_sendRawTransaction', () => ({ error: { code, message } }))

type Contract = 'usdfc' | 'filecoinPay' | 'fwssView' | 'pdp'

/** Of a house that opens later. */
export function onHouse(house: () => FilecoinHouse) {
  const read = <T>(contract: Contract, functionName: string, args: readonly unknown[]) =>
    house().reader.readContract({ ...house().chain.contracts[contract], functionName, args } as never) as Promise<T>
  return {
    read,
    writer(options: Partial<WriterOptions> = {}): Promise<ChainWriter> {
      const { rpc, chain, clientKey } = house()
      return chainWriter({ id: 'deals', rpc, chain, account: privateKeyToAccount(clientKey), timeoutMs: 10_000, ...options })
    },
    /** Transactions on their way through the proxy. */
    sends: () => house().proxy.calls.get('eth_sendRawTransaction') ?? 0,
    async deposited(): Promise<bigint> {
      const { contracts, clientAddress } = house()
      return (await read<readonly bigint[]>('filecoinPay', 'accounts', [contracts.usdfc, clientAddress]))[0] ?? 0n
    },
    allowance: () => read<bigint>('usdfc', 'allowance', [house().clientAddress, house().contracts.filecoinPay]),
    succeeded: async (hash: Hex) => (await receiptOf(house().reader, hash)).status === 'success',
  }
}
