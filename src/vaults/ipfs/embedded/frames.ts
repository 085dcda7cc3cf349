/** Messages on a stream of libp2p: each with its length before it. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { varint } from 'multiformats'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError } from '../../../errors.ts'
import { numbers } from './message.ts'

/** What go and JavaScript nodes send at most, and what is read at most. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
const MOST_LENGTH_BYTES = 4

/** The messages of a stream, as they come; at most one is held. Throws `limit` before a longer one is read, and `malformed` for one that breaks off. */
export async function* framesOf(stream: Stream): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let size = 0
  let wanted: number | undefined
  for await (const piece of stream) {
    const bytes = piece.subarray()
    held.push(bytes)
    size += bytes.byteLength
    for (;;) {
      if (wanted === undefined) {
        const joined = join()
        const length = lengthIn(joined)
        if (!length) break
        wanted = length.value
        held = [joined.subarray(length.size)]
        size -= length.size
      }
      if (size < wanted) break
      const joined = join()
      yield joined.subarray(0, wanted)
      held = [joined.subarray(wanted)]
      size -= wanted
      wanted = undefined
    }
  }
  if (size > 0 || wanted !== undefined) throw new FormatError('malformed', 'a bitswap message broke off')

  function join(): Uint8Array {
    const [first] = held
    const joined = held.length === 1 && first ? first : Buffer.concat(held)
    held = [joined]
    return joined
  }
}

function lengthIn(bytes: Uint8Array): { readonly value: number; readonly size: number } | undefined {
  const end = bytes.subarray(0, MOST_LENGTH_BYTES).findIndex((byte) => byte < 0x80)
  if (end < 0 && bytes.byteLength < MOST_LENGTH_BYTES) return undefined
  const [value, size] = end < 0 ? [Number.POSITIVE_INFINITY, 0] : varint.decode(bytes)
  if (value > MAX_MESSAGE_BYTES) throw new FormatError('limit', `a bitswap message of more than ${MAX_MESSAGE_BYTES} bytes is not read`)
  return { value, size }
}

/** Sends one message; resolves when the stream has passed it on, so that no more than one waits in it. */
export async function sendFrame(stream: Stream, bytes: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
  // Two pieces, so that the message is not copied to stand behind its length.
  stream.send(numbers(bytes.byteLength))
  stream.send(bytes)
  while (stream.writeBufferLength > 0) {
    signal?.throwIfAborted()
    if (stream.status !== 'open') throw new FormatError('malformed', `the stream is ${stream.status}; the message did not get through`)
    if (stream.writableNeedsDrain) await stream.onDrain({ ...(signal && { signal }) })
    // The stream goes on sending by itself; a drain is room for a part only.
    await nextTurn()
  }
}
