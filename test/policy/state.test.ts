import { describe, expect, it } from 'vitest'
import type { PolicyInput } from '../../src/contracts/policy.ts'
import { compareStates, type JudgedReplicaInput, judgeObject, worst } from '../../src/policy/state.ts'
import type { JudgedEvidence } from '../../src/policy/weigh.ts'
import { DAY, intended, ipfs, listed, NOW, policyOf, replica, row, vault } from './fixtures.ts'

type Replica = JudgedReplicaInput<JudgedEvidence>

const THREE = [vault('a'), vault('b'), vault('c')]
const judged = (
  replicas: readonly Replica[],
  more: { vaults?: readonly ReturnType<typeof vault>[]; policy?: PolicyInput; spooled?: boolean; now?: number } = {},
) =>
  judgeObject({
    policy: policyOf(more.policy),
    vaults: more.vaults ?? THREE,
    now: more.now ?? NOW,
    packs: [{ name: 'p', packBytes: 50, spooled: more.spooled, replicas }],
  })

const good = (id: string) => replica(id, row('intact'))
const bad = (id: string) => replica(id, row('damaged'))
const silent = (id: string) => replica(id, row('unreachable'))
const doubtful = (id: string) => replica(id, row('intact', 5), row('unreachable'))
const stale = (id: string) => replica(id, row('intact', 31))

describe('the state of one pack under copies 2, floor 1', () => {
  it.each<[string, boolean, string, readonly Replica[]]>([
    ['lost', false, 'there is no replica', []],
    ['lost', false, 'every replica is damaged or missing', [bad('a'), replica('b', row('missing'))]],
    ['at-risk', false, 'the only other replica was never placed', [bad('a'), intended('b')]],
    ['at-risk', false, 'the only other replica is in a vault that is no longer configured', [bad('a'), good('gone')]],
    ['unknown', false, 'the floor hangs on a silent vault', [silent('a')]],
    ['unknown', false, 'the floor hangs on a silent vault and another is damaged', [bad('a'), silent('b')]],
    ['unknown', false, 'the floor hangs on evidence that lapsed', [stale('a'), stale('b')]],
    ['unknown', false, 'nothing was ever read', [replica('a'), replica('b', listed())]],
    ['damaged', true, 'one of two is damaged', [good('a'), bad('b')]],
    ['damaged', true, 'one is damaged beyond what the policy needs', [good('a'), good('b'), bad('c')]],
    ['damaged', true, 'one is missing and the other doubtful', [doubtful('a'), replica('b', row('missing'))]],
    ['satisfied', true, 'two are sound', [good('a'), good('b')]],
    ['satisfied', true, 'two are sound and a third is silent', [good('a'), good('b'), silent('c')]],
    ['unknown', true, 'the second is silent', [good('a'), silent('b')]],
    ['unknown', true, 'the second is silent with fresh evidence', [good('a'), doubtful('b')]],
    ['unknown', true, 'the evidence of the second lapsed', [good('a'), stale('b')]],
    ['unknown', true, 'the second was only listed', [good('a'), replica('b', listed())]],
    ['unknown', true, 'both are silent with fresh evidence', [doubtful('a'), doubtful('b')]],
    ['degraded', true, 'there is only one', [good('a')]],
    ['degraded', true, 'the second was never placed', [good('a'), intended('b')]],
    ['degraded', true, 'the second is in a vault that is no longer configured', [good('a'), good('gone')]],
  ])('is %s (floor held: %s) when %s', (state, floorHeld, _, replicas) => {
    expect(judged(replicas)).toMatchObject({ state, floorHeld })
    expect(judged(replicas.toReversed())).toMatchObject({ state, floorHeld })
  })

  it('is at risk, not lost, while its bytes are in the spool', () => {
    expect(judged([], { spooled: true }).state).toBe('at-risk')
    expect(judged([bad('a')], { spooled: true }).state).toBe('at-risk')
  })

  it('is at risk, not lost, when IPFS alone has it', () => {
    const vaults = [vault('a'), ipfs('pin')]
    expect(judged([bad('a'), good('pin')], { vaults }).state).toBe('at-risk')
    expect(judged([bad('a'), bad('pin')], { vaults }).state).toBe('lost')
  })
})

describe('the policy', () => {
  it('counts IPFS as a copy and never toward the floor', () => {
    const vaults = [vault('a'), ipfs('pin'), ipfs('pin2')]
    expect(judged([good('a'), good('pin')], { vaults }).state).toBe('satisfied')
    expect(judged([good('pin'), good('pin2')], { vaults })).toMatchObject({
      state: 'at-risk',
      missing: [{ constraint: 'floor', wanted: 1, found: 0 }],
    })
  })

  it('counts one operator once toward the floor', () => {
    const vaults = [vault('a', { operator: 'x' }), vault('b', { operator: 'x' })]
    expect(judged([good('a'), good('b')], { vaults, policy: { floor: 2 } }).state).toBe('at-risk')
  })

  it('is degraded, not unknown, when the silent vault could not add what is missing', () => {
    const vaults = [vault('a', { region: 'n' }), vault('b', { region: 'n' }), vault('c', { region: 'n' }), vault('d', { region: 's' })]
    const policy = { distinct: { region: 2 } }
    expect(judged([good('a'), good('b'), silent('c')], { vaults, policy }).state).toBe('degraded')
    expect(judged([good('a'), good('b'), silent('d')], { vaults, policy }).state).toBe('unknown')
  })

  it('follows the override of a vault', () => {
    const overrides = { b: { accept: ['listed' as const], maxAgeDays: 90 } }
    expect(judged([good('a'), replica('b', listed(80))], { policy: { overrides } }).state).toBe('satisfied')
    expect(judged([replica('a', listed(1)), good('b')], { policy: { overrides } }).state).toBe('unknown')
  })
})

