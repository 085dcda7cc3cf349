/** What is true of one root, by everything that was ever signed of it and could be found: which record is the newest, and what tombstones end. */

/** One signed statement, as far as the choice takes it. */
export interface HistoryRow {
  /** Text of the statement's own CID. */
  readonly id: string
  readonly kind: 'record' | 'tombstone'
  readonly sequence: number
  /** Milliseconds: when the object came into being, or when it was ended. */
  readonly at: number
  /** Of a record: the CID that it says it follows. */
  readonly previous?: string | undefined
  /** Of a tombstone: does it shred? */
  readonly shred?: boolean | undefined
}

export interface History<Row extends HistoryRow> {
  /** The newest record that no tombstone ended, or of a shredded object the last one before it was removed. Undefined: the object is gone. */
  readonly record: Row | undefined
  /** Tombstones that shred; they hold for good. */
  readonly shreds: readonly Row[]
  /** When the last tombstone that does not shred was written; -1: there is none. */
  readonly endedAt: number
  /** Two records say that they come next after the same one: two copies of the archive were at work, or one was put back. */
  readonly forked: boolean
}

/** Later lives of an object come after earlier ones, and within one life the sequence counts. */
export function newest<Row extends HistoryRow>(rows: readonly Row[]): History<Row> {
  const records = rows.filter(({ kind }) => kind === 'record')
  const shreds = rows.filter(({ kind, shred }) => kind === 'tombstone' && shred === true)
  const ended = Math.max(-1, ...rows.filter(({ kind, shred }) => kind === 'tombstone' && shred !== true).map(({ at }) => at))
  const living = records.filter(({ at }) => at > ended)
  const forked = isForked(living)
  const record = living.toSorted((a, b) => compare(a, b, records)).at(-1)
  return { record, shreds, endedAt: ended, forked }
}

/** Is that record newer than what is known already? */
export const isNewer = (row: Pick<HistoryRow, 'at' | 'sequence'>, known: { readonly at: number; readonly sequence: number }): boolean =>
  row.at === known.at ? row.sequence > known.sequence : row.at > known.at

/** Of two with the same sequence, the one that follows a record that was found; then by CID, so that everybody chooses alike. */
function compare(a: HistoryRow, b: HistoryRow, all: readonly HistoryRow[]): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.sequence !== b.sequence) return a.sequence - b.sequence
  const follows = ({ previous }: HistoryRow) => Number(previous !== undefined && all.some(({ id }) => id === previous))
  return follows(a) - follows(b) || (a.id < b.id ? -1 : 1)
}

function isForked(records: readonly HistoryRow[]): boolean {
  const seen = new Set<string>()
  for (const { at, sequence } of records) {
    const place = `${at} ${sequence}`
    if (seen.has(place)) return true
    seen.add(place)
  }
  return false
}
