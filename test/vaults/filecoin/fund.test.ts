/** Money put in order by one call, in memory and on a chain with fake contracts; and what is said of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VaultError } from '../../../src/errors.ts'
import { afford } from '../../../src/vaults/filecoin/afford.ts'
import { balanceOf } from '../../../src/vaults/filecoin/balance.ts'
import { chainWriter } from '../../../src/vaults/filecoin/chain/write.ts'
import { type Funding, fund, fundPlan } from '../../../src/vaults/filecoin/fund.ts'
import type { Approval, ChainReader, Funds, Price } from '../../../src/vaults/filecoin/port.ts'
import { filecoinBalance, fundFilecoin, planFilecoinFunding } from '../../../src/vaults/filecoin/purse.ts'
import { type FilecoinHouse, startFilecoin } from '../../fakes/filecoin/house.ts'
import { receiptOf } from '../../fakes/filecoin/receipt.ts'
import { ALL, AT, fundsOf, MONTH, NOW, PAYER, PRICE, purse, UNIT } from './purse.ts'

const patience = { commitTimeoutMs: 60_000, clock: () => AT, wait: async () => undefined }
const NONE = { isApproved: false, rateAllowance: 0n, lockupAllowance: 0n, rateUsed: 0n, lockupUsed: 0n, maxLockupPeriod: 0n }

/** A payer whose deposits and approvals are there once they were sent. */
function payer(money: Partial<Funds>, { costs = {}, maxPrice }: { readonly costs?: Partial<Price>; readonly maxPrice?: string } = {}) {
  let funds = fundsOf({ available: 0n, deposited: 0n, approval: NONE, ...money })
  const sent: string[] = []
  const chain: ChainReader = { ...purse({ costs, transaction: async () => 'succeeded' }), funds: async () => funds }
  const debt = () => (funds.fundedUntil !== undefined && funds.fundedUntil < NOW ? (NOW - funds.fundedUntil) * funds.ratePerEpoch : 0n)
  const funding: Funding = {
    chain,
    writer: async () => ({
      deposit: async (amount) => {
        sent.push(`deposit ${amount}`)
        const available = funds.available + amount - debt()
        funds = { ...funds, wallet: funds.wallet - amount, available, fundedUntil: funds.ratePerEpoch ? NOW : undefined }
        return '0x01'
      },
      approve: async (allowances) => {
        sent.push('approve')
        funds = { ...funds, approval: { ...funds.approval, isApproved: true, ...allowances } }
        return '0x02'
      },
    }),
    settings: { id: 'deals', maxPrice, ...patience },
  }
  return { funding, sent, funds: () => funds }
}
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as VaultError,
  )

