/** Longer terms: what is deposited for them, once, and what cannot be renewed. */
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { locatorOf } from '../../../src/vaults/filecoin/locator.ts'
import type { ChainReader, DataSet, Funds, Hex, ProofState, Rail } from '../../../src/vaults/filecoin/port.ts'
import { type RenewSettings, renewer } from '../../../src/vaults/filecoin/renew.ts'
import { paidUntil } from '../../../src/vaults/filecoin/term.ts'
import { AT, fundsOf, MONTH, NOW, PAYER, PIECE, purse, stateOf, UNIT } from './purse.ts'

const DAY_MS = 86_400_000
const at = locatorOf({ chainId: 314, dataSetId: 12n, pieceId: 3n, cid: PIECE, byteLength: 1000 })
const inDays = (days: number) => new Date(AT + days * DAY_MS)
const set = { id: 12n, payer: PAYER, endEpoch: 0n, metadata: {} } as unknown as DataSet
const hashOf = (count: number): Hex => `0x${`${count}`.padStart(64, '0')}`

interface Scene {
  readonly money?: Partial<Funds>
  readonly state?: Partial<ProofState>
  readonly chain?: Partial<ChainReader>
  readonly settings?: Partial<RenewSettings>
  /** Answers for the deposit, one after the other; then it is mined. */
  readonly outcomes?: ('pending' | 'reverted' | undefined)[]
  readonly hangsUp?: boolean
}

/** A payer at 0.1 USDFC a day with money for ten, whose deposits last longer once they are mined. */
function scene({ money = {}, state = {}, chain = {}, settings = {}, outcomes = [], hangsUp = false }: Scene = {}) {
  const ratePerEpoch = UNIT / 28_800n
  const funds = { ...fundsOf({ ratePerEpoch, fundedUntil: NOW + 28_800n }), ...money }
  const deposits: bigint[] = []
  const waits: number[] = []
  let mined = 0
  let now = AT
  const untilNow = () =>
    funds.fundedUntil === undefined
      ? undefined
      : funds.fundedUntil + deposits.slice(0, mined).reduce((sum, amount) => sum + amount, 0n) / (funds.ratePerEpoch || 1n)
  const rail = (): Rail => ({ ratePerEpoch, lockupPeriod: MONTH, endEpoch: 0n, fundedUntil: untilNow() })
  const reader = purse({
    funds: async () => ({ ...funds, fundedUntil: untilNow() }),
    dataSet: async () => set,
    proofState: async () => stateOf({ rail: rail(), ...state }),
    transaction: async (hash) => {
      if (outcomes.length > 0) return outcomes.shift()
      if (hash === hashOf(deposits.length)) mined = deposits.length
      return 'succeeded'
    },
    ...chain,
  })
  const charged: bigint[] = []
  const renew = renewer(
    reader,
    async ({ onSigned }) => ({
      deposit: async (amount) => {
        deposits.push(amount)
        onSigned({ hash: hashOf(deposits.length) })
        if (hangsUp) throw new VaultError('unreachable', 'deals', 'nobody knows')
        return hashOf(deposits.length)
      },
    }),
    {
      id: 'deals',
      commitTimeoutMs: 60_000,
      clock: () => now,
      wait: async (ms, { signal } = {}) => {
        signal?.throwIfAborted()
        waits.push(ms)
        now += ms
      },
      onDeposit: ({ amount }) => charged.push(amount),
      ...settings,
    },
  )
  return { renew, deposits, charged, waits, fundedUntil: untilNow }
}
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(VaultError)
  return error as VaultError
}

describe('a replica is renewed', () => {
  it.each<[string, Scene]>([
    ['that is paid for beyond the date', { money: { fundedUntil: NOW + 86_400n } }],
    ['that is paid for up to the date', { money: { fundedUntil: NOW + 57_600n } }],
    ['for which nothing is spent', { money: { fundedUntil: undefined } }],
  ])('without a deposit: one %s', async (_, given) => {
    const { renew, deposits } = scene(given)
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toEqual([])
  })

  it('by what is missing until the date, waited for, told once, and not again', async () => {
    const { renew, deposits, charged, waits, fundedUntil } = scene({ outcomes: [undefined, 'pending'] })
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(1)
    expect(charged).toEqual(deposits)
    expect(waits).toEqual([15_000, 15_000])
    expect(Number(deposits[0]) / Number(UNIT)).toBeCloseTo(1, 3)
    expect(fundedUntil()).toBeGreaterThanOrEqual(NOW + 57_600n)
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(1)
  })

  it('for many at once by one deposit', async () => {
    const { renew, deposits } = scene({ outcomes: ['pending'] })
    await Promise.all(Array.from({ length: 20 }, () => renew(at, inDays(20))))
    expect(deposits).toHaveLength(1)
  })

  it('also when what was stored is owed for', async () => {
    const { renew, deposits, fundedUntil } = scene({ money: { fundedUntil: NOW - 2880n, available: 0n } })
    await renew(at, inDays(1))
    expect(Number(deposits[0]) / Number(UNIT)).toBeCloseTo(0.2, 3)
    expect(fundedUntil()).toBeGreaterThanOrEqual(NOW + 2880n)
  })
})

