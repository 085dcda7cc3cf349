/** When a replica's evidence should be renewed. */
import { hash } from 'node:crypto'

export const DAY_MS = 86_400_000

/** Share of the age limit at which evidence is renewed. */
export const DUE_SHARE = 2 / 3
/** Half the width of the window, as a share of the age limit: replicas of one day come due over several. */
const JITTER_SHARE = 1 / 15

export interface Aging {
  /** Tells replicas apart, so that those of one put do not all come due at once: pack name and vault id. */
  readonly name: string
  /** Time of the newest accepted evidence; undefined: there is none, so it is due now. */
  readonly lastAt: number | undefined
  readonly maxAgeDays: number
}

/** The moment to renew evidence: around two thirds of its age limit, moved by a hash of the name, always before it lapses. */
export function dueAt({ name, lastAt, maxAgeDays }: Aging): number {
  if (lastAt === undefined) return 0
  const unit = hash('sha256', name, 'buffer').readUInt32BE(0) / 2 ** 32
  return Math.floor(lastAt + maxAgeDays * DAY_MS * (DUE_SHARE + JITTER_SHARE * (2 * unit - 1)))
}

/** Should the evidence be renewed now? */
export function isDue({ now, ...aging }: Aging & { readonly now: number }): boolean {
  return now >= dueAt(aging)
}
