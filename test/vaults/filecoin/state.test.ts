import { describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { type DealState, decodeState, encodeState } from '../../../src/vaults/filecoin/state.ts'

const state: DealState = {
  step: 'posted',
  chainId: 314,
  providerId: 4n,
  url: 'https://p.example',
  pieceCid: 'bafkzcib',
  clientDataSetId: 2n ** 256n - 1n,
  nonce: 0n,
  dataSetId: 7n,
  extraData: '0x0102',
  txHash: `0x${'ab'.repeat(32)}`,
  replace: true,
  replaces: [{ dataSetId: 1n, pieceId: 2n }],
  charge: { amount: '0.1', currency: 'USDFC', detail: 'one data set' },
}

describe('the memory of a put', () => {
  it('is read as it was written', () => {
    const { dataSetId: _, txHash: __, charge: ___, ...least } = state
    for (const one of [state, { ...least, replaces: [], step: 'signed' as const }])
      expect(decodeState('deals', encodeState(one))).toEqual({ dataSetId: undefined, txHash: undefined, charge: undefined, ...one })
  })

  it.each([
    { version: 2 },
    { step: 'paid' },
    { chainId: '314' },
    { providerId: 4 },
    { clientDataSetId: '-1' },
    { nonce: null },
    { dataSetId: 'x' },
    { extraData: '0x1' },
    { txHash: 7 },
    { replace: 'yes' },
    { replaces: [{ dataSetId: '1' }] },
    { replaces: null },
    { charge: { amount: 1, currency: 'FIL' } },
  ])('is not believed with %j', (wrong) => {
    const spoilt = { ...JSON.parse(Buffer.from(encodeState(state)).toString()), ...wrong }
    const decode = () => decodeState('deals', Buffer.from(JSON.stringify(spoilt)))
    expect(decode).toThrow(VaultError)
    expect(decode).toThrow(/put again/)
  })
})
