/** Which blocks an audit by rotation asks for: as many per pack as a draw would, but those that were not read yet in this round. */
import type { Extent, ObjectRow, PackId } from '../contracts.ts'
import { planProbes } from '../policy/challenge.ts'
import { encodeParts, rotate } from '../policy/rotation.ts'
import type { Context } from './context.ts'
import { allExtents, blocksIn, ordinalsAt, type ProbeSet, SEED_BYTES } from './probes.ts'

/**
 * Each part of an object in a pack has a rotation of its own in each vault. A part that is read whole each time has none. The root is asked for on top of
 * it, as in every audit, and moves nothing.
 */
export async function rotateProbes(
  context: Context,
  object: ObjectRow,
  {
    packs,
    count,
    vault,
  }: { readonly packs: readonly { readonly id: PackId; readonly lastAt: number }[]; readonly count: number; readonly vault: string },
): Promise<ReadonlyMap<PackId, ProbeSet>> {
  const seed = context.random(SEED_BYTES)
  const extents = await allExtents(context, object.id)
  const byPack = Map.groupBy<PackId, Extent>(extents, ({ pack }) => pack)
  const sizes = new Map(packs.map(({ id }) => [id, blocksIn(byPack.get(id) ?? [])]))
  const planned = planProbes({ seed, count, packs: packs.map(({ id, lastAt }) => ({ id, lastAt, blocks: sizes.get(id) ?? 0 })) })
  const states = new Map((await context.catalog.rotationsOf(object.id, vault)).map((row) => [row.pack, row]))
  const root = extents.at(-1)
  const probes = new Map<PackId, ProbeSet>()
  for (const { id } of packs) {
    const population = sizes.get(id) ?? 0
    const wanted = planned.get(id)?.length ?? 0
    if (wanted > 0)
      probes.set(
        id,
        probesOf(context, { object, vault, pack: id, extents: byPack.get(id) ?? [], population, wanted, state: states.get(id), seed }),
      )
    const last = root?.pack === id ? root.first + root.count - 1 : undefined
    if (last !== undefined) probes.set(id, withRoot(probes.get(id) ?? { object: object.id, ordinals: [], seed }, last))
  }
  return probes
}

interface Part {
  readonly object: ObjectRow
  readonly vault: string
  readonly pack: PackId
  readonly extents: readonly Extent[]
  readonly population: number
  readonly wanted: number
  readonly state: Parameters<typeof rotate>[0]
  readonly seed: Uint8Array
}

function probesOf(context: Context, { object, vault, pack, extents, population, wanted, state, seed }: Part): ProbeSet {
  if (wanted >= population)
    return {
      object: object.id,
      ordinals: ordinalsAt(
        extents,
        Array.from({ length: population }, (_, index) => index),
      ),
      seed,
    }
  const { indexes, next, parts } = rotate(state, { population, count: wanted, random: () => context.random(SEED_BYTES) })
  return {
    object: object.id,
    ordinals: ordinalsAt(extents, indexes),
    seed: encodeParts(parts),
    rotation: { pack, vault, object: object.id, ...next },
  }
}

function withRoot(probe: ProbeSet, ordinal: number): ProbeSet {
  return probe.ordinals === 'all' || probe.ordinals.includes(ordinal) ? probe : { ...probe, ordinals: [...probe.ordinals, ordinal] }
}
