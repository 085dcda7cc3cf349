import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  complete,
  consistencyRanges,
  EMPTY_ROOT,
  grow,
  inclusionRanges,
  type LeafRange,
  leafHash,
  type MerkleNode,
  nodeHash,
  nodesOf,
  rangeHash,
  rootOf,
  rootOver,
} from '../../../src/format/merkle.ts'
import { verifyConsistency, verifyInclusion } from '../../../src/format/merkle-verify.ts'

const leaves = (count: number) => Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`entry ${index}`)))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The tree as RFC 6962 defines it, by recursion. */
function recursive(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes
  if (first === undefined) return createHash('sha256').digest()
  if (hashes.length === 1) return first
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return nodeHash(recursive(hashes.slice(0, split)), recursive(hashes.slice(split)))
}

/** Hashes of ranges from stored nodes alone, as a catalog has them. */
function stored(nodes: readonly MerkleNode[]) {
  const by = new Map(nodes.map(({ level, position, hash }) => [`${level} ${position}`, hash]))
  return (ranges: readonly LeafRange[]) => {
    const loaded = new Map(nodesOf(ranges).map(([level, position]) => [`${level} ${position}`, by.get(`${level} ${position}`)]))
    return ranges.map((range) => rangeHash(range, (level, position) => loaded.get(`${level} ${position}`) ?? expect.unreachable()))
  }
}

describe('a Merkle tree', () => {
  it('of known leaves has the roots of RFC 6962', () => {
    expect(hex(EMPTY_ROOT)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hex(leafHash(new Uint8Array(0)))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
    const root = rootOver(inputs.map((text) => leafHash(Buffer.from(text, 'hex'))))
    expect(hex(root)).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
  })

  it('grows from its right edge alone, in whatever portions, to the root that recursion gives', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }), (portions) => {
        const all = leaves(portions.reduce((sum, count) => sum + count, 0))
        let [size, edge] = [0, [] as readonly Uint8Array[]]
        const nodes: MerkleNode[] = []
        for (const count of portions) {
          const grown = grow(size, edge, all.slice(size, size + count))
          nodes.push(...grown.nodes)
          ;[size, edge] = [grown.size, grown.edge]
          expect(edge).toHaveLength(complete(0, size).length)
        }
        expect(size).toBe(all.length)
        expect(hex(rootOf(edge))).toBe(hex(recursive(all)))
        const unique = new Set(nodes.map(({ level, position }) => `${level} ${position}`))
        expect(unique.size, 'each complete subtree is told once').toBe(nodes.length)
        for (const { level, position, hash } of nodes)
          expect(hex(hash)).toBe(hex(recursive(all.slice(position * 2 ** level, (position + 1) * 2 ** level))))
      }),
      { numRuns: 40 },
    )
  })

  it('proves every leaf of every size up to 64, and no other leaf in its place', () => {
    const all = leaves(64)
    const hashes = stored(grow(0, [], all).nodes)
    for (let size = 1; size <= 64; size++) {
      const root = recursive(all.slice(0, size))
      for (let index = 0; index < size; index++) {
        const proof = hashes(inclusionRanges(index, size))
        const claim = { index, size, leaf: all[index] ?? EMPTY_ROOT, proof, root }
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)))
        if (!verifyInclusion(claim)) expect.unreachable(`${index} of ${size}`)
        if (size > 1 && verifyInclusion({ ...claim, index: (index + 1) % size })) expect.unreachable(`${index} of ${size}, moved`)
        if (verifyInclusion({ ...claim, leaf: EMPTY_ROOT })) expect.unreachable(`${index} of ${size}, another leaf`)
      }
    }
  })

  it('proves of every pair of sizes up to 64 that one is the beginning of the other', () => {
    const all = leaves(64)
    const hashes = stored(grow(0, [], all).nodes)
    const roots = Array.from({ length: 65 }, (_, size) => recursive(all.slice(0, size)))
    const rootAt = (size: number) => roots[size] ?? EMPTY_ROOT
    for (let size1 = 1; size1 <= 64; size1++) {
      for (let size2 = size1; size2 <= 64; size2++) {
        const proof = hashes(consistencyRanges(size1, size2))
        const claim = { size1, size2, root1: rootAt(size1), root2: rootAt(size2), proof }
        if (!verifyConsistency(claim)) expect.unreachable(`${size1} of ${size2}`)
        if (verifyConsistency({ ...claim, root1: EMPTY_ROOT })) expect.unreachable(`${size1} of ${size2}, another beginning`)
        if (verifyConsistency({ ...claim, root2: EMPTY_ROOT })) expect.unreachable(`${size1} of ${size2}, another end`)
        if (size1 < size2 && verifyConsistency({ ...claim, proof: proof.slice(1) })) expect.unreachable(`${size1} of ${size2}, cut`)
      }
    }
  })

  it('of random sizes proves random leaves and beginnings from stored nodes, and no bent proof', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 3_000 }), fc.nat(), fc.nat(), fc.nat(), (size, a, b, bit) => {
        const all = leaves(size)
        const grown = grow(0, [], all)
        const hashes = stored(grown.nodes)
        const root = rootOf(grown.edge)
        const index = a % size
        const size1 = 1 + (b % (size - 1))
        const inclusion = { index, size, leaf: all[index] ?? EMPTY_ROOT, proof: hashes(inclusionRanges(index, size)), root }
        const beginning = {
          size1,
          size2: size,
          root1: rootOver(all.slice(0, size1)),
          root2: root,
          proof: hashes(consistencyRanges(size1, size)),
        }
        expect(verifyInclusion(inclusion)).toBe(true)
        expect(verifyConsistency(beginning)).toBe(true)
        const bent = (proof: readonly Uint8Array[]) =>
          proof.map((hash, place) => (place === bit % proof.length ? flipped(hash, bit % 256) : hash))
        expect(verifyInclusion({ ...inclusion, proof: bent(inclusion.proof) })).toBe(false)
        expect(verifyConsistency({ ...beginning, proof: bent(beginning.proof) })).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('takes sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 5
    expect(inclusionRanges(size - 1, size)).toHaveLength(2)
    expect(complete(0, size)).toEqual([
      [40, 0],
      [2, 2 ** 38],
      [0, 2 ** 40 + 4],
    ])
    const [left, leaf] = leaves(2)
    if (!left || !leaf) expect.unreachable()
    const [a, b] = inclusionRanges(size - 1, size)
    expect([a, b]).toEqual([
      [2 ** 40, 2 ** 40 + 4],
      [0, 2 ** 40],
    ])
    const root = nodeHash(left, nodeHash(left, leaf))
    expect(verifyInclusion({ index: size - 1, size, leaf, proof: [left, left], root })).toBe(true)
    expect(verifyInclusion({ index: size - 2, size, leaf, proof: [left, left], root })).toBe(false)
  })
})

const flipped = (hash: Uint8Array, bit: number) => hash.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
