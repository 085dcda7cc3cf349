import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { demandsOf, foundIn } from '../../src/policy/demands.ts'
import { place } from '../../src/policy/placement.ts'
import { judgeObject } from '../../src/policy/state.ts'
import { somePolicy, someVaults } from './arbitraries.ts'
import { ipfs, NOW, policyOf, replica, row, vault } from './fixtures.ts'

const NOTHING: ReadonlySet<string> = new Set()
const plan = (more: Partial<Parameters<typeof place>[0]>) =>
  place({ policy: policyOf(), vaults: [], packBytes: 50, held: NOTHING, ...more })

describe('place', () => {
  it('takes the first vaults of the configuration when nothing else tells them apart', () => {
    const { chosen, add, unmet } = plan({ vaults: [vault('a'), vault('b'), vault('c')] })
    expect({ chosen, add, unmet }).toEqual({ chosen: ['a', 'b'], add: ['a', 'b'], unmet: [] })
  })

  it('keeps what is held and adds only what is missing', () => {
    const vaults = [vault('a'), vault('b'), vault('c')]
    expect(plan({ vaults, held: new Set(['c']) })).toMatchObject({ chosen: ['a', 'c'], add: ['a'] })
    expect(plan({ vaults, held: new Set(['a', 'b', 'c']) })).toMatchObject({ chosen: ['a', 'b', 'c'], add: [] })
  })

  it('passes over a vault that would leave the floor unmet', () => {
    const vaults = [ipfs('pin'), vault('a', { operator: 'one' }), vault('b', { operator: 'one' }), vault('c')]
    expect(plan({ policy: policyOf({ floor: 2 }), vaults }).chosen).toEqual(['a', 'c'])
  })

  it('meets a distinct demand with as few vaults as possible', () => {
    const vaults = [
      vault('a', { region: 'n' }),
      vault('b', { region: 'n' }),
      vault('c'),
      vault('d', { region: 's' }),
      vault('e', { region: 'w' }),
    ]
    expect(plan({ policy: policyOf({ copies: 3, distinct: { region: 3 } }), vaults }).chosen).toEqual(['a', 'd', 'e'])
  })

  it('counts labels as failure domains', () => {
    const vaults = [vault('a', { labels: { rack: '1' } }), vault('b', { labels: { rack: '1' } }), vault('c', { labels: { rack: '2' } })]
    expect(plan({ policy: policyOf({ distinct: { rack: 2 } }), vaults }).chosen).toEqual(['a', 'c'])
  })

  it('does not let IPFS stand in for a distinct network', () => {
    const { unmet } = plan({ policy: policyOf({ distinct: { network: 2 } }), vaults: [vault('a'), vault('b'), ipfs('pin')] })
    expect(unmet).toMatchObject([{ constraint: 'distinct.network', wanted: 2, found: 1 }])
    expect(unmet[0]?.reason).toContain('pin adds nothing (IPFS)')
  })

  it('prefers diverse, then free, then warm vaults', () => {
    expect(plan({ vaults: [vault('a', { operator: 'x' }), vault('b', { operator: 'x' }), vault('c')] }).chosen).toEqual(['a', 'c'])
    expect(plan({ vaults: [vault('a', { paid: true }), vault('b'), vault('c')] }).chosen).toEqual(['b', 'c'])
    expect(plan({ vaults: [vault('a', { cold: true }), vault('b'), vault('c')] }).chosen).toEqual(['b', 'c'])
    expect(plan({ vaults: [vault('a', { cold: true }), vault('b', { paid: true }), vault('c')] }).chosen).toEqual(['a', 'c'])
  })

  it('leaves out a vault that the pack is too large for, and names it', () => {
    const { chosen, unmet, notes } = plan({ vaults: [vault('a', { maxPackBytes: 49 }), vault('b')] })
    expect(chosen).toEqual(['b'])
    expect(notes).toEqual(['a: takes packs of up to 49 bytes, this one has 50'])
    expect(unmet).toMatchObject([{ constraint: 'copies', wanted: 2, found: 1 }])
    expect(unmet[0]?.reason).toContain('a is left out: takes packs of up to 49 bytes')
    expect(plan({ vaults: [vault('a', { maxPackBytes: 50 }), vault('b')] }).chosen).toEqual(['a', 'b'])
  })

  it('keeps a replica in a vault that has become too small for new ones', () => {
    expect(plan({ vaults: [vault('a', { maxPackBytes: 49 }), vault('b')], held: new Set(['a']) }).chosen).toEqual(['a', 'b'])
  })

  it('never chooses an excluded vault, held or not, and gives the reason', () => {
    const vaults = [vault('a'), vault('b'), vault('c')]
    const { chosen, notes } = plan({ vaults, held: new Set(['b']), excluded: new Map([['b', 'quarantined']]) })
    expect(chosen).toEqual(['a', 'c'])
    expect(notes).toEqual(['b: quarantined'])
  })

  it('plans as much as it can when the policy cannot be met, and nothing useless', () => {
    const vaults = [vault('a', { operator: 'x' }), vault('b', { operator: 'x' })]
    const { chosen, unmet } = plan({ policy: policyOf({ copies: 3, floor: 2 }), vaults })
    expect(chosen).toEqual(['a', 'b'])
    expect(unmet.map(({ constraint, wanted, found }) => ({ constraint, wanted, found }))).toEqual([
      { constraint: 'floor', wanted: 2, found: 1 },
      { constraint: 'copies', wanted: 3, found: 2 },
    ])
    expect(
      plan({
        policy: policyOf({ floor: 2 }),
        vaults: [vault('a', { operator: 'x' }), vault('b', { operator: 'x' }), vault('c', { operator: 'x' })],
      }).chosen,
    ).toHaveLength(2)
  })

  it('ignores a held vault that is no longer configured', () => {
    expect(plan({ vaults: [vault('a'), vault('b')], held: new Set(['gone']) }).chosen).toEqual(['a', 'b'])
  })

  it('weighs whole sets while they are few, where taking the best vault first would cost money', () => {
    const at = (id: string, region: string, rack: string, more = {}) => vault(id, { region, labels: { rack }, ...more })
    const vaults = [at('a', 'n', '1'), at('b', 's', '2', { paid: true }), at('c', 'n', '2'), at('d', 's', '1')]
    expect(plan({ policy: policyOf({ distinct: { region: 2, rack: 2 } }), vaults }).chosen).toEqual(['c', 'd'])
  })

  it('drops a choice among many vaults that later ones have made superfluous', () => {
    const at = (id: string, region: string, rack: string) => vault(id, { region, labels: { rack } })
    const vaults = [
      at('a', 'n', '1'),
      at('b', 's', '2'),
      at('c', 'n', '3'),
      at('d', 'w', '1'),
      ...Array.from({ length: 12 }, (_, i) => vault(`plain${i}`)),
    ]
    expect(plan({ policy: policyOf({ copies: 3, distinct: { region: 3, rack: 3 } }), vaults }).chosen).toEqual(['b', 'c', 'd'])
  })

  it('plans among hundreds of vaults at once', () => {
    const vaults = Array.from({ length: 300 }, (_, i) => vault(`v${i}`, { operator: `o${i % 7}`, region: `r${i % 5}` }))
    const started = performance.now()
    const { chosen, unmet } = plan({ policy: policyOf({ copies: 5, floor: 4, distinct: { region: 5 } }), vaults })
    expect(unmet).toEqual([])
    expect(chosen).toHaveLength(5)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('place, for any vaults', () => {
  const anything = fc.record({ policy: somePolicy, vaults: someVaults(6) })

  it('meets every demand that all eligible vaults together could meet, and reports exactly the others', () => {
    fc.assert(
      fc.property(anything, ({ policy, vaults }) => {
        const { chosen, unmet } = place({ policy, vaults, packBytes: 150, held: NOTHING })
        const eligible = vaults.filter(({ maxPackBytes }) => maxPackBytes === undefined)
        const set = vaults.filter(({ id }) => chosen.includes(id))
        for (const demand of demandsOf(policy)) {
          const reachable = foundIn(demand, eligible)
          expect(foundIn(demand, set)).toBeGreaterThanOrEqual(Math.min(demand.wanted, reachable))
          expect(unmet.some(({ constraint }) => constraint === demand.constraint)).toBe(reachable < demand.wanted)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('chooses a set of which no vault can be left out', () => {
    fc.assert(
      fc.property(anything, ({ policy, vaults }) => {
        const { chosen } = place({ policy, vaults, packBytes: 50, held: NOTHING })
        const set = vaults.filter(({ id }) => chosen.includes(id))
        for (const vault of set) {
          const without = set.filter((other) => other !== vault)
          expect(demandsOf(policy).some((demand) => foundIn(demand, without) < Math.min(demand.wanted, foundIn(demand, vaults)))).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('agrees, when there are too many vaults to try every set, on what can be met', () => {
    fc.assert(
      fc.property(anything, ({ policy, vaults }) => {
        const few = place({ policy, vaults, packBytes: 50, held: NOTHING })
        // Twins have no new value but force the greedy way; only copies can profit from them.
        const twins = Array.from({ length: 13 }, (_, i) =>
          vaults.slice(i % vaults.length, (i % vaults.length) + 1).map((twin) => ({ ...twin, id: `twin${i}` })),
        ).flat()
        const many = place({ policy, vaults: [...vaults, ...twins], packBytes: 50, held: NOTHING })
        const others = (plan: typeof few) =>
          plan.unmet.filter(({ constraint }) => constraint !== 'copies').map(({ constraint, found }) => `${constraint} ${found}`)
        expect(others(many)).toEqual(others(few))
        const set = [...vaults, ...twins].filter(({ id }) => many.chosen.includes(id))
        for (const demand of demandsOf(policy)) {
          if (!many.unmet.some(({ constraint }) => constraint === demand.constraint))
            expect(foundIn(demand, set)).toBeGreaterThanOrEqual(demand.wanted)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('leads to a satisfied object once every chosen vault is intact, whenever nothing is unmet', () => {
    fc.assert(
      fc.property(anything, ({ policy, vaults }) => {
        const { chosen, unmet } = place({ policy, vaults, packBytes: 50, held: NOTHING })
        const { state } = judgeObject({
          policy,
          vaults,
          now: NOW,
          packs: [{ name: 'p', packBytes: 50, replicas: chosen.map((id) => replica(id, row('intact'))) }],
        })
        expect(state === 'satisfied').toBe(unmet.length === 0)
      }),
      { numRuns: 300 },
    )
  })
})