describe('funding', () => {
  it('deposits, approves what the deposit carries, waits, and sends nothing the second time', async () => {
    const { funding, sent, funds } = payer({})
    const first = await fund(funding, '5')
    expect(sent).toEqual([`deposit ${5n * UNIT}`, 'approve'])
    expect(first).toMatchObject({ depositHash: '0x01', approveHash: '0x02' })
    expect(first.text).toEqual([
      'deposit: 5 USDFC from the wallet, so that 5 are free',
      'approval: the service may take 5.000001 USDFC a month and lock up 5.000001 USDFC, at most a month ahead',
    ])
    expect(funds().approval).toEqual({
      isApproved: true,
      rateAllowance: (5n * UNIT) / MONTH + 1n,
      lockupAllowance: ((5n * UNIT) / MONTH + 1n) * MONTH,
      rateUsed: 0n,
      lockupUsed: 0n,
      maxLockupPeriod: MONTH,
    })
    const second = await fund(funding, '5')
    expect(second).toMatchObject({ deposit: undefined, approve: undefined, depositHash: undefined, approveHash: undefined })
    expect(second.text).toEqual(['deposit: 5 USDFC are free, nothing is missing', 'approval: the service may take enough'])
    expect(sent).toHaveLength(2)
  })

  it('fills up to the sum, and pays what is owed first', async () => {
    const some = payer({ available: 2n * UNIT, approval: ALL })
    await fund(some.funding, '5')
    expect(some.sent).toEqual([`deposit ${3n * UNIT}`])
    const behind = payer({ ratePerEpoch: UNIT / 1000n, fundedUntil: NOW - 1000n, approval: ALL })
    await fund(behind.funding, '5')
    expect(behind.sent).toEqual([`deposit ${6n * UNIT}`])
    expect(behind.funds().available).toBe(5n * UNIT)
  })

  it('approves by the limit where there is one, and lessens nothing', async () => {
    const limited = payer({}, { maxPrice: '2.5' })
    await fund(limited.funding, '50')
    expect(limited.funds().approval.rateAllowance).toBe((5n * UNIT) / (2n * MONTH) + 1n)
    const larger: Approval = { ...NONE, rateAllowance: 10n ** 30n, lockupAllowance: 10n ** 40n, maxLockupPeriod: 10n ** 6n }
    const had = payer({ approval: larger }, { maxPrice: '2.5' })
    await fund(had.funding, '1')
    expect(had.funds().approval).toEqual({ ...larger, isApproved: true })
  })

  it.each<[string, Partial<Funds>, string, string, RegExp]>([
    ['no sum', {}, 'much', 'invalid', /the amount must be a sum/],
    ['nothing', {}, '0', 'invalid', /the amount is nothing/],
    [
      'more than the wallet has',
      { wallet: UNIT },
      '5',
      'exhausted',
      new RegExp(`a deposit of 5 USDFC is missing, and wallet ${PAYER} has 1 USDFC; send it 4 USDFC more`),
    ],
  ])('with %s sends nothing', async (_, money, amount, code, words) => {
    const { funding, sent } = payer(money)
    const error = await failure(fund(funding, amount))
    expect(error?.code).toBe(code)
    expect(error?.message).toMatch(words)
    expect(sent).toEqual([])
  })

  it('says that a transaction was refused, or is not mined yet', async () => {
    for (const [outcome, code] of [
      ['reverted', 'conflict'],
      ['pending', 'unreachable'],
    ] as const) {
      let now = 0
      const { funding } = payer({})
      const settings = { ...funding.settings, clock: () => (now += 30_000) }
      const error = await failure(fund({ ...funding, settings, chain: { ...funding.chain, transaction: async () => outcome } }, '5'))
      expect(error?.code).toBe(code)
      expect(error?.message).toContain('deposit 0x01')
    }
  })

  it('with the sum that a refused put names is enough for it', async () => {
    const scenes = fc.record({
      byteLength: fc.integer({ min: 1, max: 1_065_353_216 }),
      isNewDataSet: fc.boolean(),
      available: fc.bigInt(0n, UNIT),
      ratePerEpoch: fc.bigInt(0n, 10n ** 13n),
      behind: fc.integer({ min: -1000, max: 1000 }),
      perDataSet: fc.constantFrom(0n, UNIT / 10n),
      approval: fc.constantFrom(NONE, ALL, {
        ...NONE,
        isApproved: true,
        rateUsed: 10n ** 13n,
        rateAllowance: 10n ** 13n,
        lockupUsed: UNIT,
      }),
    })
    let refused = 0
    await fc.assert(
      fc.asyncProperty(scenes, async ({ byteLength, isNewDataSet, behind, perDataSet, available, ratePerEpoch, approval }) => {
        const isBehind = behind > 0 && ratePerEpoch > 0n
        const money = {
          available: isBehind ? 0n : available,
          ratePerEpoch,
          fundedUntil: ratePerEpoch ? NOW - BigInt(behind) : undefined,
          approval,
        }
        const { funding } = payer(money, { costs: { perDataSet } })
        const put = () => afford(funding.chain, { id: 'deals' }, byteLength, { isNewDataSet })
        const error = await failure(put())
        if (!error) return
        refused++
        const [, amount = ''] = /`perdure filecoin fund ([\d.]+)`/.exec(error.message) ?? []
        await fund(funding, amount)
        await put()
      }),
      { numRuns: 300 },
    )
    expect(refused).toBeGreaterThan(50)
  })
})

