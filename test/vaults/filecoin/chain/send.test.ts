/** Nonces, nodes that misbehave, and wallets without FIL: what becomes of a transaction then. */
import { inspect } from 'node:util'
import { parseEther, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { WriterOptions } from '../../../../src/vaults/filecoin/chain/write.ts'
import type { Hex } from '../../../../src/vaults/filecoin/port.ts'
import { type FilecoinHouse, startFilecoin } from '../../../fakes/filecoin/house.ts'
import { answering, failure, onHouse, refusing, USDFC } from './on-house.ts'

/** Nobody's but this test's. */
const POOR_KEY: Hex = `0x${'17'.repeat(32)}`

let house: FilecoinHouse
beforeAll(async () => {
  house = await startFilecoin({ providers: 1 })
}, 60_000)
afterAll(() => house.close())
beforeEach(() => house.proxy.reset())

const { writer, sends, deposited, succeeded } = onHouse(() => house)

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

  it('whose address holds a token is asked with it, and no error shows it', async () => {
    const asked: [string, string | null][] = []
    const fetchIt = (async (input: string, init: RequestInit) => {
      asked.push([input, new Headers(init.headers).get('authorization')])
      return new Response('no', { status: 500 })
    }) as typeof fetch
    const { deposit } = await writer({ rpc: 'https://someone:pass%20word@node.example/rpc/sesame?key=sesame', fetch: fetchIt })
    const error = await failure(deposit(USDFC))
    expect(asked).toEqual([['https://node.example/rpc/sesame?key=sesame', `Basic ${btoa('someone:pass word')}`]])
    expect(error.message).toContain('node.example answers with HTTP 500')
    expect(inspect(error, { depth: 20, showHidden: true, maxStringLength: null })).not.toMatch(/sesame|pass word|someone/)
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
