/** Drills: objects are really restored, and compared with their roots. */
import type { AbortOptions, ProgressOptions } from './options.ts'

export type DrillEvent =
  | { readonly type: 'object-drilled'; readonly result: DrillResult }
  | { readonly type: 'bytes-restored'; readonly byteLength: number }

export interface DrillOptions extends AbortOptions, ProgressOptions<DrillEvent> {
  /** How many objects, default 3. Drawn without replacement. */
  readonly count?: number | undefined
  /** Draw by size, so that each byte is as likely as any other, instead of each object. Default false. */
  readonly weighted?: boolean | undefined
  /** Stop drawing when so many bytes were restored. */
  readonly bytes?: number | undefined
  /** Chooses the same objects again in the same archive; hex. Default: fresh. */
  readonly seed?: string | undefined
  /** Each of these vaults for itself: nothing comes from anywhere else. Default: all vaults together. */
  readonly vaults?: readonly string[] | undefined
}

export interface DrillResult {
  readonly root: string
  /** The only vault that was read from. */
  readonly vault?: string
  readonly outcome: 'restored' | 'failed' | 'skipped'
  /** `ciphertext`: it is sealed, and no identity was given: its age files were restored. */
  readonly form: 'plaintext' | 'ciphertext'
  readonly files: number
  readonly byteLength: number
  readonly ms: number
  /** Of the error that ended it. */
  readonly code?: string
  readonly detail?: string
}

export interface DrillReport {
  readonly seed: string
  readonly at: string
  readonly results: readonly DrillResult[]
  readonly restored: number
  readonly failed: number
  readonly skipped: number
  readonly byteLength: number
  readonly ms: number
  readonly bytesPerSecond: number
}
