/** Which blocks of an object a challenge asks for: positions in packs, drawn from a seed that is fixed first. */
import type { Extent, ObjectRow, PackId, PackRow, RotationRow, Vault } from '../contracts.ts'
import { draw, planProbes } from '../policy/challenge.ts'
import type { Context } from './context.ts'
import { keepsDags } from './dag-turns.ts'

/** A fresh copy is read back whole up to this size. */
const READ_BACK_WHOLE_BYTES = 4 * 1024 * 1024
/** Draws per object and pack right after a put. */
const READ_BACK_DRAWS = 8
/** With more objects than this in a pack, reading it whole is cheaper than sampling each. */
const READ_BACK_OBJECTS = 16
export const SEED_BYTES = 32
const PAGE = 1_000

export interface ProbeSet {
  readonly object: number
  readonly ordinals: readonly number[] | 'all'
  readonly seed?: Uint8Array
  /** Where the rotation goes on once these were answered. */
  readonly rotation?: RotationRow
}

/** What is read back of a pack that was just placed: all of it where DAGs are kept, since a pin may have come with a part of its blocks, or with none. */
export async function readBack(context: Context, pack: PackRow, vault: Pick<Vault, 'profile'>): Promise<readonly ProbeSet[]> {
  const { catalog, random } = context
  if (isReadWhole(pack, vault)) return [{ object: 0, ordinals: 'all' }]
  const objects = await catalog.objectsIn(pack.id, { limit: READ_BACK_OBJECTS + 1 })
  if (objects.length === 0 || objects.length > READ_BACK_OBJECTS) return [{ object: 0, ordinals: 'all' }]
  const sets: ProbeSet[] = []
  for (const object of objects) {
    const extents = await allExtents(context, object, pack.id)
    const population = blocksIn(extents)
    const seed = random(SEED_BYTES)
    const indexes = new Set([...draw({ seed, population, count: Math.min(READ_BACK_DRAWS, population) }), population - 1])
    sets.push({ object, ordinals: ordinalsAt(extents, [...indexes]), seed })
  }
  return sets
}

/** Bytes that are read back of a pack that was just placed, about. */
export async function readBackBytes({ catalog, vaults }: Context, pack: PackRow, vault: string): Promise<number> {
  if (isReadWhole(pack, vaults.get(vault))) return pack.byteLength
  const objects = await catalog.objectsIn(pack.id, { limit: READ_BACK_OBJECTS + 1 })
  if (objects.length === 0 || objects.length > READ_BACK_OBJECTS) return pack.byteLength
  const blocks = objects.length * (READ_BACK_DRAWS + 1)
  return Math.min(pack.byteLength, Math.ceil((blocks * pack.byteLength) / Math.max(1, pack.blockCount)))
}

const isReadWhole = (pack: PackRow, vault: Pick<Vault, 'profile'> | undefined): boolean =>
  pack.byteLength <= READ_BACK_WHOLE_BYTES || pack.kind === 'index' || (vault !== undefined && keepsDags(vault))

/** Draws for one vault over all blocks of an object, and the root on top of them; the number of reads does not grow with the object. */
export async function drawProbes(
  context: Context,
  object: ObjectRow,
  packs: readonly { readonly id: PackId; readonly lastAt: number }[],
  count: number,
): Promise<ReadonlyMap<PackId, ProbeSet & { readonly seed: Uint8Array }>> {
  const seed = context.random(SEED_BYTES)
  const extents = await allExtents(context, object.id)
  const byPack = new Map<PackId, Extent[]>()
  for (const extent of extents) byPack.set(extent.pack, [...(byPack.get(extent.pack) ?? []), extent])
  const planned = planProbes({
    seed,
    count,
    packs: packs.map(({ id, lastAt }) => ({ id, lastAt, blocks: blocksIn(byPack.get(id) ?? []) })),
  })
  const root = extents.at(-1)
  const probes = new Map<PackId, ProbeSet & { readonly seed: Uint8Array }>()
  for (const { id } of packs) {
    const ordinals = ordinalsAt(byPack.get(id) ?? [], planned.get(id) ?? [])
    if (root?.pack === id) ordinals.push(root.first + root.count - 1)
    if (ordinals.length > 0) probes.set(id, { object: object.id, ordinals: [...new Set(ordinals)], seed })
  }
  return probes
}

/** Every extent of an object, or of its part in one pack. */
export async function allExtents(context: Context, object: number, pack?: PackId): Promise<readonly Extent[]> {
  const extents: Extent[] = []
  for (;;) {
    const page = await context.catalog.extentsOf(object, { after: extents.at(-1)?.start, limit: PAGE, pack })
    extents.push(...page)
    if (page.length < PAGE) return extents
  }
}

export const blocksIn = (extents: readonly Extent[]): number => extents.reduce((sum, { count }) => sum + count, 0)

/** Turns indexes within the object's blocks of a pack into positions in the pack. */
export function ordinalsAt(extents: readonly Extent[], indexes: readonly number[]): number[] {
  const ordinals: number[] = []
  let passed = 0
  let next = 0
  const sorted = [...indexes].sort((a, b) => a - b)
  for (const { first, count } of extents) {
    for (; next < sorted.length && (sorted[next] ?? 0) < passed + count; next++) ordinals.push(first + (sorted[next] ?? 0) - passed)
    passed += count
  }
  return ordinals
}
