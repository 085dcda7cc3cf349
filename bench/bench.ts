/** What a bench is given and what it gives back. */
import type { Scratch } from './scratch.ts'

export const MIB = 1024 ** 2

/** One line of the table. */
export interface Row {
  readonly figure: string
  readonly perdure: string
  /** The same work by the tool it is compared with, measured in the same run. */
  readonly peer?: string
  readonly ratio?: number
  /** The goal in words, and whether this run reached it. */
  readonly wanted?: string
  readonly met?: boolean
}

export interface BenchContext {
  /** Smaller inputs and fewer rounds: for trying the harness, not for quoting. */
  readonly quick: boolean
  /** File URL of the built entry under test. */
  readonly door: string
  readonly scratch: Scratch
  readonly signal: AbortSignal
  /** Tells the person who waits what is going on, or why something is left out. */
  readonly say: (line: string) => void
}

export type Bench = (context: BenchContext) => Promise<readonly Row[]>

export const roundsOf = ({ quick }: BenchContext): number => (quick ? 3 : 5)

/** The file most figures speak of. */
export const mainBytesOf = ({ quick }: BenchContext): number => (quick ? 64 : 512) * MIB

/** `512 MiB`, `4 GiB`. */
export function sizeName(byteLength: number): string {
  const mib = byteLength / MIB
  return mib >= 1024 && mib % 1024 === 0 ? `${mib / 1024} GiB` : `${Math.round(mib)} MiB`
}
