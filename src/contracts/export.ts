/** Taking objects out of an archive in a form that needs none of its code: the options and what came of it. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Excerpt } from './recover.ts'

export type ExportEvent =
  | { readonly type: 'exporting'; readonly root: string; readonly byteLength: number }
  | { readonly type: 'bytes-exported'; readonly byteLength: number }

export interface ExportOptions extends AbortOptions, ProgressOptions<ExportEvent> {
  /** Default: every object. */
  readonly roots?: readonly (CID | string)[] | undefined
  /** `objects` (default): one whole CAR per object, under its root. `packs`: the packs as vaults have them. */
  readonly form?: 'objects' | 'packs' | undefined
}

export interface ExportReport {
  /** The bag. */
  readonly folder: string
  readonly objects: number
  /** Files in `data/`, and their bytes. */
  readonly files: number
  readonly byteLength: number
  /** CARs that an earlier run had written; they were hashed again. */
  readonly reused: number
  /** Objects in it that were put as erasable: shredding does not reach this copy. */
  readonly erasable: number
  /** Objects that are not in it, shredded ones among them. */
  readonly missing: Excerpt<{ readonly root: string; readonly reason: string }>
}
