/** Which digests were met: 16 bytes of each and no text, so that a walk over millions of blocks stays small. */

const WORDS = 4
const FIRST_SLOTS = 1_024
/** Of a table of 16 bytes a slot: 256 MiB. */
const MOST_SLOTS = 2 ** 24

export interface DigestSet {
  readonly size: number
  /** Is it full? Then `add` must not be called with a new one. */
  readonly full: boolean
  has(digest: Uint8Array, kind: number): boolean
  /** True when it was not there. Digests are told apart by their first 16 bytes and by their kind, a number below 256. */
  add(digest: Uint8Array, kind: number): boolean
}

/** Digests of a hash function that nobody can steer: their own bytes are what the table is addressed by. */
export function digestSet(): DigestSet {
  let slots = FIRST_SLOTS
  let table = new Uint32Array(slots * WORDS)
  let size = 0
  const key = new Uint32Array(WORDS)

  const read = (digest: Uint8Array, kind: number) => {
    for (let word = 0; word < WORDS; word++) {
      const at = word * 4
      key[word] = ((digest[at] ?? 0) | ((digest[at + 1] ?? 0) << 8) | ((digest[at + 2] ?? 0) << 16) | ((digest[at + 3] ?? 0) << 24)) >>> 0
    }
    key[3] = ((key[3] ?? 0) ^ kind) >>> 0
    // Zeros mean an empty slot.
    if (key.every((word) => word === 0)) key[0] = 1
  }

  /** Where the key is, or where it belongs. */
  const slotOf = (words: Uint32Array, from: number) => {
    for (let slot = (words[from] ?? 0) & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * WORDS
      let isSame = true
      let isEmpty = true
      for (let word = 0; word < WORDS; word++) {
        const there = table[at + word] ?? 0
        if (there !== words[from + word]) isSame = false
        if (there !== 0) isEmpty = false
      }
      if (isSame || isEmpty) return { at, isEmpty }
    }
  }

  const grow = () => {
    const old = table
    slots *= 2
    table = new Uint32Array(slots * WORDS)
    for (let from = 0; from < old.length; from += WORDS) {
      const words = old.subarray(from, from + WORDS)
      if (words.some((word) => word !== 0)) table.set(words, slotOf(words, 0).at)
    }
  }

  return {
    get size() {
      return size
    },
    get full() {
      return size >= MOST_SLOTS / 2
    },
    has(digest, kind) {
      read(digest, kind)
      return !slotOf(key, 0).isEmpty
    },
    add(digest, kind) {
      read(digest, kind)
      const { at, isEmpty } = slotOf(key, 0)
      if (!isEmpty) return false
      table.set(key, at)
      size++
      if (size > slots / 2 && slots < MOST_SLOTS) grow()
      return true
    },
  }
}
