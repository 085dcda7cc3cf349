/** One JSON document on standard output, errors included. Its shapes are documented in the README and stay stable. */
import { viewError } from './errors.ts'
import { silent } from './progress.ts'
import type { Reporter, ReporterOptions } from './reporter.ts'

export function jsonReporter({ quiet, stdout, stderr }: ReporterOptions): Reporter {
  /** What would close the document that was begun, up to its last key. */
  let open: string | undefined
  const close = async (tail: object) => {
    const members = JSON.stringify(tail).slice(1, -1)
    const text = open === undefined ? `{${members}}` : `${open}${members === '' ? '' : `,${members}`}}`
    open = undefined
    await stdout.write(`${text}\n`)
  }

  return {
    progress: silent,
    result: (document) => close(document),
    line: (document) => stdout.write(`${JSON.stringify(document)}\n`),
    list: (key, head) => {
      const members = JSON.stringify(head).slice(1, -1)
      const opening = `{${members === '' ? '' : `${members},`}${JSON.stringify(key)}:[`
      let begun = false
      return {
        item: async (item) => {
          const text = `${begun ? ',' : opening}\n${JSON.stringify(item)}`
          begun = true
          open = ']'
          await stdout.write(text)
        },
        end: async (tail) => {
          if (!begun) await stdout.write(opening)
          open = ']'
          await close(tail)
        },
      }
    },
    bytes: async (source, head) => {
      const members = JSON.stringify(head).slice(1, -1)
      let byteLength = 0
      for await (const text of base64(source, (length) => (byteLength += length))) {
        await stdout.write(open === undefined ? `{${members},"encoding":"base64","content":"${text}` : text)
        open = '"'
      }
      if (open === undefined) await stdout.write(`{${members},"encoding":"base64","content":"`)
      open = '"'
      await close({ byteLength })
    },
    note: async (text) => {
      if (!quiet) await stderr.write(`${text}\n`)
    },
    advise: async () => {},
    fail: async (error) => {
      const { code, message, hint } = viewError(error)
      await close({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })
    },
  }
}

/** Encodes a stream in multiples of three bytes, so that the pieces join into one text. */
async function* base64(source: AsyncIterable<Uint8Array>, onBytes: (byteLength: number) => void): AsyncIterable<string> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const bytes of source) {
    onBytes(bytes.byteLength)
    const joined = rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes])
    const whole = joined.byteLength - (joined.byteLength % 3)
    if (whole > 0) yield Buffer.from(joined.buffer, joined.byteOffset, whole).toString('base64')
    rest = joined.slice(whole)
  }
  if (rest.byteLength > 0) yield Buffer.from(rest).toString('base64')
}
