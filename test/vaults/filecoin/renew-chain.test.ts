/** Longer terms and deposits on a chain with fake contracts, whose node hangs up at every question in turn. */
import { CID } from 'multiformats/cid'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { chainReader } from '../../../src/vaults/filecoin/chain/read.ts'
import { chainWriter } from '../../../src/vaults/filecoin/chain/write.ts'
import { fund } from '../../../src/vaults/filecoin/fund.ts'
import { locatorOf } from '../../../src/vaults/filecoin/locator.ts'
import type { ChainReader } from '../../../src/vaults/filecoin/port.ts'
import { renewer } from '../../../src/vaults/filecoin/renew.ts'
import { type FilecoinHouse, startFilecoin } from '../../fakes/filecoin/house.ts'

const DAY_MS = 86_400_000
let house: FilecoinHouse
let reader: ChainReader
let at: string
let now: number

beforeAll(async () => {
  house = await startFilecoin({ providers: 1 })
  now = await house.now()
  const node = { id: 'deals', rpc: house.rpc, chain: house.chain, timeoutMs: 10_000 }
  reader = await chainReader({ ...node, payer: house.clientAddress, maxLagMs: 1e15, clock: () => now })
  await fund({ chain: reader, writer, settings }, '0.08')
  const [provider] = house.providers
  const pieceCid = provider?.keep(new Uint8Array(5000).fill(7)) ?? ''
  const { signCreation, recordKeeper } = await writer()
  const pieces = [{ cid: CID.parse(pieceCid), metadata: {} }]
  const payee = provider?.address ?? '0x'
  const response = await fetch(new URL('/pdp/data-sets/create-and-add', provider?.url), {
    method: 'POST',
    body: JSON.stringify({
      extraData: await signCreation({ clientDataSetId: 1n, nonce: 2n, payee, metadata: {}, pieces }),
      recordKeeper,
      pieces: [{ pieceCid, subPieces: [{ subPieceCid: pieceCid }] }],
    }),
  })
  expect(response.status).toBe(201)
  const dataSetId = (await reader.createdBy(1n)) ?? 0n
  at = locatorOf({ chainId: house.chain.id, dataSetId, pieceId: 0n, cid: CID.parse(pieceCid), byteLength: 5000 })
}, 60_000)
afterAll(() => house.close())
beforeEach(() => house.proxy.reset())

const settings = { id: 'deals', commitTimeoutMs: 60_000, clock: () => now, wait: async () => undefined }
const writer = (options = {}) =>
  chainWriter({
    id: 'deals',
    rpc: house.rpc,
    chain: house.chain,
    account: privateKeyToAccount(house.clientKey),
    timeoutMs: 10_000,
    ...options,
  })
/** As a process that knows nothing of the ones before it. */
const fresh = () => renewer(reader, writer, settings)
/** Each takes one permit of the wallet. */
const deposits = async () => {
  const { abi, address } = house.chain.contracts.usdfc
  return Number(await house.reader.readContract({ abi, address, functionName: 'nonces', args: [house.clientAddress] }))
}
const paidUntil = async () => (await reader.funds()).fundedUntil ?? 0n
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as VaultError,
  )

describe('a renewal', () => {
  it('deposits what is missing until its date, once', async () => {
    const before = await deposits()
    const until = new Date((await house.now()) + 100 * DAY_MS)
    expect(await fresh()(at, until)).toBe(at)
    expect(await deposits()).toBe(before + 1)
    const { number, at: moment } = await reader.epoch()
    expect(Number((await paidUntil()) - number) * 30_000 + moment).toBeGreaterThanOrEqual(until.getTime())
    expect(await fresh()(at, until)).toBe(at)
    expect(await deposits()).toBe(before + 1)
  })

  it('is made once, whatever question the node hangs up at after its answer, and before it sends', async () => {
    const cuts = [{ request: 1, when: 'before', method: 'eth_sendRawTransaction' } as const]
    let days = 100
    for (let request = 0, isDone = false; !isDone; request++) {
      days += 10
      const before = await deposits()
      const until = new Date((await house.now()) + days * DAY_MS)
      const renew = fresh()
      house.proxy.cutAt = cuts.pop() ?? { request, when: 'after' }
      const error = await failure(renew(at, until))
      isDone = house.proxy.cutAt !== undefined
      if (isDone) expect([error, request > 15]).toEqual([undefined, true])
      else expect(error).toMatchObject({ name: 'VaultError', code: 'unreachable' })
      house.proxy.reset()
      // The next call is that of the same process in half of the cases, and of another one in the others.
      await (request % 2 === 0 ? renew : fresh())(at, until)
      expect(await deposits()).toBe(before + 1)
      expect(request).toBeLessThan(60)
    }
  }, 60_000)

  it('of a data set that was terminated is refused', async () => {
    await house.asClient('fwss', 'terminateService', [(await reader.createdBy(1n)) ?? 0n])
    const before = await deposits()
    const error = await failure(fresh()(at, new Date((await house.now()) + 900 * DAY_MS)))
    expect(error).toBeInstanceOf(VaultError)
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('put it anew: repair will') })
    expect(await deposits()).toBe(before)
  })
})

describe('funding', () => {
  it('by another process sends nothing while the deposit of the first one is not mined', async () => {
    const amount = `${(await reader.funds()).available / 10n ** 18n + 2n}`
    const before = await deposits()
    await house.automine(false)
    try {
      expect((await failure(fund({ chain: reader, writer, settings: { ...settings, commitTimeoutMs: 0 } }, amount)))?.code).toBe(
        'unreachable',
      )
      const error = await failure(fund({ chain: reader, writer, settings }, amount))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('is not mined yet') })
      await house.mine(1)
    } finally {
      await house.automine(true)
    }
    expect((await fund({ chain: reader, writer, settings }, amount)).depositHash).toBeUndefined()
    expect(await deposits()).toBe(before + 1)
  })

  it('is made once, whatever question the node hangs up at', async () => {
    let isDone = false
    for (let request = 1; !isDone; request++) {
      const { available } = await reader.funds()
      const before = await deposits()
      const amount = `${available / 10n ** 18n + 2n}`
      house.proxy.reset()
      house.proxy.cutAt = { request, when: request % 2 === 0 ? 'before' : 'after' }
      const error = await failure(fund({ chain: reader, writer, settings }, amount))
      isDone = house.proxy.cutAt !== undefined
      expect(error?.code).toBe(isDone ? undefined : 'unreachable')
      house.proxy.cutAt = undefined
      await fund({ chain: reader, writer, settings }, amount)
      expect(await deposits()).toBe(before + 1)
      expect(request).toBeLessThan(60)
      if (isDone) expect(request).toBeGreaterThan(15)
    }
  }, 60_000)
})
