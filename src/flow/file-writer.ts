/** Sequential writing with several writes in flight: the caller goes on hashing while the kernel copies. */
import type { FileHandle } from 'node:fs/promises'
import { recycle } from '../bytes/pool.ts'

const BATCH_BYTES = 1024 * 1024
const BATCH_PARTS = 512
const IN_FLIGHT = 3

/** Writes in order of the calls; every buffer belongs to the writer until it has landed, then it is recycled. */
export interface FileWriter {
  readonly position: number
  /** Resolves when the writer has room for more, not when the bytes have landed. Rejects with the first error of any write. */
  write(...parts: readonly Uint8Array[]): Promise<void>
  /** Resolves when everything has landed. */
  flush(): Promise<void>
}

export function fileWriter(file: FileHandle, start: number): FileWriter {
  const inFlight = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let position = start
  let batch: Uint8Array[] = []
  let batchStart = start

  const send = async () => {
    while (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
    if (failure) throw failure.error
    if (batch.length === 0) return
    const parts = batch
    const at = batchStart
    batch = []
    batchStart = position
    const landing: Promise<void> = writeAll(file, parts, at)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        for (const part of parts) recycle(part)
        inFlight.delete(landing)
      })
    inFlight.add(landing)
  }

  return {
    get position() {
      return position
    },
    async write(...parts) {
      for (const part of parts) position += part.byteLength
      batch.push(...parts)
      if (position - batchStart >= BATCH_BYTES || batch.length >= BATCH_PARTS) await send()
    },
    async flush() {
      await send()
      await Promise.all(inFlight)
      if (failure) throw failure.error
    },
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], at: number): Promise<void> {
  const { bytesWritten } = await file.writev(parts, at)
  const total = parts.reduce((sum, part) => sum + part.byteLength, 0)
  if (bytesWritten === total) return
  let skip = bytesWritten
  let position = at + bytesWritten
  for (const part of parts) {
    let rest = part.subarray(Math.min(skip, part.byteLength))
    skip -= part.byteLength - rest.byteLength
    while (rest.byteLength > 0) {
      const written = await file.write(rest, 0, rest.byteLength, position)
      position += written.bytesWritten
      rest = rest.subarray(written.bytesWritten)
    }
  }
}
