/** What a gateway may answer instead of the chunk that was asked for. */
import { validatePath } from 'arweave/node/lib/merkle.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { CHUNK_BYTES, type ChunkTree, treeOf } from '../../../src/vaults/arweave/merkle.ts'
import { provenChunk } from '../../../src/vaults/arweave/proven-chunk.ts'
import { hostileTree } from './hostile-tree.ts'
import { noise, piecesOf } from './pieces.ts'

const SIZES = [
  1,
  32 * 1024 - 1,
  CHUNK_BYTES,
  CHUNK_BYTES + 1,
  288 * 1024 - 1,
  2 * CHUNK_BYTES,
  5 * CHUNK_BYTES + 77,
  7 * CHUNK_BYTES + 40_000,
]
const BYTES = 5 * CHUNK_BYTES + 77

const bytes = noise(BYTES)
let tree: ChunkTree
beforeAll(async () => {
  tree = await treeOf(piecesOf(bytes), BYTES)
})

interface Answer {
  readonly tree: Pick<ChunkTree, 'dataRoot' | 'byteLength'>
  readonly at: number
  readonly chunk: Uint8Array
  readonly path: Uint8Array
}

const answer = (index: number): Answer => {
  const { start, length, offset, path } = tree.chunk(index)
  return { tree, at: offset, chunk: bytes.subarray(start, start + length), path }
}
const proven = ({ tree, at, chunk, path }: Answer) => provenChunk(tree, at, chunk, path)
const flipped = (original: Uint8Array, at: number, mask = 1) => {
  const copy = Buffer.from(original)
  copy[at] = (copy[at] ?? 0) ^ mask
  return copy
}

describe('a chunk and its path', () => {
  it.each(SIZES)('are proven at the first, a middle and the last byte of every chunk of %i bytes', async (byteLength) => {
    const data = noise(byteLength, 'other')
    const tree = await treeOf(piecesOf(data), byteLength)
    for (let index = 0; index < tree.chunkCount; index++) {
      const { start, length, offset, path } = tree.chunk(index)
      const chunk = data.subarray(start, start + length)
      for (const at of [start, start + Math.floor(length / 2), offset])
        expect(provenChunk(tree, at, chunk, path)).toEqual({ start, length })
    }
    expect(tree.chunkCount).toBe(Math.ceil(byteLength / CHUNK_BYTES))
  })

  it('are not proven at a byte that lies outside', () => {
    for (let index = 0; index < tree.chunkCount; index++) {
      const { start, length } = tree.chunk(index)
      for (const at of [start - 1, start + length, 0, BYTES - 1, BYTES, -1, BYTES + 1])
        if (at < start || at >= start + length) expect(proven({ ...answer(index), at }), `chunk ${index} at ${at}`).toBeUndefined()
    }
  })

  it('are not proven when any byte of the path was changed', () => {
    for (const index of [0, 3, 5]) {
      const whole = answer(index)
      expect(proven(whole)).toBeDefined()
      for (let at = 0; at < whole.path.byteLength; at++)
        for (const mask of [0x01, 0x80]) expect(proven({ ...whole, path: flipped(whole.path, at, mask) }), `byte ${at}`).toBeUndefined()
    }
  })

  it('are not proven when a byte of the chunk was changed, which the library does not look at', async () => {
    const whole = answer(2)
    for (const at of [0, 1, 31, 32, 4095, 4096, 65_536, whole.chunk.byteLength - 1])
      for (const mask of [0x01, 0x80]) expect(proven({ ...whole, chunk: flipped(whole.chunk, at, mask) }), `byte ${at}`).toBeUndefined()
    expect(await validatePath(tree.dataRoot, whole.at, 0, BYTES, whole.path)).toMatchObject({ chunkSize: whole.chunk.byteLength })
  })

  it('are not proven against a root of which any byte is another', () => {
    const whole = answer(4)
    for (let at = 0; at < 32; at++)
      expect(proven({ ...whole, tree: { dataRoot: flipped(tree.dataRoot, at), byteLength: BYTES } }), `byte ${at}`).toBeUndefined()
    for (const dataRoot of [new Uint8Array(0), tree.dataRoot.subarray(0, 31), Buffer.concat([tree.dataRoot, Buffer.alloc(1)])])
      expect(proven({ ...whole, tree: { dataRoot, byteLength: BYTES } })).toBeUndefined()
  })

  it('are not proven of data of another size: the last chunk for any other, each chunk for one that ends before it does', () => {
    const last = answer(5)
    for (const byteLength of [1, BYTES - CHUNK_BYTES, BYTES - 1, BYTES + 1, BYTES * 2, 2 ** 40, 2 ** 53 - 1])
      expect(proven({ ...last, tree: { dataRoot: tree.dataRoot, byteLength } }), `${byteLength}`).toBeUndefined()
    const first = answer(0)
    for (const byteLength of [0, -1, 1, CHUNK_BYTES - 1, 1.5, Number.NaN, 2 ** 53])
      expect(proven({ ...first, at: 0, tree: { dataRoot: tree.dataRoot, byteLength } }), `${byteLength}`).toBeUndefined()
  })

  it('are not proven when the chunk is too short, too long or empty', () => {
    const whole = answer(1)
    const { chunk } = whole
    for (const wrong of [chunk.subarray(1), chunk.subarray(0, -1), Buffer.concat([chunk, Buffer.alloc(1)]), new Uint8Array(0)])
      expect(proven({ ...whole, chunk: wrong })).toBeUndefined()
  })

  it('are not proven when one of them is of another place', () => {
    for (let index = 0; index < tree.chunkCount; index++) {
      const other = answer((index + 1) % tree.chunkCount)
      expect(proven({ ...answer(index), path: other.path })).toBeUndefined()
      expect(proven({ ...answer(index), chunk: other.chunk })).toBeUndefined()
      expect(proven({ ...other, at: answer(index).at }), 'a whole answer to another question').toBeUndefined()
    }
  })

  it('are not proven by a path that was cut or extended by multiples of 32 bytes', () => {
    for (const index of [0, 5]) {
      const whole = answer(index)
      for (let length = 0; length < whole.path.byteLength; length += 32) {
        expect(proven({ ...whole, path: whole.path.subarray(0, length) }), `first ${length}`).toBeUndefined()
        expect(proven({ ...whole, path: whole.path.subarray(whole.path.byteLength - length) }), `last ${length}`).toBeUndefined()
      }
      for (let more = 32; more <= 192; more += 32)
        expect(proven({ ...whole, path: Buffer.concat([whole.path, Buffer.alloc(more)]) }), `${more} more`).toBeUndefined()
    }
  })
})

