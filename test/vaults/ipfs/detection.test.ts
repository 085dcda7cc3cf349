/** How surely audits meet what a pinning service lost: the library's own draws, against the exact chances of draws without replacement. */
import { describe, expect, it } from 'vitest'
import { toCID } from '../../../src/format/address.ts'
import { OBJECT_SAMPLE } from '../../../src/policy/audit.ts'
import { planProbes, samplesFor } from '../../../src/policy/challenge.ts'
import type { RotationState } from '../../../src/policy/rotation.ts'
import { permutation, rotate } from '../../../src/policy/rotation.ts'
import { keyOf } from '../../fakes/pinning/blocks.ts'
import { losesBlocks } from '../../fakes/pinning/lies.ts'
import { pinningHouse } from '../../fakes/pinning-house.ts'
import { noise } from '../../flow/house.ts'

const RUNS = 20_000
const SEED_BYTES = 32
/** One percentage point. */
const TOLERANCE = 0.01

/** Of n blocks t are lost, and m are drawn without replacement. */
function exact(n: number, t: number, m: number): number {
  let missed = 1
  for (let i = 0; i < m; i++) missed *= Math.max(0, n - t - i) / (n - i)
  return 1 - missed
}

interface Loss {
  readonly what: string
  readonly blocks: number
  readonly lost: number
  readonly sample: number
}

/** `sample` 16, and as many as verify asks for by itself. */
const LOSSES: readonly Loss[] = [
  { what: '3 of 256 blocks', blocks: 256, lost: 3, sample: 16 },
  { what: 'a share of 0.01', blocks: 500, lost: 5, sample: samplesFor(OBJECT_SAMPLE) },
]

/** Share of runs that found something. Each gets seeds of its own, and another loss. */
function share(
  name: string,
  { blocks, lost }: Loss,
  found: (gone: ReadonlySet<number>, seedOf: (use: number) => Buffer) => boolean,
): number {
  const uses = 3
  const seeds = noise(RUNS * uses * SEED_BYTES, name)
  let hits = 0
  for (let run = 0; run < RUNS; run++) {
    const seedOf = (use: number) => seeds.subarray((run * uses + use) * SEED_BYTES, (run * uses + use + 1) * SEED_BYTES)
    const gone = new Set<number>()
    // Any draw does that has nothing to do with those of the library.
    let state = seedOf(0).readUInt32LE(0)
    while (gone.size < lost) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      gone.add(Math.floor((state / 2 ** 32) * blocks))
    }
    if (found(gone, seedOf)) hits++
  }
  return hits / RUNS
}

const meets = (gone: ReadonlySet<number>, asked: readonly number[] = []) => asked.some((block) => gone.has(block))

describe(`in ${RUNS} runs within one percentage point of the exact chance`, () => {
  it.each(LOSSES)('a sampled audit finds a loss of $what', (loss) => {
    const { blocks, lost, sample } = loss
    const found = share(`sampled ${loss.what}`, loss, (gone, seedOf) => {
      const plan = planProbes({ seed: seedOf(1), count: sample, packs: [{ id: 1, blocks, lastAt: 0 }] })
      return meets(gone, plan.get(1))
    })
    expect(Math.abs(found - exact(blocks, lost, sample))).toBeLessThan(TOLERANCE)
  })

  it.each(LOSSES)('two audits of a rotation find a loss of $what, as one twice as large would', (loss) => {
    const { blocks, lost, sample } = loss
    const found = share(`rotation ${loss.what}`, loss, (gone, seedOf) => {
      const options = { population: blocks, count: sample, random: () => seedOf(1), orderOf: remembered() }
      const first = rotate(undefined, options)
      return meets(gone, first.indexes) || meets(gone, rotate(first.next, options).indexes)
    })
    expect(Math.abs(found - exact(blocks, lost, 2 * sample))).toBeLessThan(TOLERANCE)
  })
})

it.each(LOSSES)('a full round of a rotation always finds a loss of $what', (loss) => {
  const { blocks, sample } = loss
  const audits = Math.ceil(blocks / sample)
  const found = share(`round ${loss.what}`, loss, (gone, seedOf) => {
    const orderOf = remembered()
    let state: RotationState | undefined
    for (let audit = 0; audit < audits; audit++) {
      // The last audit of a round begins the next one.
      const { indexes, next } = rotate(state, { population: blocks, count: sample, random: () => seedOf(state ? 2 : 1), orderOf })
      if (meets(gone, indexes)) return true
      state = next
    }
    return false
  })
  expect(found).toBe(1)
})

/** The order of a round is made once. */
function remembered(): typeof permutation {
  const orders = new Map<Uint8Array, Uint32Array>()
  return (seed, size) => {
    const order = orders.get(seed) ?? permutation(seed, size)
    orders.set(seed, order)
    return order
  }
}

describe('a service that loses 3 of 256 blocks after it had pinned all of them', () => {
  it.each(['first', 'second', 'third'])('is found out within one round, and never passes again (%s)', async (seed) => {
    const { archive, fake } = await pinningHouse()
    const entries = Array.from({ length: 255 }, (_, index) => ({ path: `file-${index}`, content: noise(200, `${seed} ${index}`) }))
    const receipt = await archive.put(entries)
    expect(receipt.replicas.find(({ vault }) => vault === 'ipfs')).toMatchObject({ verdict: 'intact', retrieval: 'whole', asked: 256 })
    const keys = [...fake.blocks.keys()]
    const root = keyOf(toCID(receipt.root))
    losesBlocks(3).settle?.(fake.blocks, [root, ...keys.filter((key) => key !== root)])
    expect(fake.blocks.size).toBe(253)

    const verdicts: (string | undefined)[] = []
    const audit = async (options: Parameters<typeof archive.verify>[1]) => {
      const { state, replicas } = await archive.verify(receipt.root, options)
      const replica = replicas.find(({ vault }) => vault === 'ipfs')
      verdicts.push(replica?.verdict)
      if (replica?.verdict === 'intact') return
      expect(replica?.counts).toBe(false)
      expect(state).not.toBe('satisfied')
    }
    for (let turn = 0; turn < 16; turn++) await audit({ rotation: true, sample: 16 })
    const at = verdicts.findIndex((verdict) => verdict !== 'intact')
    expect(at).toBeGreaterThanOrEqual(0)
    for (let turn = 0; turn < 4; turn++) await audit({ sample: 1 })
    for (let turn = 0; turn < 4; turn++) await audit({ rotation: true, sample: 1 })
    expect(new Set(verdicts.slice(at))).toEqual(new Set(['damaged']))
  })
})
