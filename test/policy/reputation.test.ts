import { describe, expect, it } from 'vitest'
import type { AnswerTally } from '../../src/contracts/audit.ts'
import type { ScoreRow } from '../../src/contracts/catalog-audit.ts'
import { place } from '../../src/policy/placement.ts'
import {
  type Beta,
  demerit,
  INITIAL,
  learn,
  learnLatency,
  memoryFor,
  observe,
  released,
  scoreFrom,
  scoreOf,
} from '../../src/policy/reputation.ts'
import { DAY, NOW, policyOf, vault } from './fixtures.ts'

const answers = (given: Partial<AnswerTally> = {}): AnswerTally => ({
  intact: 0,
  damaged: 0,
  absent: 0,
  silent: 0,
  denied: 0,
  latencies: [],
  ...given,
})

/** A row after so many audits a day apart. */
function learned(audits: readonly Partial<AnswerTally>[], every = DAY): ScoreRow {
  let row: ScoreRow | undefined
  for (const [index, given] of audits.entries()) row = learn(row, { vault: 'a', answers: answers(given), now: NOW + index * every })
  return row as ScoreRow
}

describe('beta reputation', () => {
  it('crosses .96 at the 41st failure in a row, with λ .999 and 1000 successes behind it', () => {
    let beta: Beta = [1_000, 0]
    const crossed: number[] = []
    for (let failures = 1; failures <= 60; failures++) {
      beta = observe(beta, { value: -1, lambda: 0.999 })
      if (scoreOf(beta) < 0.96) crossed.push(failures)
    }
    expect(crossed[0]).toBe(41)
  })

  it('remembers the less the rarer the audits, between .95 and .99', () => {
    expect([0, 0.01, 0.6, 1, 30, 400].map(memoryFor)).toEqual([0.99, 0.99, 0.98, 1 - 1 / 30, 0.95, 0.95])
    expect(memoryFor(-5)).toBe(0.99)
  })

  it('stays between 0 and 1 and comes back after a bad time', () => {
    const bad = Array.from({ length: 30 }, () => ({ silent: 9 }))
    const good = Array.from({ length: 200 }, () => ({ intact: 9 }))
    expect(scoreFrom(learned(bad)).availability).toBeLessThan(0.5)
    expect(scoreFrom(learned([...bad, ...good])).availability).toBeGreaterThan(0.98)
  })
})

describe('what an audit teaches', () => {
  it('is kept apart: silence costs availability and nothing of integrity, loss the other way round', () => {
    const silent = scoreFrom(learned([{ intact: 10 }, { silent: 10 }]))
    expect(silent.integrity).toBe(1)
    expect(silent.availability).toBeLessThan(0.97)
    const lost = scoreFrom(learned([{ intact: 10 }, { intact: 9, absent: 1 }]))
    expect(lost.integrity).toBeLessThan(0.97)
    expect(lost.availability).toBe(1)
  })

  it('is nothing of either from a refusal', () => {
    const row = learned([{ denied: 10 }])
    expect([row.integrity, row.availability]).toEqual([INITIAL, INITIAL])
  })

  it('quarantines at once for one wrong block among hundreds, and not for absence or silence', () => {
    expect(learned([{ intact: 458, absent: 1, silent: 30 }]).quarantinedAt).toBeUndefined()
    const row = learned([{ intact: 10 }, { intact: 458, damaged: 1 }, { intact: 10 }])
    expect(row).toMatchObject({ quarantinedAt: NOW + DAY, reason: '1 blocks came back wrong' })
    expect(scoreFrom(released(row)).quarantine).toBeUndefined()
  })

  it('does not trip over a clock that is set back by a year', () => {
    const row = learn(learned([{ intact: 1 }]), { vault: 'a', answers: answers({ intact: 1 }), now: NOW - 365 * DAY })
    expect(row.updatedAt).toBe(NOW - 365 * DAY)
    expect(row.gapDays).toBeGreaterThanOrEqual(0)
    expect(scoreFrom(row).availability).toBe(1)
  })
})

describe('latency', () => {
  const estimate = (values: readonly number[]) => Math.exp(values.reduce<ScoreRow['latency']>(learnLatency, undefined)?.[0] ?? 0)

  it('settles at what reads usually take, and one that stalled does not move it', () => {
    const usual = Array.from({ length: 100 }, (_, index) => 40 + (index % 5) * 5)
    expect(estimate(usual)).toBeGreaterThan(42)
    expect(estimate(usual)).toBeLessThan(58)
    expect(estimate([...usual, 30_000])).toBeLessThan(1.2 * estimate(usual))
    expect(estimate([...usual, ...Array.from({ length: 60 }, () => 400)])).toBeGreaterThan(300)
  })
})

describe('scores in placement', () => {
  const profiles = [vault('a', { paid: true }), vault('b'), vault('c')]
  const chosen = (scores: Readonly<Record<string, readonly [number, number]>>) =>
    place({
      policy: policyOf({ copies: 2 }),
      vaults: profiles,
      packBytes: 1,
      held: new Set(),
      scores: new Map(Object.entries(scores).map(([id, [integrity, availability]]) => [id, { integrity, availability }])),
    }).chosen

  it('decide between sets that meet the demands alike, before cost', () => {
    expect(chosen({})).toEqual(['b', 'c'])
    expect(chosen({ c: [1, 0.6] })).toEqual(['a', 'b'])
    expect(chosen({ b: [0.7, 1], c: [0.5, 1] })).toEqual(['a', 'b'])
  })

  it('do not outweigh cost by small differences', () => {
    expect(chosen({ a: [1, 1], b: [0.98, 0.97], c: [0.96, 0.99] })).toEqual(['b', 'c'])
    expect(demerit({ integrity: 0.951, availability: 0.96 })).toBe(0)
    expect(demerit(undefined)).toBe(0)
  })
})
