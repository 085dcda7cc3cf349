/** CRC-64/NVME: reflected, polynomial 0xAD93D23594C93659, all ones in and out. Two halves of 32 bits, because BigInt is too slow for parts. */

const POLYNOMIAL_HIGH = 0x9a6c9329
const POLYNOMIAL_LOW = 0xac4bc9b5
const HIGH = new Uint32Array(256)
const LOW = new Uint32Array(256)

for (let byte = 0; byte < 256; byte++) {
  let high = 0
  let low = byte
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1
    low = ((low >>> 1) | (high << 31)) >>> 0
    high >>>= 1
    if (carry === 1) {
      high = (high ^ POLYNOMIAL_HIGH) >>> 0
      low = (low ^ POLYNOMIAL_LOW) >>> 0
    }
  }
  HIGH[byte] = high
  LOW[byte] = low
}

/** The checksum, 8 bytes, big-endian as S3 sends it. */
export function crc64nvme(bytes: Uint8Array): Buffer {
  let high = 0xffffffff
  let low = 0xffffffff
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff
    low = (((low >>> 8) | (high << 24)) ^ (LOW[index] ?? 0)) >>> 0
    high = ((high >>> 8) ^ (HIGH[index] ?? 0)) >>> 0
  }
  const sum = Buffer.alloc(8)
  sum.writeUInt32BE(~high >>> 0, 0)
  sum.writeUInt32BE(~low >>> 0, 4)
  return sum
}
