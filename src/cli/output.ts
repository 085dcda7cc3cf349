/** A stream that is written with back-pressure; a reader that went away ends the command instead of crashing it. */
import type { Writable } from 'node:stream'
import { PerdureError } from '../errors.ts'

/** Whoever read the output has closed it, as `head` does. */
export class OutputClosed extends PerdureError<'output-closed'> {
  override readonly name = 'OutputClosed'
}

export interface Output {
  readonly isTTY: boolean
  readonly columns: number
  /** Resolves when more may be written. */
  write(data: string | Uint8Array): Promise<void>
}

/** One per stream and process: it listens for the stream's errors as long as the process lives. */
export function createOutput(stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }): Output {
  let failure: Error | undefined
  const translate = (cause: Error): Error => {
    const closed = ['EPIPE', 'ERR_STREAM_DESTROYED'].includes((cause as NodeJS.ErrnoException).code ?? '')
    failure ??= closed ? new OutputClosed('output-closed', 'the output was closed before everything was written', { cause }) : cause
    return failure
  }
  stream.on('error', translate)
  return {
    isTTY: stream.isTTY === true,
    get columns() {
      // A terminal that does not know its width says 0.
      return stream.columns || 80
    },
    write: (data) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        stream.write(data, (error) => (error ? reject(translate(error)) : resolve()))
      }),
  }
}
