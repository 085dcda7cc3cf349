import { createDataSetAndAddPieces, uploadPieceStreaming, waitForCreateDataSetAddPieces } from '@filoz/synapse-core/sp'
import { createWalletClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pieceHasher } from '../../src/format/commp.ts'
import { type FilecoinHouse, startFilecoin } from './filecoin/house.ts'

let house: FilecoinHouse

beforeAll(async () => {
  house = await startFilecoin()
})
afterAll(() => house.close())

const walletOf = ({ chain, rpc, clientKey }: FilecoinHouse) =>
  createWalletClient({ chain, transport: http(rpc, { retryCount: 0 }), account: privateKeyToAccount(clientKey) })

test('a piece lives: paid for, uploaded, committed, proven twice, corrupt, at fault, terminated', async () => {
  const [provider] = house.providers
  if (!provider) throw new Error('no provider')
  const bytes = new Uint8Array(70_000).map((_, at) => (at * 7 + (at >> 8)) & 255)
  const { v2 } = pieceHasher().update(bytes).digest()
  await house.settle()
  await uploadPieceStreaming({ serviceURL: provider.url, data: bytes, pieceCid: v2 as never })
  const pieces = [{ pieceCid: v2 as never, metadata: { perdureKind: 'content' } }]
  const { statusUrl } = await createDataSetAndAddPieces(walletOf(house) as never, {
    serviceURL: provider.url,
    payee: provider.address,
    pieces,
    metadata: { source: 'perdure' },
  })
  const { dataSetId, piecesIds } = await waitForCreateDataSetAddPieces({ statusUrl })
  expect([dataSetId, piecesIds]).toEqual([1n, [0n]])
  await provider.nextPeriod(dataSetId)
  expect(await provider.prove(dataSetId)).toBe(true)
  await provider.nextPeriod(dataSetId)
  expect(await provider.prove(dataSetId)).toBe(true)
  await provider.nextPeriod(dataSetId)
  expect(await house.events('FaultRecord')).toEqual([])
  provider.corrupt(`${v2}`, 69_999)
  expect(await provider.prove(dataSetId)).toBe(false)
  await house.mine(30)
  expect(await house.events('FaultRecord')).toEqual([])
  await provider.nextPeriod(dataSetId)
  expect(await house.events('FaultRecord')).toMatchObject([{ args: { dataSetId, periodsFaulted: 2n } }])
  await house.asClient('fwss', 'terminateService', [dataSetId])
  expect(await house.events('PDPPaymentTerminated')).toHaveLength(1)
})
