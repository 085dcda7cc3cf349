/** One root over the checks of an audit cycle, in memory that does not grow with them. */
import { canonicalJson } from './log-entry.ts'
import { grow, leafHash, rootOf } from './merkle.ts'

export interface ChecksRoot {
  /** A check, as plain JSON of whole numbers and texts; the order counts. */
  add(check: object): void
  readonly count: number
  /** Of the checks so far, standard base64: `checksRoot` of an audit's entry. */
  root(): string
}

export function checksRoot(): ChecksRoot {
  let [count, edge] = [0, [] as readonly Uint8Array[]]
  return {
    add(check) {
      const grown = grow(count, edge, [leafHash(Buffer.from(canonicalJson(check)))])
      ;[count, edge] = [grown.size, grown.edge]
    },
    get count() {
      return count
    },
    root: () => Buffer.from(rootOf(edge)).toString('base64'),
  }
}
