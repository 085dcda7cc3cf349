import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPool } from '../../src/bytes/pool.ts'
import { recut, regroup } from '../../src/bytes/regroup.ts'
import type { Content } from '../../src/contracts/source.ts'
import { all } from './all.ts'

const webStream = (parts: readonly Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })

/** A stream that never answers and tells when it is let go. */
const silent = (onReturn: () => void): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => new Promise(() => undefined),
    async return() {
      onReturn()
      return { done: true, value: undefined }
    },
  }),
})

it('cuts any stream into exact chunks with the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 50 }), async (parts, size) => {
      const cut = await all(regroup(parts, size))
      expect(Buffer.concat(cut)).toEqual(Buffer.concat(parts))
      expect(cut.slice(0, -1).every((chunk) => chunk.byteLength === size)).toBe(true)
      expect(cut.every((chunk) => chunk.byteLength > 0 && chunk.byteLength <= size)).toBe(true)
    }),
    { numRuns: 50 },
  )
})

it('copies: a producer may use its buffer again, even for a chunk of the right size', async () => {
  const producer = async function* () {
    const buffer = new Uint8Array(4)
    for (let round = 1; round <= 3; round++) yield buffer.fill(round)
  }
  expect((await all(regroup(producer(), 4))).map(([first]) => first)).toEqual([1, 2, 3])
})

it('reads web streams, Node streams, generators and plain iterables alike', async () => {
  const parts = ['ab', 'cde', 'f'].map((text) => new TextEncoder().encode(text))
  const sources: Content[] = [
    parts,
    new Set(parts),
    webStream(parts),
    Readable.from(parts),
    (async function* () {
      yield* parts
    })(),
  ]
  for (const source of sources)
    expect((await all(regroup(source, 4))).map((chunk) => Buffer.from(chunk).toString())).toEqual(['abcd', 'ef'])
})

it('gives the buffer of a short tail back to its pool', async () => {
  const pool = createPool({ byteLength: 4, count: 3 })
  await all(regroup([new Uint8Array(6)], 4, { pool }))
  expect(pool.idle).toBe(1)
})

it.each(['text', 7, null, [1]])('refuses a chunk that is not bytes: %j', async (chunk) => {
  const source = [chunk] as unknown as Iterable<Uint8Array>
  await expect(all(regroup(source, 4))).rejects.toMatchObject({ name: 'SourceError', code: 'unsupported' })
})

it('keeps the cause when the stream fails', async () => {
  const cause = new RangeError('cable cut')
  const source = Readable.from(
    (async function* () {
      yield new Uint8Array(3)
      throw cause
    })(),
  )
  await expect(all(regroup(source, 2))).rejects.toMatchObject({ code: 'unreadable', cause })
})

it('lets go of a hanging source at once when it is aborted', async () => {
  const cancelled: string[] = []
  const letGo = (name: string) => () => void cancelled.push(name)
  const node = new Readable({ read: () => undefined })
  node.once('close', letGo('node'))
  const hanging: [string, Content][] = [
    ['web', new ReadableStream<Uint8Array>({ cancel: letGo('web') })],
    ['node', node],
    ['generator', silent(letGo('generator'))],
  ]
  for (const [name, source] of hanging) {
    const controller = new AbortController()
    const reading = all(regroup(source, 4, { signal: controller.signal }))
    setTimeout(() => controller.abort(new RangeError(name)), 5)
    await expect(reading).rejects.toThrow(name)
  }
  expect(cancelled.sort()).toEqual(['generator', 'node', 'web'])
})

it('releases the source when its reader leaves early', async () => {
  let released = false
  const source = async function* () {
    try {
      for (;;) yield new Uint8Array(4)
    } finally {
      released = true
    }
  }
  for await (const _ of regroup(source(), 4)) break
  expect(released).toBe(true)
})

const stream = async function* (parts: readonly Uint8Array[]) {
  yield* parts
}

describe('recut', () => {
  it('cuts any chunks into exact ones with the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 20 }), async (parts, size) => {
        const cut = await all(recut(stream(parts), size))
        expect(Buffer.concat(cut)).toEqual(Buffer.concat(parts))
        expect(cut.slice(0, -1).every((chunk) => chunk.byteLength === size)).toBe(true)
        expect(cut.every((chunk) => chunk.byteLength > 0 && chunk.byteLength <= size)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('passes chunks of the right size, and a short one alone or at the end, without a copy', async () => {
    const parts = [4, 4, 3].map((length) => new Uint8Array(length))
    expect(await all(recut(stream(parts), 4))).toEqual(parts)
    for (const [index, chunk] of (await all(recut(stream(parts), 4))).entries()) expect(chunk.buffer).toBe(parts[index]?.buffer)
  })

  it('gives back every buffer that it copied from, also when it is left early or fails', async () => {
    const pool = createPool({ byteLength: 6, count: 10 })
    const pooled = async function* (count: number, failing = false) {
      for (let n = 0; n < count; n++) yield (await pool.take()).fill(n)
      if (failing) throw new RangeError('torn')
    }
    expect((await all(recut(pooled(5), 4))).map(({ byteLength }) => byteLength)).toEqual([4, 4, 4, 4, 4, 4, 4, 2])
    const made = pool.idle
    for await (const _ of recut(pooled(5), 16)) break
    expect(pool.idle).toBe(made)
    await expect(all(recut(pooled(1, true), 16))).rejects.toThrow('torn')
    expect(pool.idle).toBe(made)
  })
})
