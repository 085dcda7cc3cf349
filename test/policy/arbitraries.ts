/** Random policies, vaults and evidence for the policy properties. */
import fc from 'fast-check'
import type { Policy } from '../../src/contracts/policy.ts'
import type { VaultProfile } from '../../src/contracts/vault.ts'
import type { JudgedPackInput, JudgedReplicaInput } from '../../src/policy/state.ts'
import type { JudgedEvidence } from '../../src/policy/weigh.ts'
import { DAY, NOW, OBJECT, policyOf, vault } from './fixtures.ts'

export const someVaults = (maxLength: number): fc.Arbitrary<readonly VaultProfile[]> =>
  fc
    .array(
      fc.record({
        network: fc.constantFrom('local', 's3', 'ipfs'),
        operator: fc.constantFrom('o1', 'o2', 'o3', 'o4'),
        region: fc.constantFrom('north', 'south', undefined),
        rack: fc.constantFrom('r1', 'r2', undefined),
        paid: fc.boolean(),
        cold: fc.boolean(),
        maxPackBytes: fc.constantFrom(undefined, undefined, undefined, 100),
      }),
      { minLength: 1, maxLength },
    )
    .map((list) => list.map(({ rack, ...more }, i) => vault(`v${i}`, { ...more, ...(rack && { labels: { rack } }) })))

export const somePolicy: fc.Arbitrary<Policy> = fc
  .record({
    copies: fc.integer({ min: 1, max: 4 }),
    floor: fc.integer({ min: 0, max: 2 }),
    region: fc.integer({ min: 0, max: 2 }),
    rack: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ copies, floor, region, rack }) => policyOf({ copies: Math.max(copies, floor, region, rack), floor, distinct: { region, rack } }))

export const someRow: fc.Arbitrary<JudgedEvidence> = fc.record({
  verdict: fc.constantFrom(
    'intact',
    'intact',
    'intact',
    'damaged',
    'missing',
    'unreachable',
    'denied',
    'incomplete',
    'pending',
    'unproven',
  ),
  possession: fc.constantFrom('claimed', 'listed', 'proven'),
  retrieval: fc.constantFrom('none', 'sampled', 'whole'),
  at: fc.integer({ min: 0, max: 40 }).map((days) => NOW - days * DAY),
  object: fc.constantFrom(0, OBJECT),
})

const someReplica = (id: string): fc.Arbitrary<JudgedReplicaInput<JudgedEvidence>> =>
  fc.record({
    vault: fc.constant(id),
    state: fc.constantFrom('placed', 'placed', 'placed', 'intended'),
    evidence: fc.array(someRow, { maxLength: 3 }),
  })

export const somePacks = (vaults: readonly VaultProfile[]): fc.Arbitrary<readonly JudgedPackInput<JudgedEvidence>[]> =>
  fc.array(
    fc
      .record({
        ids: fc.subarray([...vaults.map(({ id }) => id), 'gone']),
        spooled: fc.boolean(),
      })
      .chain(({ ids, spooled }) =>
        fc.tuple(...ids.map(someReplica)).map((replicas) => ({ name: 'pack', packBytes: 50, spooled, replicas })),
      ),
    { minLength: 1, maxLength: 3 },
  )
