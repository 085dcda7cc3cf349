/** Reproducible randomness: one seed, the same life, on every machine. */

export interface Chance {
  /** In [0, 1). */
  unit(): number
  /** A whole number in [0, below). */
  below(bound: number): number
  between(low: number, high: number): number
  /** Uniform in the logarithm: every order of magnitude is as likely. */
  spread(low: number, high: number): number
  /** Time to the next event of a Poisson process with that mean. */
  exponential(mean: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** Fresh seed bytes, for draws that ask for them. */
  bytes(length: number): Uint8Array
  /** A stream of its own: what one part draws does not move what another draws. */
  fork(purpose: number): Chance
}

/** sfc32, warmed up from two words. Good enough for a simulation, and for nothing else. */
export function chanceOf(seed: number, stream = 0): Chance {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 2 ** 32) ^ 0x9e3779b9, stream ^ 0x85ebca6b, 1]
  const word = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let round = 0; round < 15; round++) word()
  const unit = () => word() / 2 ** 32
  const below = (bound: number) => Math.floor(unit() * bound)
  const between = (low: number, high: number) => low + unit() * (high - low)
  return {
    unit,
    below,
    between,
    spread: (low, high) => Math.exp(between(Math.log(low), Math.log(high))),
    exponential: (mean) => -mean * Math.log1p(-unit()),
    chance: (probability) => unit() < probability,
    pick: (list) => {
      const picked = list[below(list.length)]
      if (picked === undefined) throw new RangeError('nothing to pick from')
      return picked
    },
    bytes: (length) => {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; at++) bytes[at] = word()
      return bytes
    },
    fork: (purpose) => chanceOf(seed, stream * 31 + purpose + 1),
  }
}
