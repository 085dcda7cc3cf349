/** Adopting content that lies on IPFS, under the root it has there. */
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Receipt } from './policy.ts'
import type { PutEvent, PutOptions } from './putting.ts'

export type ImportEvent =
  | PutEvent
  /** A block came from a gateway and hashes to its CID. */
  | { readonly type: 'block-fetched'; readonly cid: string; readonly byteLength: number }

export interface ImportOptions
  extends AbortOptions,
    ProgressOptions<ImportEvent>,
    Pick<PutOptions, 'until' | 'name' | 'mediaType' | 'retain'> {
  /**
   * Trustless gateways to ask, as URLs of their origins: the CAR of the first that gives one, single blocks from whichever is quickest. Default: the gateway
   * in the URL that names the content; without either nobody is asked.
   */
  readonly from?: string | readonly string[] | undefined
  /** May gateways be on this machine or on a private network? Default false. */
  readonly allowPrivate?: boolean | undefined
}

export interface ImportReport {
  /** The object from now on: what was named, or what lies at the path below it. */
  readonly root: string
  /** The CID that was named, as it was given. */
  readonly cid: string
  /** Absent where the CID itself was meant. */
  readonly path?: string
  /** Blocks that came from gateways, and their bytes; what the archive held already is not fetched. */
  readonly blocks: number
  readonly bytesFetched: number
  readonly receipt: Receipt
}