describe('garbage', () => {
  it('is not proven, and nothing is thrown', () => {
    const whole = answer(0)
    const wrong: readonly unknown[] = [
      undefined,
      null,
      '',
      'path',
      0,
      {},
      [],
      new Uint8Array(0),
      new ArrayBuffer(64),
      noise(64),
      noise(352),
      noise(1e6),
    ]
    for (const value of wrong) {
      expect(proven({ ...whole, path: value as Uint8Array })).toBeUndefined()
      expect(proven({ ...whole, chunk: value as Uint8Array })).toBeUndefined()
      expect(proven({ ...whole, tree: { dataRoot: value as Uint8Array, byteLength: BYTES } })).toBeUndefined()
    }
    for (const at of [Number.NaN, 0.5, '0', null, undefined, Number.POSITIVE_INFINITY, 0n]) {
      expect(proven({ ...whole, at: at as number })).toBeUndefined()
      expect(proven({ ...whole, tree: { dataRoot: tree.dataRoot, byteLength: at as number } })).toBeUndefined()
    }
  })

  it('is refused when its path is longer than that of any tree', () => {
    expect(proven({ ...answer(0), path: Buffer.alloc(64 + 96 * 100_000) })).toBeUndefined()
  })
})

describe('a tree made by somebody else', () => {
  it('is refused where a leaf says that it ends elsewhere than the branches do', () => {
    const chunks = [noise(1000, 'a'), noise(1000, 'b')]
    const honest = hostileTree(chunks, [1000, 2000], 1000)
    expect(provenChunk({ dataRoot: honest.root, byteLength: 2000 }, 0, chunks[0] as Buffer, honest.paths[0] as Buffer)).toEqual({
      start: 0,
      length: 1000,
    })
    expect(provenChunk({ dataRoot: honest.root, byteLength: 2000 }, 1999, chunks[1] as Buffer, honest.paths[1] as Buffer)).toEqual({
      start: 1000,
      length: 1000,
    })
    const lying = hostileTree(chunks, [1000, 3000], 1000)
    expect(provenChunk({ dataRoot: lying.root, byteLength: 2000 }, 1999, chunks[1] as Buffer, lying.paths[1] as Buffer)).toBeUndefined()
  })

  it('is refused where a chunk has not the length that its place has', () => {
    const chunks = [noise(999, 'a'), noise(1001, 'b')]
    const { root, paths } = hostileTree(chunks, [1000, 2000], 1000)
    for (const [index, at] of [0, 1999].entries())
      expect(provenChunk({ dataRoot: root, byteLength: 2000 }, at, chunks[index] as Buffer, paths[index] as Buffer)).toBeUndefined()
  })

  it('is refused where a branch has nothing to its left', () => {
    const chunks = [noise(0), noise(2000)]
    const { root, paths } = hostileTree(chunks, [0, 2000], 0)
    expect(provenChunk({ dataRoot: root, byteLength: 2000 }, 0, chunks[1] as Buffer, paths[1] as Buffer)).toBeUndefined()
  })

  it('is refused where a branch divides outside of what it covers', () => {
    const chunks = [noise(1000, 'a'), noise(1000, 'b')]
    for (const middle of [0, 2001, 2 ** 53 - 1, 2n ** 64n, 2n ** 64n + 1000n, 2n ** 255n]) {
      const { root, paths } = hostileTree(chunks, [1000, 2000], middle)
      for (const [index, at] of [0, 1999].entries())
        expect(
          provenChunk({ dataRoot: root, byteLength: 2000 }, at, chunks[index] as Buffer, paths[index] as Buffer),
          `${middle}`,
        ).toBeUndefined()
    }
  })
})
