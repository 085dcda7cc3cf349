/**
 * Rotation without replacement: an object's blocks in a pack are read in the order of a secret permutation, each once per round, before any is read again.
 * It finds rot within a known time. It does not catch a vault that drops what was just read, which surveys from fresh seeds do; so both are done.
 */
import { derived, uniform } from './keystream.ts'

export interface RotationState {
  readonly seed: Uint8Array
  /** Positions below it have been read in this round. */
  readonly cursor: number
  /** Counts from 1. */
  readonly round: number
}

/** A stretch of one round, enough to tell again which blocks it was. */
export interface RotationPart {
  readonly seed: Uint8Array
  readonly from: number
  readonly count: number
}

export interface Rotated {
  /** Ascending, distinct. */
  readonly indexes: readonly number[]
  /** Where the next audit goes on. It becomes durable together with the evidence. */
  readonly next: RotationState
  readonly parts: readonly RotationPart[]
}

const SEED_BYTES = 32
const PART_BYTES = SEED_BYTES + 8

/** Every number below `size` once, in an order that only the seed tells. */
export function permutation(seed: Uint8Array, size: number): Uint32Array {
  const below = uniform(derived(seed, 'rotation'))
  const order = Uint32Array.from({ length: size }, (_, index) => index)
  for (let top = size - 1; top > 0; top--) {
    const pick = below(top + 1)
    const moved = order[top] as number
    order[top] = order[pick] as number
    order[pick] = moved
  }
  return order
}

/**
 * The next `count` blocks of a population. When a round ends in the middle, the next one begins under a fresh seed; a block that both ask for is read once.
 * `random` gives 32 fresh bytes, and is called only for a new round. `orderOf` may remember what `permutation` gave for a seed.
 */
export function rotate(
  state: RotationState | undefined,
  options: {
    readonly population: number
    readonly count: number
    readonly random: () => Uint8Array
    readonly orderOf?: typeof permutation
  },
): Rotated {
  const { population, count, random, orderOf = permutation } = options
  const wanted = Math.min(count, population)
  let { seed, cursor, round } = state ?? { seed: random(), cursor: 0, round: 1 }
  const taken = new Set<number>()
  const parts: RotationPart[] = []
  while (taken.size < wanted) {
    if (cursor >= population) {
      seed = random()
      cursor = 0
      round++
    }
    const order = orderOf(seed, population)
    const from = cursor
    while (cursor < population && taken.size < wanted) taken.add(order[cursor++] as number)
    parts.push({ seed, from, count: cursor - from })
  }
  return { indexes: [...taken].sort((a, b) => a - b), next: { seed, cursor, round }, parts }
}

/** Parts as the bytes that evidence keeps: seed, from and count of each. */
export function encodeParts(parts: readonly RotationPart[]): Uint8Array {
  const bytes = Buffer.alloc(parts.length * PART_BYTES)
  for (const [index, { seed, from, count }] of parts.entries()) {
    bytes.set(seed.subarray(0, SEED_BYTES), index * PART_BYTES)
    bytes.writeUInt32BE(from, index * PART_BYTES + SEED_BYTES)
    bytes.writeUInt32BE(count, index * PART_BYTES + SEED_BYTES + 4)
  }
  return bytes
}

/** The blocks that evidence of a rotation speaks of, from its seed and the size of the object's part in the pack. */
export function decodeParts(bytes: Uint8Array, population: number): readonly number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const indexes = new Set<number>()
  for (let at = 0; at + PART_BYTES <= view.byteLength; at += PART_BYTES) {
    const from = view.readUInt32BE(at + SEED_BYTES)
    const count = view.readUInt32BE(at + SEED_BYTES + 4)
    for (const index of permutation(view.subarray(at, at + SEED_BYTES), population).subarray(from, from + count)) indexes.add(index)
  }
  return [...indexes].sort((a, b) => a - b)
}