describe('a deposit that is under way is not made again', () => {
  it('when it was not mined in time: the next call waits for it', async () => {
    const { renew, deposits } = scene({ outcomes: [...Array.from({ length: 6 }, () => 'pending' as const)] })
    const error = await failure(renew(at, inDays(20)))
    expect(error.code).toBe('unreachable')
    expect(error.message).toMatch(/deposit 0x0{63}1 is not mined yet; try again later, which looks for it first/)
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(1)
  })

  it('when the node hung up on it', async () => {
    const { renew, deposits } = scene({ hangsUp: true })
    expect((await failure(renew(at, inDays(20)))).code).toBe('unreachable')
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(1)
  })

  it('when the call was aborted meanwhile', async () => {
    const stop = new AbortController()
    const { renew, deposits } = scene({ outcomes: ['pending', 'pending'], settings: { onDeposit: () => stop.abort('enough') } })
    await expect(renew(at, inDays(20), { signal: stop.signal })).rejects.toBe('enough')
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(1)
  })

  it('but one that the chain forgot is made anew', async () => {
    const outcomes = Array.from({ length: 6 }, () => undefined)
    const { renew, deposits } = scene({ outcomes })
    expect((await failure(renew(at, inDays(20)))).code).toBe('unreachable')
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(2)
  })

  it('and one that was refused is an error once, and made anew then', async () => {
    const { renew, deposits } = scene({ outcomes: ['reverted', 'reverted'] })
    expect((await failure(renew(at, inDays(20)))).code).toBe('conflict')
    expect(await renew(at, inDays(20))).toBe(at)
    expect(deposits).toHaveLength(2)
  })
})

describe('a replica cannot be renewed', () => {
  it.each<[string, Scene, string, RegExp]>([
    [
      'whose data set was terminated',
      { state: { endEpoch: NOW + 2880n } },
      'unsupported',
      /terminated and ends on 2023-11-15.*put it anew: repair will/,
    ],
    ['whose data set is gone', { chain: { dataSet: async () => undefined } }, 'absent', /data set 12 is not there any more; put it anew/],
    [
      'that somebody else pays for',
      { chain: { dataSet: async () => ({ ...set, payer: '0x01' }) } },
      'unsupported',
      /is paid by 0x01, which has to renew it/,
    ],
    ['that the verifier does not know', { state: { isLive: false } }, 'absent', /piece 3 of data set 12 is gone/],
    ['that was removed', { state: { pieces: new Map() } }, 'absent', /put it anew: repair will/],
    ['that is about to be removed', { state: { scheduledRemovals: new Set([3n]) } }, 'absent', /about to be removed/],
    [
      'in whose place is another piece',
      { state: { pieces: new Map([[3n, { cid: CID.parse('bafkqaaa'), isActive: true, isChallengeable: true }]]) } },
      'absent',
      /gone/,
    ],
    [
      'for want of money',
      { money: { wallet: UNIT / 2n } },
      'exhausted',
      /storage until 2023-12-04 needs a deposit of 1\.00003\d USDFC more, and wallet 0x\w{40} has 0\.5 USDFC; send it 0\.50003\d USDFC more/,
    ],
    [
      'by the limit',
      { settings: { maxPrice: '2.9' } },
      'exhausted',
      /with data set 12 renewed a month costs 3 USDFC, and maxPrice is 2\.9 USDFC/,
    ],
  ])('%s', async (_, given, code, words) => {
    const { renew, deposits } = scene(given)
    const error = await failure(renew(at, inDays(20)))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(words)
    expect(deposits).toEqual([])
  })

  it('to a date that is none', async () => {
    expect((await failure(scene().renew(at, new Date('soon')))).code).toBe('invalid')
  })

  it('by a locator of another chain', async () => {
    const { renew } = scene()
    expect((await failure(renew(at.replace('314', '315'), inDays(20)))).code).toBe('invalid')
  })
})

describe('how long a replica is paid for', () => {
  const rail = stateOf().rail
  const until = async (state: Partial<ProofState>) =>
    (await paidUntil({ proofState: async () => stateOf(state) }, { dataSetId: 12n }))?.until
  it('is as long as the deposit lasts', async () => expect(await until({})).toEqual(new Date(AT + 3_000_000)))
  it('is until its service ends, when that is earlier', async () =>
    expect(await until({ endEpoch: NOW + 10n })).toEqual(new Date(AT + 300_000)))
  it('is no longer than the deposit where its service ends later', async () =>
    expect(await until({ endEpoch: NOW + 1000n })).toEqual(new Date(AT + 3_000_000)))
  it('is unknown while nothing is spent', async () => expect(await until({ rail: { ...rail, fundedUntil: undefined } })).toBeUndefined())
})
