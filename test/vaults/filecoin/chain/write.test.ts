/** What is written to the chain and signed for it, on one of its own with fake contracts. */
import { CID } from 'multiformats/cid'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { packages } from '../../../../src/vaults/filecoin/packages.ts'
import type { CreationOrder, Hex } from '../../../../src/vaults/filecoin/port.ts'
import { refusalOf, revertWithin } from '../../../../src/vaults/filecoin/words.ts'
import { type FilecoinHouse, startFilecoin } from '../../../fakes/filecoin/house.ts'
import { failure, onHouse, USDFC } from './on-house.ts'

const MAX = 2n ** 256n - 1n

let house: FilecoinHouse
beforeAll(async () => {
  house = await startFilecoin({ providers: 1 })
}, 60_000)
afterAll(() => house.close())
beforeEach(() => house.proxy.reset())

const { writer, sends, read, deposited, allowance, succeeded } = onHouse(() => house)

describe('a deposit', () => {
  it('is one transaction also where the allowance is short, and its hash is told before it is sent', async () => {
    const before = await deposited()
    const told: [Hex, string, number][] = []
    const { deposit } = await writer({ onSigned: ({ hash, doing }) => told.push([hash, doing, sends()]) })
    expect(await allowance()).toBe(0n)
    const hash = await deposit(5n * USDFC)
    expect(told).toEqual([[hash, 'depositing 5 USDFC', 0]])
    expect(sends()).toBe(1)
    expect(await succeeded(hash)).toBe(true)
    expect((await deposited()) - before).toBe(5n * USDFC)
  })

  it('uses up an allowance that is large enough, and signs no permit', async () => {
    await house.asClient('usdfc', 'approve', [house.contracts.filecoinPay, 3n * USDFC])
    const nonces = await read<bigint>('usdfc', 'nonces', [house.clientAddress])
    const before = await deposited()
    const { deposit } = await writer()
    expect(await succeeded(await deposit(2n * USDFC))).toBe(true)
    expect((await deposited()) - before).toBe(2n * USDFC)
    expect(await allowance()).toBe(USDFC)
    expect(await read('usdfc', 'nonces', [house.clientAddress])).toBe(nonces)
    await house.asClient('usdfc', 'approve', [house.contracts.filecoinPay, 0n])
  })

  it('of more than the wallet has names what is missing, and sends nothing', async () => {
    const { deposit } = await writer()
    const error = await failure(deposit(10_000n * USDFC))
    expect(error.code).toBe('exhausted')
    expect(error.message).toMatch(/depositing 10000 USDFC: wallet 0x\w{40} has 993 USDFC; send it 9007 USDFC more/)
    expect(sends()).toBe(0)
  })

  it('whose money goes elsewhere mid-way is refused in words, and not sent', async () => {
    const wallet = await read<bigint>('usdfc', 'balanceOf', [house.clientAddress])
    let gone = false
    const fetchAfter = (async (input: Parameters<typeof fetch>[0], init: RequestInit) => {
      if (String(init.body).includes('eth_estimateGas') && !gone) {
        gone = true
        await house.asClient('usdfc', 'transfer', [house.contracts.usdfc, wallet - USDFC])
      }
      return fetch(input, init)
    }) as typeof fetch
    const { deposit } = await writer({ fetch: fetchAfter })
    const error = await failure(deposit(4n * USDFC))
    expect(error.code).toBe('exhausted')
    expect(error.message).toMatch(/the wallet has 1 USDFC, and 4 USDFC are to leave it/)
    expect(sends()).toBe(0)
    await house.fund(house.clientAddress, wallet - USDFC)
  })

  it('waits for what the wallet sent before, which may be the same deposit', async () => {
    await house.automine(false)
    try {
      const { deposit } = await writer()
      const first = await deposit(USDFC)
      const error = await failure((await writer()).deposit(USDFC))
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/earlier transaction of wallet 0x\w{40} is not mined yet/),
      })
      expect(sends()).toBe(1)
      await house.mine(1)
      expect(await succeeded(first)).toBe(true)
      await deposit(USDFC)
      expect(sends()).toBe(2)
      await house.mine(1)
    } finally {
      await house.automine(true)
    }
  })

  it('of nothing is invalid', async () => {
    const { deposit } = await writer()
    expect((await failure(deposit(0n))).code).toBe('invalid')
    expect(house.proxy.requests).toBe(0)
  })
})

describe('the service', () => {
  it('is approved with the allowances that were named, and no others', async () => {
    const { approve } = await writer()
    expect(await succeeded(await approve({ rateAllowance: 7n, lockupAllowance: 8n, maxLockupPeriod: 9n }))).toBe(true)
    const { usdfc, fwss } = house.contracts
    const found = await read<readonly unknown[]>('filecoinPay', 'operatorApprovals', [usdfc, house.clientAddress, fwss])
    expect(found).toEqual([true, 7n, 8n, 0n, 0n, 9n])
  })

  it('is the record keeper', async () => expect((await writer()).recordKeeper).toBe(house.contracts.fwss))
})

