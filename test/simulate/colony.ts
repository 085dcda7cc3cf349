/** A real archive over memory vaults whose truth is known: what they hold, what was put into them, and what went wrong with them. */

import type { Chance } from '../../bench/simulate/random.ts'
import { createArchive } from '../../src/archive.ts'
import type { Archive, Vault } from '../../src/contracts.ts'
import { memory } from '../../src/vaults/memory.ts'
import { type Faults, faulty, noFaults } from '../fakes/faulty.ts'
import { noise, type TestClock, tempFolder, testClock } from '../flow/house.ts'

export interface Colonist {
  readonly id: string
  readonly store: Map<string, Uint8Array>
  readonly faults: Faults
  /** Day of the virtual clock until which it does not answer; 0: it does. */
  outUntil: number
  outSince: number
}

export interface Colony {
  readonly archive: Archive
  readonly colonists: readonly Colonist[]
  readonly clock: TestClock
  readonly root: string
  readonly content: Uint8Array
  /** Packs as they were when they were first stored, by locator. */
  readonly pristine: ReadonlyMap<string, Uint8Array>
  /** Puts since the last look, with what was there before. */
  takePuts(): readonly Put[]
}

export interface Put {
  readonly vault: string
  readonly at: string
  readonly wasWhole: boolean
}

export const COPIES = 3
const FLOOR = 2
export const GRACE_DAYS = 5
export const MAX_AGE_DAYS = 6

/** Stores one object in three of four vaults. Randomness, the archive's own included, is the seed's. */
export async function colony(chance: Chance): Promise<Colony> {
  const clock = testClock()
  const pristine = new Map<string, Uint8Array>()
  const puts: Put[] = []
  const colonists = ['a', 'b', 'c', 'd'].map((id): Colonist => ({ id, store: new Map(), faults: noFaults(), outUntil: 0, outSince: 0 }))
  const vaults = colonists.map(({ id, store, faults }) => {
    const inner = memory({ id, store, operator: `operator-${id}` })
    const counting: Vault = {
      ...inner,
      put: async (pack, options) => {
        const at = `${pack.kind}/${pack.name}`
        if (pack.kind === 'content') puts.push({ vault: id, at, wasWhole: isSame(store.get(at), pristine.get(at)) })
        return inner.put(pack, options)
      },
    }
    return faulty(counting, faults)
  })
  const archive = await createArchive({
    path: await tempFolder(),
    vaults,
    policy: { copies: COPIES, floor: FLOOR, graceDays: GRACE_DAYS, evidence: { maxAgeDays: MAX_AGE_DAYS } },
    clock,
    random: (length) => chance.bytes(length),
    timeoutMs: 200,
  })
  const content = noise(1_500_000, `colony ${chance.unit()}`)
  const { root } = await archive.put(content)
  for (const { store } of colonists) for (const [at, bytes] of store) if (at.startsWith('content/')) pristine.set(at, bytes.slice())
  const takePuts = () => puts.splice(0)
  takePuts()
  return { archive, colonists, clock, root, content, pristine, takePuts }
}

export function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0
}

/** Vaults that have every pack of the object, byte for byte. */
export const wholeIn = ({ colonists, pristine }: Colony): readonly string[] =>
  colonists.filter(({ store }) => [...pristine].every(([at, bytes]) => isSame(store.get(at), bytes))).map(({ id }) => id)
