/** Bech32 (BIP 173) without its limit of 90 characters, as age writes recipients and identities. */

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const
const CHECKSUM_WORDS = 6

/** Lower case; upper-case it whole where the kind of text asks for that. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const words = regrouped(bytes, 8, 5) ?? []
  const checksum = polymod([...expanded(prefix), ...words, ...new Array<number>(CHECKSUM_WORDS).fill(0)]) ^ 1
  for (let index = 0; index < CHECKSUM_WORDS; index++) words.push((checksum >>> (5 * (CHECKSUM_WORDS - 1 - index))) & 31)
  return `${prefix}1${words.map((word) => ALPHABET[word]).join('')}`
}

/** The prefix in lower case and the bytes; undefined for mixed case, a wrong checksum or stray bits. */
export function decodeBech32(text: string): { readonly prefix: string; readonly bytes: Uint8Array } | undefined {
  const lower = text.toLowerCase()
  if (text !== lower && text !== text.toUpperCase()) return undefined
  const split = lower.lastIndexOf('1')
  const prefix = lower.slice(0, split)
  if (split < 1 || !/^[\x21-\x7e]+$/.test(prefix) || lower.length - split - 1 < CHECKSUM_WORDS) return undefined
  const words = Array.from(lower.slice(split + 1), (letter) => ALPHABET.indexOf(letter))
  if (words.includes(-1) || polymod([...expanded(prefix), ...words]) !== 1) return undefined
  const bytes = regrouped(words.slice(0, -CHECKSUM_WORDS), 5, 8)
  return bytes && { prefix, bytes: Uint8Array.from(bytes) }
}

function expanded(prefix: string): number[] {
  const codes = Array.from(prefix, (letter) => letter.charCodeAt(0))
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)]
}

function polymod(words: readonly number[]): number {
  let checksum = 1
  for (const word of words) {
    const top = checksum >>> 25
    checksum = ((checksum & 0x1ffffff) << 5) ^ word
    for (const [bit, value] of GENERATOR.entries()) if ((top >>> bit) & 1) checksum ^= value
  }
  return checksum >>> 0
}

/** Bits regrouped; from 5 to 8 the rest must be fewer than 5 bits, all zero. */
function regrouped(values: Iterable<number>, from: number, to: number): number[] | undefined {
  const out: number[] = []
  let bits = 0
  let rest = 0
  for (const value of values) {
    rest = ((rest << from) | value) & 0xfff
    bits += from
    while (bits >= to) {
      bits -= to
      out.push((rest >>> bits) & ((1 << to) - 1))
    }
  }
  const left = rest & ((1 << bits) - 1)
  if (to === 5) {
    if (bits > 0) out.push((left << (to - bits)) & 31)
  } else if (bits >= from || left !== 0) return undefined
  return out
}
