import { describe, expect, it } from 'vitest'
import type { Vault } from '../../../src/contracts.ts'
import { CHUNK_BYTES, LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { all, bytesOf, noise } from '../house.ts'
import { sealedHouse } from './keys.ts'

const LEAF = LEAF_PLAINTEXT_BYTES

/** Counts what is read of a memory vault. */
function counting() {
  const reads: { readonly offset: number; readonly length: number }[] = []
  const inner = memory({ id: 'm' })
  const vault: Vault = {
    ...inner,
    read(at, span, options) {
      reads.push({ offset: span.offset, length: span.length })
      return inner.read(at, span, options)
    },
  }
  return { vault, reads, bytes: () => reads.reduce((sum, { length }) => sum + length, 0) }
}

describe('reading a part of a large sealed file', () => {
  it('reads the first leaf, at most two more, and the nodes on the way, each once', async () => {
    const { vault, reads, bytes } = counting()
    const { archive } = await sealedHouse({ vaults: [vault], policy: { copies: 1 } })
    const content = noise(40 * LEAF)
    const { root } = await archive.put(content)
    for (const [offset, most] of [
      [20 * LEAF + 1000, 1],
      [20 * LEAF - 500, 2],
      [40 * LEAF - 1024, 1],
      [0, 1],
    ] as const) {
      reads.length = 0
      expect((await bytesOf(archive.get(root, { range: { offset, length: 1024 } }))).equals(content.subarray(offset, offset + 1024))).toBe(
        true,
      )
      // The root node, the header leaf, and the leaves of the range, which travel together.
      expect([offset, reads.length]).toEqual([offset, 3])
      expect(bytes()).toBeLessThan(most * (LEAF + 15 * 16) + 4096)
    }
  })

  it('in a sealed directory reads its index and that file alone', async () => {
    const { vault, reads, bytes } = counting()
    const { archive } = await sealedHouse({ vaults: [vault], policy: { copies: 1 } })
    const list = Array.from({ length: 30 }, (_, index) => ({ path: `${index}.bin`, content: noise(CHUNK_BYTES * 3, `${index}`) }))
    const { root } = await archive.put(list)
    reads.length = 0
    expect((await bytesOf(archive.get(root, { path: '17.bin' }))).equals(noise(CHUNK_BYTES * 3, '17'))).toBe(true)
    // The directory, the index, the file.
    expect(reads.length).toBe(3)
    expect(bytes()).toBeLessThan(CHUNK_BYTES * 3 + 32_768)
    reads.length = 0
    expect((await all(archive.entries(root))).length).toBe(30)
    expect(reads.length).toBe(2)
  })
})
