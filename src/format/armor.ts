/** ASCII-armored age files: text that some tools write; sealed objects never are. */
import { FormatError } from '../errors.ts'

const BEGIN = '-----BEGIN AGE ENCRYPTED FILE-----'
const SPACE = /^[ \t\r\n]$/
/** Armor is decoded in memory: it is for key files and mail, not for archives. */
export const MAX_ARMORED_BYTES = 64 * 1024 * 1024

/**
 * Passes an age file on, decoded when it is armored. Armored files are gathered whole, up to 64 MiB. Throws `malformed` for broken armor, `limit`
 * for more.
 */
export async function* dearmored(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const start: Uint8Array[] = []
  let length = 0
  let armored: boolean | undefined
  for await (const chunk of file) {
    if (armored === false) {
      yield chunk
      continue
    }
    length += chunk.byteLength
    if (length > MAX_ARMORED_BYTES)
      throw new FormatError('limit', `an armored file of more than ${MAX_ARMORED_BYTES} bytes; store age files without --armor`)
    // Chunks may be views of buffers that are used again.
    start.push(chunk.slice())
    armored ??= looksArmored(start)
    if (armored !== false) continue
    yield* start.splice(0)
  }
  if (armored) yield await decode(Buffer.concat(start).toString('latin1'))
  else yield* start
}

/** Undefined while there are too few bytes to tell. */
function looksArmored(chunks: readonly Uint8Array[]): boolean | undefined {
  let seen = 0
  for (const chunk of chunks) {
    for (const byte of chunk) {
      const letter = String.fromCharCode(byte)
      if (seen === 0 && SPACE.test(letter)) continue
      if (letter !== BEGIN[seen]) return false
      if (++seen === BEGIN.length) return true
    }
  }
  return undefined
}

async function decode(text: string): Promise<Uint8Array> {
  const { armor } = await import('age-encryption')
  try {
    return armor.decode(text)
  } catch (cause) {
    throw new FormatError('malformed', 'the ASCII armor of the file is broken; copy it again, whole', { cause })
  }
}
