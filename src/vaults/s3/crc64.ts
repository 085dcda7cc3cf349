/**
 * CRC-64/NVME of a whole from those of its pieces (reflected polynomial 0x9A6C9329AC4BC9B5). The SDK computes that of each request; multiplication by powers
 * of x modulo the polynomial joins them, as zlib does with `crc32_combine`.
 */
const POLYNOMIAL = 0x9a6c9329ac4bc9b5n
/** Reflected: the highest bit is x to the power of 0. */
const ONE = 1n << 63n
const X_TO_THE_8 = ONE >> 8n

/** A checksum in base64, of so many bytes. */
export interface Piece {
  readonly crc64: string
  readonly byteLength: number
}

/** The checksum of the pieces one after another, in base64. */
export function joinedCrc64(pieces: Iterable<Piece>): string {
  const shifts = new Map<number, bigint>()
  let crc = 0n
  for (const { crc64, byteLength } of pieces) {
    const shift = shifts.get(byteLength) ?? power(X_TO_THE_8, byteLength)
    shifts.set(byteLength, shift)
    crc = product(crc, shift) ^ Buffer.from(crc64, 'base64').readBigUInt64BE()
  }
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(crc)
  return bytes.toString('base64')
}

function power(base: bigint, exponent: number): bigint {
  let result = ONE
  let square = base
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = product(result, square)
    square = product(square, square)
  }
  return result
}

/** Modulo the polynomial. */
function product(a: bigint, b: bigint): bigint {
  let sum = 0n
  let shifted = b
  for (let bit = ONE; bit > 0n; bit >>= 1n) {
    if (a & bit) sum ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ POLYNOMIAL : shifted >> 1n
  }
  return sum
}
