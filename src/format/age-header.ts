/** The textual header of an age v1 file (C2SP age): parsed strictly and within limits as its bytes arrive, written canonically. */
import type { Stanza } from 'age-encryption'
import { FormatError } from '../errors.ts'
import { MAX_HEADER_BYTES } from './age-layout.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { MAC_BYTES } from './kdf.ts'

/** Wraps one file key for one recipient: arguments, the type first, and a body. */
export type { Stanza }

/** Stanzas of one header: more are refused, reading and writing. */
export const MAX_STANZAS = 1024
/** Longest line of a header; one post-quantum stanza needs some 1,500. */
export const MAX_LINE_BYTES = 8192

const VERSION = 'age-encryption.org/v1'
const COLUMNS = 64
const BODY_LINE_BYTES = 48
const LF = 0x0a
const FIRST_BYTES = 512

export interface Header {
  readonly stanzas: Stanza[]
  readonly mac: Uint8Array
  /** What the MAC is taken over: the header up to and including `---`. */
  readonly signed: Uint8Array
  /** Bytes of the textual header, its last line feed included; the 16-byte payload nonce follows. */
  readonly byteLength: number
}

/** Takes a header piece by piece, in time linear to its length however small the pieces. */
export interface HeaderParser {
  /**
   * The header once its last line is complete, undefined while more is needed. Bytes after the header are not kept. Throws FormatError `malformed`
   * for what is no age v1 header, and `limit` for more than 1 MiB, 1024 stanzas or a line of 8 KiB.
   */
  take(bytes: Uint8Array): Header | undefined
}

/** Reads a header from the start of these bytes; undefined when they end before it does. */
export function parseHeader(bytes: Uint8Array): Header | undefined {
  return headerParser().take(bytes)
}

export function headerParser(): HeaderParser {
  const lines = lineParser()
  let gathered = new Uint8Array(FIRST_BYTES)
  let length = 0
  let lineStart = 0
  return {
    take(bytes) {
      for (let from = 0; from < bytes.byteLength; ) {
        const feed = bytes.indexOf(LF, from)
        const end = feed < 0 ? bytes.byteLength : feed + 1
        if (length + end - from > MAX_HEADER_BYTES) throw tooLarge(`more than ${MAX_HEADER_BYTES} bytes`)
        if (length + end - from - lineStart > MAX_LINE_BYTES) throw tooLarge(`a line of more than ${MAX_LINE_BYTES} bytes`)
        gathered = roomFor(gathered, length, length + end - from)
        gathered.set(bytes.subarray(from, end), length)
        length += end - from
        from = end
        lines.assertBeginning(gathered, length)
        if (feed < 0) return undefined
        const mac = lines.take(Buffer.from(gathered.buffer, lineStart, length - 1 - lineStart).toString('latin1'))
        if (mac) return { stanzas: lines.stanzas, mac, signed: gathered.subarray(0, lineStart + 3), byteLength: length }
        lineStart = length
      }
      return undefined
    },
  }
}

interface LineParser {
  readonly stanzas: Stanza[]
  /** Other files are refused by their first bytes, without waiting for a line feed. */
  assertBeginning(bytes: Uint8Array, length: number): void
  /** Takes a line without its line feed; the MAC when it was the last. */
  take(line: string): Uint8Array | undefined
}

function lineParser(): LineParser {
  const stanzas: Stanza[] = []
  let versioned = false
  let open: { readonly args: string[]; readonly body: Uint8Array[] } | undefined
  return {
    stanzas,
    assertBeginning(bytes, length) {
      if (versioned) return
      const beginning = Buffer.from(bytes.buffer, 0, Math.min(length, VERSION.length)).toString('latin1')
      if (!VERSION.startsWith(beginning)) throw malformed('it does not begin as age v1 does; is this a sealed file?')
    },
    take(line) {
      if (!versioned) {
        if (line !== VERSION) throw malformed('its version is not v1')
        versioned = true
      } else if (open) {
        open.body.push(bodyLine(line))
        if (line.length === COLUMNS) return undefined
        stanzas.push({ args: open.args, body: Buffer.concat(open.body) })
        open = undefined
      } else if (line.startsWith('-> ')) {
        if (stanzas.length === MAX_STANZAS) throw tooLarge(`more than ${MAX_STANZAS} stanzas`)
        open = { args: argumentsOf(line), body: [] }
      } else return macOf(line, stanzas.length)
      return undefined
    },
  }
}

function argumentsOf(line: string): string[] {
  const args = line.slice('-> '.length).split(' ')
  if (args.every((arg) => /^[\x21-\x7e]+$/.test(arg))) return args
  throw malformed('the arguments of a stanza are empty or not printable ASCII')
}

function bodyLine(line: string): Uint8Array {
  const bytes = line.length <= COLUMNS ? decodeBase64(line) : undefined
  if (bytes) return bytes
  throw malformed('the body of a stanza is not canonical base64 in lines of 64 characters')
}

function macOf(line: string, stanzas: number): Uint8Array {
  if (!line.startsWith('--- ')) throw malformed('a line is neither a stanza nor the MAC')
  if (stanzas === 0) throw malformed('it has no stanza')
  const mac = decodeBase64(line.slice('--- '.length))
  if (mac?.byteLength === MAC_BYTES) return mac
  throw malformed('its MAC is not 32 bytes of canonical base64')
}

/**
 * Writes a header: the text to take the MAC over, then the MAC that `macOf` gives for it. Throws `unsupported` for stanzas that the format cannot
 * hold and `limit` beyond what is read.
 */
export function writeHeader(stanzas: readonly Stanza[], macOf: (signed: Uint8Array) => Uint8Array): Uint8Array {
  if (stanzas.length === 0) throw new FormatError('unsupported', 'there is nobody to seal for; give at least one recipient')
  if (stanzas.length > MAX_STANZAS) throw tooLarge(`more than ${MAX_STANZAS} stanzas`)
  const signed = `${VERSION}\n${stanzas.map(stanzaText).join('')}---`
  const text = `${signed} ${encodeBase64(macOf(Buffer.from(signed, 'latin1')))}\n`
  if (text.length > MAX_HEADER_BYTES) throw tooLarge(`more than ${MAX_HEADER_BYTES} bytes`)
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

function stanzaText({ args, body }: Stanza): string {
  const line = `-> ${args.join(' ')}\n`
  if (args.length === 0 || !args.every((arg) => /^[\x21-\x7e]+$/.test(arg)) || line.length > MAX_LINE_BYTES) {
    throw new FormatError('unsupported', 'a recipient gave a stanza that no age header can hold; check its implementation')
  }
  let text = line
  for (let from = 0; from < body.byteLength; from += BODY_LINE_BYTES)
    text += `${encodeBase64(body.subarray(from, from + BODY_LINE_BYTES))}\n`
  return body.byteLength % BODY_LINE_BYTES === 0 ? `${text}\n` : text
}

function roomFor(bytes: Uint8Array<ArrayBuffer>, used: number, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= bytes.byteLength) return bytes
  const larger = new Uint8Array(Math.min(MAX_HEADER_BYTES, Math.max(needed, bytes.byteLength * 2)))
  larger.set(bytes.subarray(0, used))
  return larger
}

const malformed = (problem: string) => new FormatError('malformed', `this is no header of an age v1 file: ${problem}`)

const tooLarge = (what: string) => new FormatError('limit', `the header of a sealed file has ${what}; that is refused unread`)