describe('a balance', () => {
  it('is exact in numbers, and in lines for a person', async () => {
    const ratePerEpoch = UNIT / MONTH
    const money = {
      wallet: UNIT / 3n,
      ratePerEpoch,
      fundedUntil: NOW + 2880n * 40n,
      approval: { ...ALL, rateUsed: ratePerEpoch, lockupUsed: UNIT },
    }
    const balance = await balanceOf(purse({ money }))
    expect(balance).toMatchObject({
      payer: PAYER,
      chainId: 314,
      wallet: '0.333333333333333333',
      gas: '1',
      free: '10',
      owed: '0',
      perMonth: '0.9999999999999936',
      days: 40,
      paidUntil: new Date(AT + 40 * 86_400_000),
      approval: { isApproved: true, lockupUsed: '1' },
    })
    expect(balance.text).toEqual([
      `payer ${PAYER} on chain 314`,
      'wallet: 0.333333 USDFC, and 1 FIL for gas',
      'deposit: 10 USDFC, 10 of it free',
      'spent: 1 USDFC a month, which lasts until 2023-12-24, 40 days',
      'approval: the service may take any sum a month and lock up any sum; 1 and 1 are in use',
    ])
  })

  it.each<[string, Partial<Funds>, RegExp]>([
    ['without FIL', { gas: 0n }, /0 FIL for gas: send it some/],
    ['of which nothing is spent', {}, /^spent: 0 USDFC a month$/m],
    [
      'that is used up',
      { ratePerEpoch: UNIT / 1000n, fundedUntil: NOW - 1000n },
      /used up since 2023-11-14, 1 USDFC owed; run `perdure filecoin fund AMOUNT`/,
    ],
    ['without an approval', { approval: NONE }, /^approval: none, so nothing can be stored; run/m],
    ['that lasts longer than any date', { ratePerEpoch: 1n, fundedUntil: 2n ** 200n }, /which lasts for more than a century/],
  ])('%s says so', async (_, money, words) => expect((await balanceOf(purse({ money }))).text.join('\n')).toMatch(words))
})

