/** Transactions and signatures, on a chain of its own with fake contracts. */

import { CID } from 'multiformats/cid'
import { parseEther, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { VaultError } from '../../../../src/errors.ts'
import { chainWriter, type WriterOptions } from '../../../../src/vaults/filecoin/chain/write.ts'
import { packages } from '../../../../src/vaults/filecoin/packages.ts'
import type { ChainWriter, CreationOrder, Hex } from '../../../../src/vaults/filecoin/port.ts'
import { refusalOf, revertWithin } from '../../../../src/vaults/filecoin/words.ts'
import { type FilecoinHouse, startFilecoin } from '../../../fakes/filecoin/house.ts'

const USDFC = 10n ** 18n
const MAX = 2n ** 256n - 1n
/** Nobody's but this test's. */
const POOR_KEY: Hex = `0x${'17'.repeat(32)}`

let house: FilecoinHouse
beforeAll(async () => {
  house = await startFilecoin({ providers: 1 })
}, 60_000)
afterAll(() => house.close())
beforeEach(() => house.proxy.reset())

const writer = (options: Partial<WriterOptions> = {}): Promise<ChainWriter> =>
  chainWriter({
    id: 'deals',
    rpc: house.rpc,
    chain: house.chain,
    account: privateKeyToAccount(house.clientKey),
    timeoutMs: 10_000,
    ...options,
  })
const failure = async (work: Promise<unknown>): Promise<VaultError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}
const sends = () => house.proxy.calls.get('eth_sendRawTransaction') ?? 0
const read = <T>(contract: 'usdfc' | 'filecoinPay' | 'fwssView' | 'pdp', functionName: string, args: readonly unknown[]) =>
  house.reader.readContract({ ...house.chain.contracts[contract], functionName, args } as never) as Promise<T>
const deposited = async () =>
  (await read<readonly bigint[]>('filecoinPay', 'accounts', [house.contracts.usdfc, house.clientAddress]))[0] ?? 0n
const allowance = () => read<bigint>('usdfc', 'allowance', [house.clientAddress, house.contracts.filecoinPay])
const succeeded = async (hash: Hex) => (await house.reader.getTransactionReceipt({ hash })).status === 'success'
/** Answers one method itself, in place of the node. */
const answering = (method: string, answer: () => Promise<object> | object): typeof fetch =>
  (async (input: Parameters<typeof fetch>[0], init: RequestInit) => {
    const { id, method: asked } = JSON.parse(String(init.body)) as { id: number; method: string }
    if (asked !== method) return fetch(input, init)
    const said = await answer()
    return said instanceof Response ? said : Response.json({ jsonrpc: '2.0', id, ...said })
  }) as typeof fetch
const refusing = (message: string, code = -32_000) => answering('eth_sendRawTransaction', () => ({ error: { code, message } }))

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

describe('nonces', () => {
  it('follow each other while nothing is mined', async () => {
    await house.automine(false)
    try {
      const { deposit, approve } = await writer()
      const before = await deposited()
      const hashes = [await deposit(USDFC), await approve({ rateAllowance: 1n, lockupAllowance: 2n, maxLockupPeriod: 3n })]
      await house.mine(1)
      expect(await Promise.all(hashes.map(succeeded))).toEqual([true, true])
      expect((await deposited()) - before).toBe(USDFC)
    } finally {
      await house.automine(true)
    }
  })

  it('fill a gap that another transaction of the wallet waits behind', async () => {
    const account = privateKeyToAccount(house.clientKey)
    const nonce = await house.reader.getTransactionCount({ address: account.address })
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: house.chain.id,
      nonce: nonce + 1,
      to: account.address,
      gas: 21_000n,
      maxFeePerGas: parseEther('0.000001'),
      maxPriorityFeePerGas: 1n,
    })
    const waiting = await house.reader.request({ method: 'eth_sendRawTransaction', params: [raw] })
    const { deposit } = await writer()
    expect(await succeeded(await deposit(USDFC))).toBe(true)
    await house.mine(1)
    expect(await succeeded(waiting)).toBe(true)
  })

  it('that were used are a conflict', async () => {
    house.proxy.lies.set('eth_getTransactionCount', '0x0')
    const { deposit } = await writer()
    const error = await failure(deposit(USDFC))
    expect(error.code).toBe('conflict')
    expect(error.message).toMatch(/another transaction of wallet 0x\w{40} went first; look what it did, then try again/)
    expect(error.cause).toBeDefined()
  })

  it('of another transaction that waits are a conflict, and the same transaction again is none', async () => {
    await house.automine(false)
    try {
      const { approve } = await writer({ fetch: answering('eth_estimateGas', () => ({ result: toHex(200_000) })) })
      const nonce = await house.reader.getTransactionCount({ address: house.clientAddress, blockTag: 'latest' })
      house.proxy.lies.set('eth_getTransactionCount', toHex(nonce))
      const first = await approve({ rateAllowance: 1n, lockupAllowance: 1n, maxLockupPeriod: 1n })
      expect(await approve({ rateAllowance: 1n, lockupAllowance: 1n, maxLockupPeriod: 1n })).toBe(first)
      expect((await failure(approve({ rateAllowance: 2n, lockupAllowance: 2n, maxLockupPeriod: 2n }))).code).toBe('conflict')
      await house.mine(1)
      expect(await succeeded(first)).toBe(true)
    } finally {
      await house.automine(true)
    }
  })

  it.each([
    ['already known', undefined],
    ['nonce too low: next nonce 5, tx nonce 3', 'conflict'],
    ['minimum expected nonce is 5, got 3', 'conflict'],
    ['replacement transaction underpriced', 'conflict'],
    ['message from t410f already in mpool, increase GasPremium to 5 from 1 to trigger replace by fee', 'conflict'],
    ['nonce too high', 'conflict'],
    ['insufficient funds for gas * price + value', 'exhausted'],
    ['something that nobody has heard of', 'unreachable'],
  ])('and what nodes say of them: %s', async (said, code) => {
    const { approve } = await writer({ fetch: refusing(said) })
    const work = approve({ rateAllowance: 1n, lockupAllowance: 1n, maxLockupPeriod: 1n })
    if (code === undefined) expect(await work).toMatch(/^0x[0-9a-f]{64}$/)
    else expect((await failure(work)).code).toBe(code)
  })
})

