/** Drawing some of many that go by once: the same seed draws the same, in whatever order they come. */
import { createHmac } from 'node:crypto'

export interface Drawable {
  readonly id: number
  /** Draws are in proportion to it; 1 for each draws uniformly. Nothing with weight 0 is drawn. */
  readonly weight: number
}

/**
 * Weighted sampling without replacement in one pass (Efraimidis and Spirakis 2006, A-Res): each item gets the key `u^(1/w)`, and the largest keys win. Memory
 * is `count`; resolves to ids, those drawn first in front.
 */
export async function sampled(
  items: AsyncIterable<readonly Drawable[]>,
  { seed, count }: { readonly seed: Uint8Array; readonly count: number },
): Promise<readonly number[]> {
  let best: { readonly id: number; readonly key: number }[] = []
  let least = Number.NEGATIVE_INFINITY
  const trim = () => {
    best.sort((a, b) => b.key - a.key || a.id - b.id)
    best = best.slice(0, count)
    if (best.length === count) least = best.at(-1)?.key ?? least
  }
  for await (const page of items) {
    for (const { id, weight } of page) {
      if (!(weight > 0)) continue
      // The logarithm of the key: sizes of files would round every key to 1.
      const key = Math.log(unit(seed, id)) / weight
      if (key > least) best.push({ id, key })
    }
    if (best.length > count) trim()
  }
  trim()
  return best.map(({ id }) => id)
}

/** Uniform in (0, 1). */
function unit(seed: Uint8Array, id: number): number {
  const digest = createHmac('sha256', seed).update(String(id)).digest()
  return (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48
}
