import { describe, expect, it } from 'vitest'
import { type Footing, type JudgedEvidence, weigh } from '../../src/policy/weigh.ts'
import { DAY, listed, NOW, policyOf, row } from './fixtures.ts'

const RULES = policyOf().evidence
const weighed = (
  evidence: readonly JudgedEvidence[],
  more: { accept?: typeof RULES.accept; configured?: boolean; writtenAt?: number; state?: 'intended' } = {},
) =>
  weigh(
    { state: more.state ?? 'placed', evidence, writtenAt: more.writtenAt },
    { rules: { ...RULES, ...(more.accept && { accept: more.accept }) }, configured: more.configured ?? true, now: NOW },
  )

const whole = { retrieval: 'whole' } as const
const proven = { possession: 'proven', retrieval: 'none' } as const

describe('one replica', () => {
  it.each<[Footing, string, readonly JudgedEvidence[]]>([
    ['sound', 'was sampled', [row('intact')]],
    ['sound', 'was read whole as part of a whole pack', [row('intact', 1, { ...whole, object: 0 })]],
    ['open', 'was sampled as a pack, which proves nothing of the object', [row('intact', 1, { object: 0 })]],
    ['open', 'has no evidence', []],
    ['open', 'was only listed', [listed()]],
    ['open', 'is pending', [row('pending')]],
    ['open', 'lapsed', [row('intact', 31)]],
    ['open', 'lapsed exactly now', [row('intact', 30)]],
    ['sound', 'has evidence that lapses a moment later', [row('intact', 30, { at: NOW - 30 * DAY + 1 })]],
    ['sound', 'was sampled, and listed later', [row('intact', 5), listed(1)]],
    ['doubtful', 'was sampled, and is unreachable since', [row('intact', 5), row('unreachable', 1)]],
    ['doubtful', 'was sampled, and access was denied since', [row('intact', 5), row('denied', 1)]],
    ['doubtful', 'was sampled, and an audit is incomplete since', [row('intact', 5), row('incomplete', 1)]],
    ['doubtful', 'has an open probe and was listed after it', [row('intact', 5), row('incomplete', 2), listed(1)]],
    ['sound', 'answered again after silence', [row('intact', 1), row('unreachable', 5)]],
    ['open', 'lapsed and is unreachable', [row('intact', 31), row('unreachable', 1)]],
    ['lost', 'is damaged, whatever was intact before', [row('intact', 5, whole), row('damaged', 1)]],
    ['lost', 'is missing, whatever was intact before', [row('intact', 5, whole), row('missing', 1)]],
    ['lost', 'was damaged longer ago than evidence lasts', [row('damaged', 400)]],
    ['lost', 'was damaged and is unreachable since', [row('damaged', 5), row('unreachable', 1)]],
    ['lost', 'was damaged and the vault says it holds it', [row('damaged', 5), listed(1)]],
    ['lost', 'was damaged and listed as intact', [row('damaged', 5), row('intact', 1, { retrieval: 'none' })]],
    [
      'lost',
      'had the wrong size and is listed as intact',
      [row('damaged', 5, { retrieval: 'none' }), row('intact', 1, { retrieval: 'none' })],
    ],
    ['open', 'had the wrong size and possession was proven since', [row('damaged', 5, { retrieval: 'none' }), row('intact', 1, proven)]],
    ['lost', 'was damaged when read whole and only sampled since', [row('damaged', 5, whole), row('intact', 1)]],
    ['sound', 'was damaged and sampled intact since', [row('damaged', 5), row('intact', 1)]],
    ['sound', 'was damaged when read whole and read whole again', [row('damaged', 5, whole), row('intact', 1, whole)]],
    ['lost', 'is damaged and intact at the same moment', [row('damaged', 1), row('intact', 1)]],
    ['open', 'was gone by its own word and is there again by its own word', [row('missing', 5), listed(1)]],
    ['lost', 'had a span missing and is listed', [row('missing', 5, { retrieval: 'sampled' }), listed(1)]],
    ['open', 'has only evidence older than a damage that is superseded', [row('intact', 9), row('missing', 5), listed(1)]],
  ])('is %s when it %s', (footing, _, evidence) => {
    expect(weighed(evidence).footing).toBe(footing)
    expect(weighed(evidence.toReversed()).footing).toBe(footing)
  })

  it('is unplaced while it is only intended, and foreign in a vault that is gone', () => {
    expect(weighed([], { state: 'intended' }).footing).toBe('unplaced')
    expect(weighed([row('intact')], { configured: false }).footing).toBe('foreign')
    expect(weighed([row('damaged')], { configured: false }).footing).toBe('lost')
  })

  it.each<[Footing, typeof RULES.accept, JudgedEvidence]>([
    ['open', ['whole'], row('intact')],
    ['sound', ['whole'], row('intact', 1, whole)],
    ['sound', ['sampled'], row('intact', 1, whole)],
    ['sound', ['listed'], listed()],
    ['sound', ['listed'], row('intact', 1, proven)],
    ['open', ['listed'], row('unproven')],
    ['open', ['listed'], row('intact', 1, { possession: 'claimed' })],
    ['sound', ['proven'], row('intact', 1, proven)],
    ['open', ['proven'], row('unproven', 1, proven)],
    ['open', ['sampled', 'whole'], row('intact', 1, proven)],
    ['open', ['proven'], row('intact', 1, whole)],
  ])('is %s under accept %j for its evidence', (footing, accept, evidence) => {
    expect(weighed([evidence], { accept }).footing).toBe(footing)
  })

  it('leaves out evidence of bytes that were replaced since', () => {
    const evidence = [row('damaged', 5, whole), row('intact', 1)]
    expect(weighed(evidence, { writtenAt: NOW - 2 * DAY }).footing).toBe('sound')
    expect(weighed([row('intact', 5)], { writtenAt: NOW - 2 * DAY }).footing).toBe('open')
  })

  it('lapses when its newest accepted evidence does, and not later for a clock that ran ahead', () => {
    expect(weighed([row('intact', 9), row('intact', 4, whole)]).lapsesAt).toBe(NOW + 26 * DAY)
    expect(weighed([row('intact', -0.02)]).lapsesAt).toBe(NOW + 30 * DAY)
  })

  it('believes no good news from a clock that was set back since, and keeps the bad', () => {
    expect(weighed([row('intact', -365)])).toMatchObject({ footing: 'open', lapsesAt: undefined })
    expect(weighed([row('intact', -365)]).why).toMatch(/which is not yet; the clock was set back/)
    expect(weighed([row('intact', -365), row('intact', 2)]).footing).toBe('sound')
    expect(weighed([row('damaged', -365), row('intact', 2)]).footing).toBe('lost')
  })

  it('says why in words', () => {
    expect(weighed([row('intact', 5), row('denied', 1)]).why).toBe('denied since 2026-11-19, last shown 2026-11-15')
    expect(weighed([listed()]).why).toBe('listed only, sampled or whole needed')
    expect(weighed([row('intact', 40)]).why).toBe('evidence of 2026-10-11 is older than 30 days')
    expect(weighed([row('damaged', 2)]).why).toBe('damaged since 2026-11-18')
    expect(weighed([]).why).toBe('never shown any bytes')
  })
})