describe('a node', () => {
  it('of another chain is invalid, and is sent nothing', async () => {
    house.proxy.lies.set('eth_chainId', '0x1')
    const { deposit, approve, terminate } = await writer()
    for (const work of [deposit(USDFC), approve({ rateAllowance: 1n, lockupAllowance: 1n, maxLockupPeriod: 1n }), terminate(1n)]) {
      const error = await failure(work)
      expect(error).toMatchObject({ code: 'invalid', message: expect.stringMatching(/speaks to chain 1, and this vault is on \d+/) })
    }
    expect(sends()).toBe(0)
  })

  it.each<[number, string]>([
    [401, 'denied'],
    [402, 'exhausted'],
    [403, 'denied'],
    [302, 'unreachable'],
    [404, 'unreachable'],
    [429, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable'],
  ])('that answers %i is %s, asked once and sent nothing', async (status, code) => {
    house.proxy.refuse = { status, times: 99, headers: { 'retry-after': '7' } }
    const { deposit } = await writer()
    const error = await failure(deposit(USDFC))
    expect(error.code).toBe(code)
    expect(error.message).toContain(`answers with HTTP ${status}`)
    expect(error.cause).toBeDefined()
    if (status === 429 || status === 503) expect(error.retryAfterMs).toBe(7000)
    expect([house.proxy.requests, sends()]).toEqual([1, 0])
  })

  it.each<[string, Partial<WriterOptions>, () => void, RegExp]>([
    ['is silent', { timeoutMs: 150 }, () => Object.assign(house.proxy, { silent: true }), /no answer within 150 ms/],
    ['hangs up', {}, () => Object.assign(house.proxy, { cutAt: { request: 1, when: 'before' } }), /gave no whole answer/],
    ['is not there', { rpc: 'http://127.0.0.1:1/' }, () => undefined, /127\.0\.0\.1:1 gave no whole answer/],
    ['answers a page', { fetch: async () => new Response('<html>') }, () => undefined, /gave no whole answer/],
    ['answers no number', {}, () => house.proxy.lies.set('eth_chainId', 'many'), /with no number/],
    [
      'is asked too often',
      { fetch: answering('eth_chainId', () => ({ error: { code: -32_005, message: 'slow down' } })) },
      () => undefined,
      /too often/,
    ],
  ])('that %s is unreachable', async (_, options, misbehave, words) => {
    misbehave()
    const { deposit } = await writer(options)
    const error = await failure(deposit(USDFC))
    expect(error.code).toBe('unreachable')
    expect(error.message).toMatch(words)
  })

  it('that hangs up after a transaction leaves its hash in the error, which says to look for it', async () => {
    const before = await deposited()
    house.proxy.cutAt = { request: 1, when: 'after', method: 'eth_sendRawTransaction' }
    const { deposit } = await writer()
    const error = await failure(deposit(USDFC))
    expect(error.code).toBe('unreachable')
    const [hash] = /0x[0-9a-f]{64}/.exec(error.message) ?? []
    expect(await succeeded(hash as Hex)).toBe(true)
    expect((await deposited()) - before).toBe(USDFC)
  })

  it('is asked no longer after an abort', async () => {
    const { deposit } = await writer()
    await expect(deposit(USDFC, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
    expect(sends()).toBe(0)
    house.proxy.silent = true
    const stop = new AbortController()
    const work = deposit(USDFC, { signal: stop.signal })
    stop.abort('later')
    await expect(work).rejects.toBe('later')
  })
})

describe('a wallet without FIL', () => {
  it('is exhausted, and is told what it lacks', async () => {
    const account = privateKeyToAccount(POOR_KEY)
    await house.fund(account.address, USDFC)
    await house.reader.request({ method: 'anvil_setBalance', params: [account.address, '0x0'] } as never)
    const { deposit } = await writer({ account })
    const error = await failure(deposit(USDFC))
    expect(error.code).toBe('exhausted')
    expect(error.message).toContain(`wallet ${account.address} has not the FIL that its gas costs`)
  })
})

it('a chain that the package does not know is unsupported', async () => {
  const error = await failure(writer({ chain: { ...house.chain, id: 5 } }))
  expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('chain 5') })
})