describe('on a chain', () => {
  let house: FilecoinHouse
  beforeAll(async () => {
    house = await startFilecoin({ providers: 1 })
  }, 60_000)
  afterAll(() => house.close())

  const read = <T>(contract: 'usdfc' | 'filecoinPay' | 'fwss' | 'fwssView', functionName: string, args: readonly unknown[] = []) =>
    house.reader.readContract({ ...house.chain.contracts[contract], functionName, args } as never) as Promise<T>
  const bare = (): ChainReader => ({
    ...purse(),
    payer: house.clientAddress,
    chainId: house.chain.id,
    epoch: async () => ({ number: await house.epoch(), at: await house.now() }),
    transaction: async (hash) => ((await receiptOf(house.reader, hash)).status === 'success' ? 'succeeded' : 'reverted'),
    price: async () => {
      const found = await read<{ pricePerTiBPerMonthNoCDN: bigint; minimumPricePerMonth: bigint; epochsPerMonth: bigint }>(
        'fwss',
        'getServicePrice',
      )
      return {
        perTiBMonth: found.pricePerTiBPerMonthNoCDN,
        leastPerMonth: found.minimumPricePerMonth,
        epochsPerMonth: found.epochsPerMonth,
      }
    },
    funds: async () => {
      const { usdfc, fwss } = house.contracts
      const wallet = await read<bigint>('usdfc', 'balanceOf', [house.clientAddress])
      const [until, deposited, available, ratePerEpoch] = await read<readonly [bigint, bigint, bigint, bigint]>(
        'filecoinPay',
        'getAccountInfoIfSettled',
        [usdfc, house.clientAddress],
      )
      const [isApproved, rateAllowance, lockupAllowance, rateUsed, lockupUsed, maxLockupPeriod] = await read<
        readonly [boolean, bigint, bigint, bigint, bigint, bigint]
      >('filecoinPay', 'operatorApprovals', [usdfc, house.clientAddress, fwss])
      const approval = { isApproved, rateAllowance, lockupAllowance, rateUsed, lockupUsed, maxLockupPeriod }
      return fundsOf({ wallet, deposited, available, ratePerEpoch, fundedUntil: ratePerEpoch === 0n ? undefined : until, approval })
    },
  })

  it('what a refused put names is enough for the contracts to take the piece', async () => {
    const chain = bare()
    const account = privateKeyToAccount(house.clientKey)
    const writer = await chainWriter({ id: 'deals', rpc: house.rpc, chain: house.chain, account, timeoutMs: 10_000 })
    const [provider] = house.providers
    const create = async (nonce: bigint) => {
      const pieceCid = provider?.keep(new Uint8Array(5000).fill(Number(nonce))) ?? ''
      const order = {
        clientDataSetId: nonce,
        nonce: nonce + 1n,
        payee: provider?.address ?? '0x',
        metadata: {},
        pieces: [{ cid: CID.parse(pieceCid), metadata: {} }],
      }
      const response = await fetch(new URL('/pdp/data-sets/create-and-add', provider?.url), {
        method: 'POST',
        body: JSON.stringify({
          extraData: await writer.signCreation(order as never),
          recordKeeper: writer.recordKeeper,
          pieces: [{ pieceCid, subPieces: [{ subPieceCid: pieceCid }] }],
        }),
      })
      return response.status
    }
    const put = () => afford(chain, { id: 'deals' }, 5000, { isNewDataSet: true })
    const settings = { id: 'deals', ...patience }
    expect(await create(100n)).toBe(500)
    for (const nonce of [200n, 300n]) {
      const error = await failure(put())
      expect(error?.code).toBe('exhausted')
      const [, amount = ''] = /`perdure filecoin fund ([\d.]+)`/.exec(error?.message ?? '') ?? []
      const { depositHash } = await fund({ chain, writer: async () => writer, settings }, amount)
      expect(depositHash).toMatch(/^0x[0-9a-f]{64}$/)
      await put()
      await house.mine(50)
      expect(await create(nonce)).toBe(201)
    }
    const { perMonth, text } = await balanceOf(chain)
    expect(Number(perMonth)).toBeCloseTo((2 * Number(PRICE.leastPerMonth)) / Number(UNIT), 6)
    expect(text[0]).toContain(house.clientAddress)
  })

  it('a plan sends nothing', async () => {
    const { text, deposit } = await fundPlan({ chain: bare(), settings: { id: 'deals', ...patience } }, '500')
    expect(text[0]).toMatch(/from the wallet, so that 500 are free/)
    expect(deposit).toBeGreaterThan(499n * UNIT)
    expect(house.proxy.calls.get('eth_sendRawTransaction') ?? 0).toBeLessThanOrEqual(4)
  })

  it('the same by the options of a vault, the key in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perdure-purse-'))
    try {
      const key = join(folder, 'payer.key')
      await writeFile(key, `${house.clientKey}\n`, { mode: 0o600 })
      const now = await house.now()
      const options = { key, rpc: house.rpc, chain: house.chain, clock: () => now, wait: async () => undefined }
      const plan = await planFilecoinFunding(options, '20')
      const before = await filecoinBalance(options)
      const funded = await fundFilecoin(options, '20')
      expect(funded.deposit).toBeGreaterThanOrEqual(plan.deposit ?? 0n)
      const after = await filecoinBalance(options)
      expect(Number(after.free)).toBeGreaterThanOrEqual(19.999)
      expect(Number(before.wallet) - Number(after.wallet)).toBeCloseTo(Number(funded.deposit) / Number(UNIT), 6)
      expect(after).toMatchObject({ payer: house.clientAddress, chainId: house.chain.id, approval: { isApproved: true } })
      expect(Number(after.approval.perMonth)).toBeGreaterThanOrEqual(20)
      expect(JSON.stringify(after)).not.toContain(house.clientKey.slice(2, 20))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
