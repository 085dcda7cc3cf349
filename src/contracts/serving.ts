/** What a gateway in front of an archive asks of it: public content by its address, as blocks, as CARs and as files. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from './options.ts'
import type { ByteRange } from './putting.ts'

/** A CID and the names below it, decoded; as `Serving.address` reads it. */
export interface ServedAddress {
  readonly cid: CID
  readonly path: readonly string[]
}

export interface ServedBlock {
  /** As it was asked for, or what lies at the path. */
  readonly cid: CID
  /** Hashed. */
  readonly bytes: Uint8Array
}

export interface ServedEntry {
  readonly cid: CID
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  /** Of a symlink. */
  readonly target?: string | undefined
  /** The last name of the path, or the object's own. */
  readonly name?: string | undefined
  /** As it was put. */
  readonly mediaType?: string | undefined
}

export interface ServedChild {
  readonly name: string
  readonly cid: CID
  /** Bytes of everything below, as the directory says. */
  readonly dagBytes: number | undefined
}

/** Which blocks of what lies at the path: the top one, those of the file or of the directory's own listing, or everything below. */
export type DagScope = 'block' | 'entity' | 'all'

/** First and last byte of a file, both included; from its end when negative, `*` for the last one. */
export interface EntityBytes {
  readonly from: number
  readonly to: number | '*'
}

export interface ServedCarOptions extends AbortOptions {
  /** Default `all`. */
  readonly scope?: DagScope | undefined
  /** Only of the scope `entity`, and passed over for what is no file. */
  readonly bytes?: EntityBytes | undefined
  /** `dfs` (default): each block before what it links to, in the order of the links. `unk`: as it is stored, where that is quicker. */
  readonly order?: 'dfs' | 'unk' | undefined
  /** A block each time that the walk meets it. Default false. */
  readonly dups?: boolean | undefined
}

export interface ServedCar {
  /** What lies at the path; the CAR's root is the CID of the address. */
  readonly cid: CID
  /** What was used; `unk` is only ever a wish. */
  readonly order: 'dfs' | 'unk'
  readonly dups: boolean
  /** CARv1: first the blocks that lead to what is at the path, then those of the scope. Throws as `block` does: then the CAR is not whole. */
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Public content of an archive, read only. What is sealed is as unknown here as what is not there: `unknown-root` either way. Everything is hashed before it
 * is given. Throws ArchiveError `unknown-root`, and `unavailable` for a block that no vault gives intact; FormatError `no-such-path`, `not-a-directory`,
 * `not-a-file`, `unsupported` and `malformed`.
 */
export interface Serving {
  /** Reads `/ipfs/CID/path`, percent-encoded. Throws FormatError `invalid-cid`, `malformed`, and `unsupported` for `/ipns/`. */
  address(text: string): ServedAddress
  block(address: ServedAddress, options?: AbortOptions): Promise<ServedBlock>
  entry(address: ServedAddress, options?: AbortOptions): Promise<ServedEntry>
  /** The bytes of a file. Also throws FormatError `bad-range`. */
  read(file: CID, options?: AbortOptions & { readonly range?: ByteRange | undefined }): AsyncIterable<Uint8Array>
  /** The entries of a directory: as they are stored, of a sharded one by hash. */
  list(directory: CID, options?: AbortOptions): AsyncIterable<ServedChild>
  /** Resolves when the blocks on the way are there. Also throws FormatError `bad-range` for bytes that lie behind the file's end. */
  car(address: ServedAddress, options?: ServedCarOptions): Promise<ServedCar>
}