describe('an object of several packs', () => {
  it('is as well as its worst pack', () => {
    const judge = (...packs: readonly (readonly Replica[])[]) =>
      judgeObject({
        policy: policyOf(),
        vaults: THREE,
        now: NOW,
        packs: packs.map((replicas, i) => ({ name: `p${i}`, packBytes: 1, replicas })),
      })
    expect(judge([good('a'), good('b')], [good('b'), good('c')]).state).toBe('satisfied')
    expect(judge([good('a'), good('b')], [good('a')]).state).toBe('degraded')
    expect(judge([good('a'), bad('b')], [good('a')]).state).toBe('damaged')
    expect(judge([good('a'), bad('b')], [bad('a')])).toMatchObject({ state: 'lost', floorHeld: false })
    // A floor in doubt is worse than damage with the floor held.
    expect(judge([good('a'), bad('b')], [silent('a')])).toMatchObject({ state: 'unknown', floorHeld: false })
    const { missing } = judge([good('a'), good('b')], [good('a')], [silent('a')])
    expect(missing).toMatchObject([
      { constraint: 'floor', found: 0 },
      { constraint: 'copies', wanted: 2, found: 0 },
    ])
    expect(missing[1]?.reason).toContain('in pack p2 and 1 more')
  })

  it('has nothing to lose without packs', () => {
    expect(judgeObject({ policy: policyOf(), vaults: THREE, now: NOW, packs: [] })).toMatchObject({
      state: 'satisfied',
      freshUntil: Number.MAX_SAFE_INTEGER,
    })
  })
})

describe('the report', () => {
  it('names what is missing, the vaults and their verdicts', () => {
    const { missing } = judged([good('a'), bad('b')])
    expect(missing).toMatchObject([{ constraint: 'copies', wanted: 2, found: 1 }])
    expect(missing[0]?.reason).toBe(
      '1 of 2 copies confirmed; b: damaged since 2026-11-19; c: not placed there; verify to ask again, repair to place what is missing.',
    )
  })

  it('says to add a vault when the configured ones are too few', () => {
    expect(judged([good('a')], { vaults: [vault('a')] }).missing[0]?.reason).toContain('add 1 more vault')
  })

  it('misses nothing when the policy is met', () => {
    expect(judged([good('a'), good('b'), silent('c')]).missing).toEqual([])
  })

  it('names vaults that are no longer configured', () => {
    const { notes, replicas } = judged([good('a'), good('gone')])
    expect(notes.join()).toContain('vault gone is no longer configured')
    expect(replicas[1]).toMatchObject({ vault: 'gone', counts: false })
  })

  it('shows of every replica the row that decided, and whether it counts', () => {
    const decided = row('damaged', 2)
    const { replicas } = judged([
      replica('a', row('intact', 3), decided, row('unreachable', 1)),
      doubtful('b'),
      replica('c'),
      intended('d'),
    ])
    expect(replicas).toMatchObject([
      {
        vault: 'a',
        pack: 'p',
        verdict: 'damaged',
        retrieval: 'sampled',
        counts: false,
        at: decided.at,
        footing: 'lost',
        evidence: decided,
      },
      { vault: 'b', verdict: 'unreachable', counts: true, footing: 'doubtful' },
      { vault: 'c', verdict: 'unproven', possession: 'claimed', retrieval: 'none', counts: false },
      { vault: 'd', verdict: 'pending', counts: false },
    ])
    expect(replicas[2]).not.toHaveProperty('at')
  })
})

describe('freshUntil', () => {
  it('is when the first needed evidence lapses, and the state is worse from that moment on', () => {
    const replicas = [replica('a', row('intact', 1)), replica('b', row('intact', 10))]
    const { freshUntil } = judged(replicas)
    expect(freshUntil).toBe(NOW + 20 * DAY)
    expect(judged(replicas, { now: freshUntil - 1 }).state).toBe('satisfied')
    expect(judged(replicas, { now: freshUntil }).state).toBe('unknown')
  })

  it('does not heed evidence that the state does not need', () => {
    expect(judged([replica('a', row('intact', 1)), replica('b', row('intact', 10)), replica('c', row('intact', 20))]).freshUntil).toBe(
      NOW + 20 * DAY,
    )
  })

  it('is never when no lapse makes it worse', () => {
    expect(judged([bad('a')]).freshUntil).toBe(Number.MAX_SAFE_INTEGER)
    expect(judged([stale('a')]).freshUntil).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('states', () => {
  it('are ordered worst first', () => {
    expect(worst(['satisfied', 'unknown', 'degraded'])).toBe('unknown')
    expect(worst(['damaged', 'at-risk', 'lost'])).toBe('lost')
    expect(worst([])).toBe('satisfied')
    expect((['satisfied', 'lost', 'unknown', 'damaged', 'degraded', 'at-risk'] as const).toSorted(compareStates)).toEqual([
      'lost',
      'at-risk',
      'damaged',
      'unknown',
      'degraded',
      'satisfied',
    ])
  })
})
