import { expect, it } from 'vitest'
import { collect } from '../../src/bytes/collect.ts'

async function* chunks(...lengths: number[]) {
  let value = 0
  for (const length of lengths) yield Uint8Array.from({ length }, () => value++ % 256)
}

it('returns the one chunk that has it all as it came', async () => {
  const chunk = Uint8Array.of(1, 2, 3)
  const one = async function* () {
    yield new Uint8Array(0)
    yield chunk
    yield new Uint8Array(0)
  }
  expect(await collect(one(), 3)).toBe(chunk)
})

it('joins many chunks, also when the producer uses its buffer again', async () => {
  const producer = async function* () {
    const buffer = new Uint8Array(3)
    for (let round = 1; round <= 3000; round++) yield buffer.fill(round)
  }
  const bytes = await collect(producer(), 9000)
  expect(bytes.byteLength).toBe(9000)
  expect(bytes.every((byte, index) => byte === (Math.floor(index / 3) + 1) % 256)).toBe(true)
})

it('may be shorter than its limit, down to nothing', async () => {
  expect([...(await collect(chunks(2, 1), 100))]).toEqual([0, 1, 2])
  expect(await collect(chunks(), 100)).toEqual(new Uint8Array(0))
  expect(await collect(chunks(0), 0)).toEqual(new Uint8Array(0))
})

it('stops at the first chunk beyond its limit and releases the source', async () => {
  let yielded = 0
  let released = false
  const endless = async function* () {
    try {
      for (;;) yield new Uint8Array(10).fill(++yielded)
    } finally {
      released = true
    }
  }
  await expect(collect(endless(), 25)).rejects.toMatchObject({ name: 'FormatError', code: 'limit' })
  expect({ yielded, released }).toEqual({ yielded: 3, released: true })
})

it('stops when its signal is aborted', async () => {
  const controller = new AbortController()
  const source = async function* () {
    yield Uint8Array.of(1)
    controller.abort(new RangeError('enough'))
    yield Uint8Array.of(2)
  }
  await expect(collect(source(), 10, { signal: controller.signal })).rejects.toThrow('enough')
})
