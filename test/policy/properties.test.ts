import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Judgement, judgeObject } from '../../src/policy/state.ts'
import type { JudgedEvidence } from '../../src/policy/weigh.ts'
import { somePacks, somePolicy, someVaults } from './arbitraries.ts'
import { DAY, ipfs, NOW, policyOf, replica, row, vault } from './fixtures.ts'

/** Larger is better. A floor in doubt is worse than damage with the floor held, although its state is `unknown`. */
const health = ({ state, floorHeld }: Judgement<JudgedEvidence>): number =>
  ['lost', 'at-risk', 'unsure', 'damaged', 'unknown', 'degraded', 'satisfied'].indexOf(state === 'unknown' && !floorHeld ? 'unsure' : state)

const situation = fc
  .record({ policy: somePolicy, vaults: someVaults(5) })
  .chain(({ policy, vaults }) => somePacks(vaults).map((packs) => ({ policy, vaults, packs })))

describe('judging any object', () => {
  it('never finds it worse for one more intact replica', () => {
    fc.assert(
      fc.property(situation, fc.constantFrom('local', 'ipfs'), ({ policy, vaults, packs }, network) => {
        const known = [...vaults, vault('extra', { network })]
        const before = judgeObject({ policy, vaults: known, now: NOW, packs })
        const more = packs.map((pack) => ({ ...pack, replicas: [...pack.replicas, replica('extra', row('intact', 0))] }))
        expect(health(judgeObject({ policy, vaults: known, now: NOW, packs: more }))).toBeGreaterThanOrEqual(health(before))
      }),
      { numRuns: 500 },
    )
  })

  it('never finds it better without a piece of good evidence', () => {
    fc.assert(
      fc.property(situation, fc.nat(), ({ policy, vaults, packs }, pick) => {
        const before = judgeObject({ policy, vaults, now: NOW, packs })
        const intact = packs.flatMap(({ replicas }) =>
          replicas.flatMap(({ evidence }) => evidence.filter(({ verdict }) => verdict === 'intact')),
        )
        const removed = intact[pick % Math.max(1, intact.length)]
        const fewer = packs.map((pack) => ({
          ...pack,
          replicas: pack.replicas.map((held) => ({ ...held, evidence: held.evidence.filter((found) => found !== removed) })),
        }))
        expect(health(judgeObject({ policy, vaults, now: NOW, packs: fewer }))).toBeLessThanOrEqual(health(before))
      }),
      { numRuns: 500 },
    )
  })

  it('never finds it better because time passes, and not worse before freshUntil', () => {
    fc.assert(
      fc.property(situation, fc.integer({ min: 0, max: 40 }), ({ policy, vaults, packs }, days) => {
        const before = judgeObject({ policy, vaults, now: NOW, packs })
        const at = NOW + days * DAY
        const after = judgeObject({ policy, vaults, now: at, packs })
        expect(health(after)).toBeLessThanOrEqual(health(before))
        expect(health(after) < health(before)).toBe(at >= before.freshUntil)
      }),
      { numRuns: 500 },
    )
  })

  it('is satisfied exactly when nothing is missing and nothing damaged', () => {
    fc.assert(
      fc.property(situation, ({ policy, vaults, packs }) => {
        const { state, missing, replicas } = judgeObject({ policy, vaults, now: NOW, packs })
        const damaged = replicas.some(({ vault, footing }) => footing === 'lost' && vaults.some(({ id }) => id === vault))
        if (state === 'satisfied') expect({ missing, damaged }).toEqual({ missing: [], damaged: false })
        if (state === 'degraded') expect(missing.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  it('never holds a floor with IPFS alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 2 }), (count, floor) => {
        const vaults = Array.from({ length: count }, (_, i) => ipfs(`pin${i}`))
        const packs = [{ name: 'p', packBytes: 1, replicas: vaults.map(({ id }) => replica(id, row('intact', 0, { retrieval: 'whole' }))) }]
        expect(judgeObject({ policy: policyOf({ floor }), vaults, now: NOW, packs })).toMatchObject({ state: 'at-risk', floorHeld: false })
      }),
    )
  })
})
