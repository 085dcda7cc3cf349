import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeBehind } from '../../src/vaults/directory/write.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-write-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function written(chunks: AsyncIterable<Uint8Array>, byteLength: number): Promise<Buffer> {
  const path = join(folder, crypto.randomUUID())
  await using handle = await open(path, 'wx')
  await writeBehind(handle, chunks, byteLength)
  return readFile(path)
}

it('writes any chunks in order, whatever the size of the pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
      fc.integer({ min: 0, max: 64 }),
      async (chunks, piece) => {
        async function* body() {
          yield* chunks
        }
        expect((await written(body(), piece)).equals(Buffer.concat(chunks))).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
})

it('has copied a chunk before it asks for the next one, so a body may reuse its buffer', async () => {
  const mebibyte = 1024 * 1024
  async function* body() {
    const buffer = Buffer.alloc(mebibyte)
    for (let number = 1; number <= 11; number++) yield buffer.fill(number)
  }
  const bytes = await written(body(), 11 * mebibyte)
  for (let number = 1; number <= 11; number++) {
    const piece = bytes.subarray((number - 1) * mebibyte, number * mebibyte)
    expect(piece.equals(Buffer.alloc(mebibyte, number)), `chunk ${number}`).toBe(true)
  }
})

it('reports a write that failed while the next piece was filling, and leaves none in flight', async () => {
  const path = join(folder, 'read-only')
  await (await open(path, 'wx')).close()
  await using handle = await open(path, 'r')
  let inFlight = 0
  const watched = {
    write: async (...args: Parameters<FileHandle['write']>) => {
      inFlight++
      return handle.write(...args).finally(() => inFlight--)
    },
  } as unknown as FileHandle
  let pulled = 0
  async function* body() {
    for (; pulled < 100; pulled++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      yield new Uint8Array(1024)
    }
  }
  await expect(writeBehind(watched, body(), 1024)).rejects.toMatchObject({ code: 'EBADF' })
  expect(pulled).toBeLessThan(5)
  expect(inFlight).toBe(0)
})

it('waits for the write in flight when the body breaks off, so that no byte lands after it has failed', async () => {
  let inFlight = 0
  const slow = {
    write: async (_: Uint8Array, __: number, length: number) => {
      inFlight++
      await new Promise((resolve) => setTimeout(resolve, 20))
      inFlight--
      return { bytesWritten: length }
    },
  } as unknown as FileHandle
  async function* body() {
    yield new Uint8Array(1024)
    throw new Error('broken off')
  }
  await expect(writeBehind(slow, body(), 1024)).rejects.toThrow('broken off')
  expect(inFlight).toBe(0)
})