describe('what is signed', () => {
  const cid = CID.parse('bafkzcibcd4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy')
  const order = (pieces: CreationOrder['pieces']): CreationOrder => ({
    clientDataSetId: 41n,
    nonce: 42n,
    payee: house.providers[0]?.address ?? '0x',
    metadata: { source: 'perdure' },
    pieces,
  })
  const post = async (path: string, extraData: Hex, pieces: readonly string[]) => {
    const response = await fetch(new URL(path, house.providers[0]?.url), {
      method: path.includes('/pieces/') ? 'DELETE' : 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        extraData,
        recordKeeper: house.contracts.fwss,
        pieces: pieces.map((pieceCid) => ({ pieceCid, subPieces: [{ subPieceCid: pieceCid }] })),
      }),
    })
    return { status: response.status, text: await response.text() }
  }

  it('is the same every time, asks no node, and changes with the order', async () => {
    const { signCreation, signAddition, signRemoval } = await writer()
    const pieces = [{ cid, metadata: { perdureKind: 'content' } }]
    expect(await signCreation(order(pieces))).toBe(await signCreation(order(pieces)))
    expect(await signCreation(order(pieces))).not.toBe(await signCreation({ ...order(pieces), nonce: 43n }))
    expect(await signAddition(order(pieces))).toBe(await signAddition(order(pieces)))
    expect(await signAddition(order(pieces))).not.toBe(await signAddition(order([{ cid, metadata: {} }])))
    const removal = { clientDataSetId: 41n, pieceIds: [1n] }
    expect(await signRemoval(removal)).toBe(await signRemoval(removal))
    expect(house.proxy.requests).toBe(0)
  })

  it('is refused in words while nothing is approved, then creates, adds, removes and terminates', async () => {
    const [provider] = house.providers
    const own = await packages('deals')
    const chain = await writer()
    const [first = '', second = ''] = [1, 2].map((fill) => provider?.keep(new Uint8Array(400).fill(fill)))
    const creation = await chain.signCreation(order([{ cid: CID.parse(first), metadata: { perdureKind: 'content' } }]))
    await chain.approve({ rateAllowance: 0n, lockupAllowance: 0n, maxLockupPeriod: 0n })
    const refused = await post('/pdp/data-sets/create-and-add', creation, [first])
    const revert = revertWithin(refused.text)
    expect(revert && refusalOf(own, 'deals', 'creating', revert)).toMatchObject({ code: 'denied', message: /may not take as much/ })

    await chain.approve({ rateAllowance: MAX, lockupAllowance: MAX, maxLockupPeriod: MAX })
    expect((await post('/pdp/data-sets/create-and-add', creation, [first])).status).toBe(201)
    const dataSetId = await read<bigint>('fwssView', 'clientNonces', [house.clientAddress, 41n])
    expect(dataSetId).toBeGreaterThan(0n)
    const again = revertWithin((await post('/pdp/data-sets/create-and-add', creation, [first])).text)
    expect(again && refusalOf(own, 'deals', 'creating', again)).toMatchObject({ code: 'conflict', message: /nonce 41 was used/ })

    const addition = await chain.signAddition({ clientDataSetId: 41n, nonce: 44n, pieces: [{ cid: CID.parse(second), metadata: {} }] })
    expect((await post(`/pdp/data-sets/${dataSetId}/pieces`, addition, [second])).status).toBe(201)
    const removal = await chain.signRemoval({ clientDataSetId: 41n, pieceIds: [1n] })
    expect((await post(`/pdp/data-sets/${dataSetId}/pieces/1`, removal, [])).status).toBe(200)
    expect(await read('pdp', 'getScheduledRemovals', [dataSetId])).toEqual([1n])

    expect(await succeeded(await chain.terminate(dataSetId))).toBe(true)
    const twice = await failure(chain.terminate(dataSetId))
    expect(twice).toMatchObject({ code: 'invalid', message: expect.stringMatching(/data set \d+ was terminated/) })
    const never = await failure(chain.terminate(999n))
    expect(never).toMatchObject({ code: 'invalid', message: expect.stringMatching(/knows no data set 999/) })
  })

  it('lets nobody else terminate', async () => {
    const [provider] = house.providers
    const kept = provider?.keep(new Uint8Array(400).fill(3)) ?? ''
    const chain = await writer()
    const creation = await chain.signCreation({ ...order([{ cid: CID.parse(kept), metadata: {} }]), clientDataSetId: 45n, nonce: 46n })
    expect((await post('/pdp/data-sets/create-and-add', creation, [kept])).status).toBe(201)
    const account = privateKeyToAccount(`0x${'19'.repeat(32)}`)
    await house.fund(account.address, 0n)
    const dataSetId = await read<bigint>('fwssView', 'clientNonces', [house.clientAddress, 45n])
    const { terminate } = await writer({ account })
    const error = await failure(terminate(dataSetId))
    expect(error.code).toBe('denied')
    expect(error.message).toContain(`data set ${dataSetId} is paid by ${house.clientAddress}; use that key`)
  })
})
