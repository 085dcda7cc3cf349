/** Base64url (RFC 4648 section 5) written where it is wanted: a text of each chunk would lie in the heap first, which gigabytes of them drive up. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The two letters of twelve bits, as they lie in memory. */
const PAIRS = new Uint16Array(
  Uint8Array.from({ length: 2 * 4096 }, (_, at) => LETTERS.charCodeAt(at % 2 === 0 ? at >> 7 : (at >> 1) & 63)).buffer,
)

/** In letters; there is no padding. */
export const base64Length = (byteLength: number): number => Math.ceil((byteLength * 4) / 3)

/** Writes all of it from a place on that is even, counted from the beginning of the memory. */
export function writeBase64(bytes: Uint8Array, memory: ArrayBufferLike, at: number): void {
  const whole = bytes.byteLength - (bytes.byteLength % 3)
  const pairs = new Uint16Array(memory, at, (whole / 3) * 2)
  for (let from = 0, to = 0; from < whole; from += 3) {
    const second = bytes[from + 1] as number
    pairs[to++] = PAIRS[((bytes[from] as number) << 4) | (second >> 4)] as number
    pairs[to++] = PAIRS[((second & 15) << 8) | (bytes[from + 2] as number)] as number
  }
  const rest = Buffer.from(bytes.buffer, bytes.byteOffset + whole, bytes.byteLength - whole)
  Buffer.from(memory).write(rest.toString('base64url'), at + pairs.byteLength, 'latin1')
}
