/** Long lists, cut into statements that every database takes. */

/** Fewer variables than any limit (SQLite 32,766, PostgreSQL 65,535), and the longest that still pays. */
export const LIST_LENGTH = 500

/** Most rows of one page. */
export const PAGE_LENGTH = 1_000

export function* batchesOf<T>(items: readonly T[], length: number = LIST_LENGTH): Generator<readonly T[]> {
  for (let first = 0; first < items.length; first += length) yield items.slice(first, first + length)
}

/** Asks batch by batch and joins the answers. */
export async function gather<T, R>(items: Iterable<T>, ask: (batch: readonly T[]) => Promise<readonly R[]>): Promise<R[]> {
  const found: R[] = []
  for (const batch of batchesOf([...new Set(items)])) for (const row of await ask(batch)) found.push(row)
  return found
}
