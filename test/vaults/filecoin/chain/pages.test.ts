import { mainnet } from '@filoz/synapse-core/chains'
import { type Abi, decodeFunctionData, encodeFunctionResult, type Hex, multicall3Abi } from 'viem'
import { expect, it } from 'vitest'
import { chainReader } from '../../../../src/vaults/filecoin/chain/read.ts'

const PAYER: Hex = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const AT = 1_700_000_000_000
const CID_DATA: Hex = '0x0155912024020000000000000000000000000000000000000000000000000000000000000000000000'

/** A node whose contracts answer by the name of what they are asked. */
const nodeOf = (contract: 'pdp' | 'fwssView', answers: Readonly<Record<string, (args: readonly unknown[]) => unknown>>) => {
  const { abi } = mainnet.contracts[contract] as { readonly abi: Abi }
  let calls = 0
  const answer = (callData: Hex) => {
    const { functionName, args = [] } = decodeFunctionData({ abi, data: callData })
    const result = answers[functionName]?.(args)
    if (result === undefined) throw new Error(`${functionName} was not to be asked`)
    return { success: true, returnData: encodeFunctionResult({ abi, functionName, result } as never) }
  }
  const replies: Readonly<Record<string, (params: readonly { readonly data: Hex }[]) => unknown>> = {
    eth_chainId: () => '0x13a',
    eth_getBlockByNumber: () => ({ number: '0x64', timestamp: `0x${(AT / 1000).toString(16)}` }),
    eth_call: ([call]) => {
      if (++calls > 20) throw new Error('asked for ever')
      const { args } = decodeFunctionData({ abi: multicall3Abi, data: call?.data ?? '0x' })
      const questions = (args?.[0] ?? []) as readonly { readonly callData: Hex }[]
      return encodeFunctionResult({
        abi: multicall3Abi,
        functionName: 'aggregate3',
        result: questions.map(({ callData }) => answer(callData)),
      })
    },
  }
  const fetch = (async (_: unknown, init: RequestInit) => {
    const { id, method, params } = JSON.parse(String(init.body))
    return Response.json({ jsonrpc: '2.0', id, result: replies[method]?.(params) })
  }) as typeof globalThis.fetch
  const options = { id: 'filecoin', rpc: 'http://node.example/', chain: mainnet, payer: PAYER, timeoutMs: 5_000, maxLagMs: 60_000 }
  return chainReader({ ...options, fetch, clock: () => AT })
}

/** So many pieces from there on, out of five. */
const piecesFrom = (start: bigint) => {
  const ids = [0n, 1n, 2n, 3n, 4n].filter((id) => id >= start).slice(0, 2)
  return [ids.map(() => ({ data: CID_DATA })), ids, ids.at(-1) !== 4n]
}

const listed = async (reader: Awaited<ReturnType<typeof nodeOf>>) => {
  const found: bigint[] = []
  for await (const { pieceId } of reader.pieces(1n)) found.push(pieceId)
  return found
}

it('lists every piece once, page after page', async () => {
  const reader = await nodeOf('pdp', { getActivePiecesByCursor: ([, start]) => piecesFrom(start as bigint) })
  expect(await listed(reader)).toEqual([0n, 1n, 2n, 3n, 4n])
})

it('does not list pieces for ever, nor as if these were all, where a node gives the same page again', async () => {
  const reader = await nodeOf('pdp', { getActivePiecesByCursor: () => piecesFrom(0n) })
  await expect(listed(reader)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('same page') })
})

const setOf = (id: bigint) => ({
  pdpRailId: 1n,
  cacheMissRailId: 0n,
  cdnRailId: 0n,
  payer: PAYER,
  payee: PAYER,
  serviceProvider: PAYER,
  commissionBps: 0n,
  clientDataSetId: id,
  pdpEndEpoch: 0n,
  providerId: 1n,
  dataSetId: id,
})
const sets = (from: bigint, count: number) => Array.from({ length: count }, (_, n) => setOf(from + BigInt(n)))

it('finds the data sets of every page, and does not ask for ever for the same', async () => {
  const getAllDataSetMetadata = () => [[], []]
  const honest = await nodeOf('fwssView', {
    getAllDataSetMetadata,
    getClientDataSets: ([, offset]) => (offset === 0n ? sets(1n, 100) : sets(101n, 5)),
  })
  expect((await honest.dataSets()).map(({ id }) => id)).toEqual(Array.from({ length: 105 }, (_, n) => BigInt(n + 1)))
  const repeating = await nodeOf('fwssView', { getAllDataSetMetadata, getClientDataSets: () => sets(1n, 100) })
  await expect(repeating.dataSets()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('same page') })
})
