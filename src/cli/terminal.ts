/** Asks the person at the terminal, wherever standard input and output lead, and shows nothing of the answer. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { ReadStream } from 'node:tty'
import { Interrupted, UsageError } from './errors.ts'

export interface Terminal {
  /** Resolves to what was typed before Enter. Rejects with Interrupted at Ctrl-C, and with the signal's reason. */
  askHidden(question: string, options: { readonly signal: AbortSignal }): Promise<string>
  close(): void
}

/** Absent where there is no terminal to ask at: cron, a service, a container without one. */
export type OpenTerminal = () => Terminal | undefined

/** The terminal that controls this process; on Windows standard input, when that is one. */
export const openTerminal: OpenTerminal = () => {
  if (process.platform === 'win32') {
    return process.stdin.isTTY ? terminal(process.stdin, { write: (text) => void process.stderr.write(text), close: () => {} }) : undefined
  }
  const output = openTty('w')
  const input = output === undefined ? undefined : openTty('r')
  if (output === undefined || input === undefined) return undefined
  const stream = new ReadStream(input)
  return terminal(stream, {
    write: (text) => void writeSync(output, text),
    close: () => {
      stream.destroy()
      closeSync(output)
    },
  })
}

function openTty(flags: 'r' | 'w'): number | undefined {
  try {
    return openSync('/dev/tty', flags)
  } catch {
    return undefined
  }
}

type Keyboard = Pick<ReadStream, 'on' | 'off' | 'resume' | 'pause' | 'setRawMode'>

function terminal(input: Keyboard, output: { write(text: string): void; close(): void }): Terminal {
  const decoder = new StringDecoder('utf8')
  /** Typed ahead: a paste may hold the answer to the next question as well. */
  let ahead: string[] = []
  return {
    askHidden: async (question, { signal }) => {
      signal.throwIfAborted()
      // Raw mode first: a fast typist is not echoed either.
      input.setRawMode(true)
      output.write(question)
      const line = new HiddenLine()
      try {
        ahead = line.take(ahead)
        while (!line.ended) ahead = line.take([...decoder.write(await keys(input, signal))])
        return line.text
      } finally {
        input.setRawMode(false)
        output.write('\n')
      }
    },
    close: output.close,
  }
}

/** The next bytes from the keyboard. */
function keys(input: Keyboard, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      input.off('data', onData).off('end', onEnd).off('error', onError)
      signal.removeEventListener('abort', onAbort)
      input.pause()
      act()
    }
    const onData = (bytes: Buffer) => settle(() => resolve(bytes))
    const onEnd = () => settle(() => reject(noAnswer()))
    const onError = (error: Error) => settle(() => reject(error))
    const onAbort = () => settle(() => reject(signal.reason))
    input.on('data', onData).on('end', onEnd).on('error', onError)
    signal.addEventListener('abort', onAbort, { once: true })
    input.resume()
  })
}

/** A line under construction, with the keys that every terminal has for correcting one. */
class HiddenLine {
  ended = false
  #typed: string[] = []

  get text(): string {
    return this.#typed.join('')
  }

  /** Takes characters up to the end of the line and returns those behind it. */
  take(chars: readonly string[]): string[] {
    for (const [index, char] of chars.entries()) {
      if (char === '\u0003') throw new Interrupted()
      if (char === '\u0004' && this.#typed.length === 0) throw noAnswer()
      if (char === '\r' || char === '\n' || char === '\u0004') {
        this.ended = true
        return chars.slice(index + 1)
      }
      if (char === '\u007f' || char === '\b') this.#typed.pop()
      else if (char === '\u0015') this.#typed = []
      else if (char >= ' ') this.#typed.push(char)
    }
    return []
  }
}

function noAnswer(): UsageError {
  return new UsageError('no passphrase was given; run the command again and type it')
}
