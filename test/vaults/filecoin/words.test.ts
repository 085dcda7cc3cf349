/** What a revert says to whoever pays. */
import { encodeAbiParameters, encodeErrorResult, type Hex, toFunctionSelector } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { type Packages, packages } from '../../../src/vaults/filecoin/packages.ts'
import { refusalOf, revertIn, revertWithin } from '../../../src/vaults/filecoin/words.ts'

const PAYER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const OTHER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const usdfc = (amount: number) => BigInt(Math.round(amount * 1e6)) * 10n ** 12n

let own: Packages
beforeAll(async () => {
  own = await packages('deals')
})
const everyAbi = () => [...own.abis.fwss, ...own.abis.filecoinPay, ...own.abis.pdp, ...own.abis.serviceProviderRegistry]
const revertOf = (errorName: string, args: readonly unknown[]): Hex => encodeErrorResult({ abi: everyAbi(), errorName, args } as never)
const said = (revert: Hex) => refusalOf(own, 'deals', 'creating the data set', revert, 'the cause')

describe('a revert becomes one sentence with what to do', () => {
  it.each<[string, readonly unknown[], string, RegExp]>([
    [
      'InsufficientLockupFunds',
      [PAYER, usdfc(0.06), usdfc(0.01)],
      'exhausted',
      /0\.06 USDFC of the deposit have to be free to be locked up, and 0\.01 USDFC are; run `perdure filecoin fund 0\.06`/,
    ],
    ['InsufficientFundsForSettlement', [OTHER, PAYER, 1n, 2n], 'exhausted', /used up.*perdure filecoin fund/],
    [
      'LockupFixedIncreaseNotAllowedDueToInsufficientFunds',
      [OTHER, PAYER, 1n, 2n],
      'exhausted',
      /does not cover it.*perdure filecoin fund/,
    ],
    ['LockupNotSettledRateChangeNotAllowed', [1n, PAYER, false, 1n, 2n], 'exhausted', /used up/],
    ['UsdfcSybilFeeNotMet', [], 'exhausted', /fee for a new data set/],
    [
      'OperatorNotApproved',
      [PAYER, OTHER],
      'denied',
      /not approved the storage service; run `perdure filecoin fund AMOUNT`, which approves/,
    ],
    ['InsufficientRateAllowance', [PAYER, OTHER, 1n, 1n, 2n], 'denied', /may not take as much in an epoch/],
    ['OperatorRateAllowanceExceeded', [1n, 2n], 'denied', /may not take as much in an epoch/],
    ['InsufficientLockupAllowance', [PAYER, OTHER, 1n, 1n, 2n], 'denied', /may not lock up as much/],
    ['OperatorLockupAllowanceExceeded', [1n, 2n], 'denied', /may not lock up as much/],
    ['InsufficientMaxLockupPeriod', [PAYER, OTHER, 1n, 2n], 'denied', /for as long/],
    ['LockupPeriodExceedsOperatorMaximum', [OTHER, OTHER, 1n, 2n], 'denied', /for as long/],
    ['ClientDataSetAlreadyRegistered', [77n], 'conflict', /nonce 77 was used: what was signed with it is on the chain/],
    ['ProviderNotInApprovedList', [4n], 'invalid', /does not approve provider 4; choose another provider/],
    ['ProviderNotRegistered', [OTHER], 'invalid', new RegExp(`${OTHER} is in no registry of providers`)],
    ['DataSetPaymentAlreadyTerminated', [9n], 'invalid', /data set 9 was terminated; take another data set/],
    ['DataSetPaymentBeyondEndEpoch', [9n, 1n, 2n], 'invalid', /data set 9 was terminated/],
    ['InvalidDataSetId', [9n], 'invalid', /knows no data set 9/],
    ['RailAlreadyTerminated', [3n], 'invalid', /rail 3 was terminated/],
    ['CallerNotPayerOrPayee', [9n, PAYER, OTHER, OTHER], 'denied', new RegExp(`data set 9 is paid by ${PAYER}; use that key`)],
    ['InvalidSignature', [PAYER, OTHER], 'denied', new RegExp(`that of ${OTHER} and not of ${PAYER}`)],
  ])('%s', (name, args, code, words) => {
    const error = said(revertOf(name, args))
    expect(error).toBeInstanceOf(VaultError)
    expect(error).toMatchObject({ code, vault: 'deals', cause: 'the cause' })
    expect(error.message).toMatch(words)
    expect(error.message).toContain('vault deals: creating the data set: ')
  })

  it('of a token, whose errors are in no ABI of the packages', () => {
    const selector = toFunctionSelector('ERC20InsufficientBalance(address,uint256,uint256)')
    const args = encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }, { type: 'uint256' }], [PAYER, usdfc(1), usdfc(5)])
    const error = said(`${selector}${args.slice(2)}` as Hex)
    expect(error.code).toBe('exhausted')
    expect(error.message).toMatch(/the wallet has 1 USDFC, and 5 USDFC are to leave it/)
  })

  it('for every error of every contract, without gaps or walls of digits', () => {
    const samples: Readonly<Record<string, unknown>> = {
      address: OTHER,
      bool: true,
      string: 'x',
      bytes32: `0x${'ab'.repeat(32)}`,
      uint8: 1,
    }
    const errors = everyAbi().filter(({ type }) => type === 'error') as { name: string; inputs: readonly { type: string }[] }[]
    expect(errors.length).toBeGreaterThan(100)
    for (const { name, inputs } of errors) {
      const { message } = said(
        revertOf(
          name,
          inputs.map(({ type }) => samples[type] ?? 7n),
        ),
      )
      expect(message).not.toMatch(/undefined|\n|0x[0-9a-f]{41}/i)
      expect(message).toContain('; ')
    }
  })

  it('with its selector where nobody knows it, and its name where only that is known', () => {
    expect(said(`0xdeadbeef${'00'.repeat(640)}`)).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/refused with 0xdeadbeef, which is none of the errors known here/),
    })
    const known = said(revertOf('ProofAlreadySubmitted', [1n]))
    expect(known.message).toMatch(/refused with ProofAlreadySubmitted \(0x[0-9a-f]{8}\);/)
  })

  it('with what a contract says in words, on one line and cut', () => {
    const text = (message: string) => `0x08c379a0${encodeAbiParameters([{ type: 'string' }], [message]).slice(2)}` as Hex
    expect(said(text('Data set\nnot live')).message).toMatch(/a contract refused: Data set not live; /)
    expect(said(text('x'.repeat(5000))).message.length).toBeLessThan(400)
    const panic = `0x4e487b71${encodeAbiParameters([{ type: 'uint256' }], [17n]).slice(2)}` as Hex
    expect(said(panic).message).toMatch(/failed in itself \(panic 17\)/)
  })
})

