import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { grade } from '../../../src/vaults/filecoin/grade.ts'
import type { PieceState, ProofState } from '../../../src/vaults/filecoin/port.ts'
import { NOW, PIECE, stateOf } from './purse.ts'

const OTHER = CID.parse('bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy')
const HORIZON = 86_400n
const SOUND: PieceState = { cid: PIECE, isActive: true, isChallengeable: true }
const PAID = { ratePerEpoch: 10n, lockupPeriod: 86_400n, endEpoch: 0n, fundedUntil: NOW + 2n * HORIZON }

const sound = (changes: Partial<ProofState> = {}, piece: Partial<PieceState> = {}): ProofState =>
  stateOf({ rail: PAID, pieces: new Map([[7n, { ...SOUND, ...piece }]]), ...changes })
const graded = (state: ProofState) => grade(state, { pieceId: 7n, cid: PIECE, horizon: HORIZON })

describe('a piece on Filecoin', () => {
  it('is proven when everything holds at one block, and the detail has the numbers', () => {
    const { verdict, detail } = graded(sound())
    expect(verdict).toBe('proven')
    expect(detail).toMatch(/data set 12, piece 7/)
    expect(detail).toContain(`paid for until block ${NOW + 2n * HORIZON}`)
    expect(detail).toContain(`at block ${NOW}`)
  })

  it('is proven while the period under way is not due yet', () => {
    const { verdict, detail } = graded(sound({ isProvenNow: false, deadline: NOW + 10n }))
    expect([verdict, detail]).toEqual(['proven', expect.stringContaining(`due by block ${NOW + 10n}`)])
  })

  it('is proven at the very deadline, and overdue a block later', () => {
    expect(graded(sound({ isProvenNow: false, deadline: NOW })).verdict).toBe('proven')
    expect(graded(sound({ isProvenNow: false, deadline: NOW - 1n }))).toMatchObject({
      verdict: 'unproven',
      detail: expect.stringContaining('overdue'),
    })
  })

  it('is proven by the proof of this period, whatever the one before was drawn from', () => {
    expect(graded(sound({ isProvenNow: true }, { wasChallenged: false })).verdict).toBe('proven')
  })

  it('is proven where the node forgot what the last proof was drawn from, and the detail says so', () => {
    const { verdict, detail } = graded(sound({ isProvenNow: false }, { wasChallenged: undefined }))
    expect([verdict, detail]).toEqual(['proven', expect.stringContaining('does not remember whether of this piece')])
    expect(graded(sound({ isProvenNow: false }, { wasChallenged: true })).detail).not.toContain('remember')
  })

  it('is paid for without end where nothing is being spent', () => {
    expect(graded(sound({ rail: { ...PAID, fundedUntil: undefined } })).verdict).toBe('proven')
  })

  const gone: readonly (readonly [string, ProofState, RegExp])[] = [
    ['its data set is not live', sound({ isLive: false }), /data set 12 is no more/],
    ['its service has ended', sound({ endEpoch: NOW }), /ended at block/],
    ['nobody knows of it', sound({}, { cid: undefined, isActive: false }), /no piece 7/],
    ['it was not asked for', stateOf({ pieces: new Map() }), /no piece 7/],
    ['another one has its number', sound({}, { cid: OTHER }), /another one/],
    ['it was removed', sound({}, { isActive: false }), /was removed/],
  ]
  it.each(gone)('is refuted when %s', (_, state, words) => {
    expect(graded(state)).toMatchObject({ verdict: 'refuted', detail: expect.stringMatching(words) })
  })

  const doubtful: readonly (readonly [string, ProofState, RegExp])[] = [
    ['the service does not hear of it', sound({ isServed: false }), /does not hear/],
    ['the service ends later', sound({ endEpoch: NOW + 5n }), /service ends at block/],
    ['it is to be removed', sound({ scheduledRemovals: new Set([7n]) }), /to be removed/],
    ['the data set is new', sound({ activationEpoch: 0n, deadline: 0n, wasProven: undefined, isProvenNow: false }), /new, and no proof/],
    ['no period was closed yet', sound({ wasProven: undefined }), /no proving period was closed/],
    ['the last period was not proven', sound({ wasProven: false }), /closed last was not proven/],
    ['the proof is overdue', sound({ isProvenNow: false, deadline: NOW - 1n }), /overdue: its deadline was block/],
    ['no further period was begun', sound({ isProvenNow: true, deadline: NOW - 1n }), /none was begun after its end/],
    ['it is not among what is challenged', sound({}, { isChallengeable: false }), /not yet among what is challenged/],
    ['no proof was drawn from it', sound({ isProvenNow: false }, { wasChallenged: false }), /no proof was made since/],
    ['its payment ends', sound({ rail: { ...PAID, endEpoch: NOW + 1n } }), /payment ends at block/],
    ['it is not paid for as far ahead', sound({ rail: { ...PAID, fundedUntil: NOW + HORIZON - 1n } }), /renew tops it up/],
  ]
  it.each(doubtful)('is unproven when %s', (_, state, words) => {
    expect(graded(state)).toMatchObject({ verdict: 'unproven', detail: expect.stringMatching(words) })
  })

  it('says all that is amiss, the gravest first', () => {
    const { detail } = graded(sound({ isProvenNow: false, deadline: NOW - 1n, wasProven: false, scheduledRemovals: new Set([7n]) }))
    expect(detail.split('; ')).toEqual([
      expect.stringContaining('overdue'),
      expect.stringContaining('closed last'),
      expect.stringContaining('to be removed'),
    ])
  })
})

/** Each is what a reader of the contracts would try first. */
const naive = {
  'a proof was made once, as the last proven epoch is not zero': ({ lastProvenEpoch }: ProofState) => lastProvenEpoch > 0n,
  'the data set is live': ({ isLive }: ProofState) => isLive,
  'no fault was recorded, so all is well': (_: ProofState, faults = 0) => faults === 0,
  'the piece is active': ({ pieces }: ProofState) => pieces.get(7n)?.isActive === true,
  'this period is not failed, as it is not proven only where it is not due': ({ isProvenNow, wasProven }: ProofState) =>
    isProvenNow || wasProven !== false,
}

describe('a naive verifier is content, and this one is not,', () => {
  const fooled: readonly (readonly [keyof typeof naive, string, ProofState])[] = [
    [
      'a proof was made once, as the last proven epoch is not zero',
      'before any proof: the epoch is that of the creation',
      sound({ lastProvenEpoch: NOW - 100n, activationEpoch: 0n, deadline: 0n, wasProven: undefined, isProvenNow: false }),
    ],
    [
      'the data set is live',
      'while its bytes are corrupt and the deadline has passed',
      sound({ isProvenNow: false, deadline: NOW - 500n }),
    ],
    [
      'no fault was recorded, so all is well',
      'while a silent provider does not even begin the next period',
      sound({ isProvenNow: false, deadline: NOW - 5_000n }),
    ],
    ['the piece is active', 'while it is outside what is challenged', sound({}, { isChallengeable: false })],
    [
      'this period is not failed, as it is not proven only where it is not due',
      'after the deadline',
      sound({ isProvenNow: false, wasProven: true, deadline: NOW - 1n }),
    ],
  ]
  it.each(fooled)('who thinks: %s (%s)', (name, _, state) => {
    expect(naive[name](state)).toBe(true)
    expect(graded(state).verdict).not.toBe('proven')
  })
})