describe('a revert is found', () => {
  const revert = `0x12345678${'00'.repeat(32)}` as Hex
  it.each<[string, unknown]>([
    ['as the data of an error', { data: revert }],
    ['within its cause', new Error('outer', { cause: new Error('inner', { cause: { code: 3, data: revert } }) })],
    ['within an object of data', { cause: { data: { data: revert } } }],
    ['in the words of a node', { details: `message execution failed (exit=[33], revert reason=[none], vm error=[${revert}])` }],
  ])('%s', (_, failure) => expect(revertIn(failure)).toBe(revert))

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an error without any', new Error('no')],
    ['an address', { details: `sender ${PAYER} has no money` }],
    ['a hash', { details: `transaction 0x${'ab'.repeat(32)} not found` }],
    ['data that are none', { data: '0x1234' }],
  ])('in %s it is not', (_, failure) => expect(revertIn(failure)).toBeUndefined())

  it('in a sentence of a provider', () => {
    expect(revertWithin(`failed to estimate gas: execution reverted: ${revert}, try again`)).toBe(revert)
    expect(revertWithin(`execution reverted: custom error 0x12345678: ${'00'.repeat(32)}`)).toBe(revert)
    expect(revertWithin(`0xabcdef01 or rather ${revert}`)).toBe(revert)
    expect(revertWithin('no')).toBeUndefined()
  })
})
