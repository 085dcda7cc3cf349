/** Putting, getting and restoring: options, events, reports. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { ReplicaReport } from './policy.ts'
import type { Mtime } from './source.ts'
import type { Profile, Retention } from './vault.ts'
import type { XattrProblem, XattrReport, Xattrs } from './xattrs.ts'

export type PutEvent =
  | { readonly type: 'bytes-read'; readonly byteLength: number; readonly total?: number | undefined }
  | { readonly type: 'entry-imported'; readonly path: string; readonly root: string; readonly byteLength: number }
  /** An extended attribute is there and was not kept: it may not be read, or its name is not UTF-8. */
  | ({ readonly type: 'xattr-left-out' } & XattrProblem)
  | { readonly type: 'pack-closed'; readonly byteLength: number; readonly blocks: number }
  | {
      readonly type: 'sealed'
      readonly root: string
      readonly packs: number
      readonly byteLength: number
      readonly reusedBytes: number
      /** Of sealed content: files that were known and are not stored again. */
      readonly reusedFiles?: number
    }
  | ReplicationEvent

export type ReplicationEvent =
  | { readonly type: 'placing'; readonly vault: string; readonly pack: string; readonly byteLength: number }
  | { readonly type: 'bytes-sent'; readonly vault: string; readonly pack: string; readonly byteLength: number }
  | { readonly type: 'found'; readonly vault: string; readonly pack: string }
  | { readonly type: 'placed'; readonly vault: string; readonly pack: string }
  | { readonly type: 'placement-failed'; readonly vault: string; readonly pack: string; readonly error: Error }
  | { readonly type: 'challenged'; readonly vault: string; readonly pack: string; readonly replica: ReplicaReport }

export interface PutOptions extends AbortOptions, ProgressOptions<PutEvent> {
  /** When to resolve: sealed and handed to every vault once (`accepted`), floor reached with evidence (`floor`), or the whole plan tried and challenged (`policy`, default). */
  readonly until?: 'accepted' | 'floor' | 'policy' | undefined
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly profile?: Profile | undefined
  /**
   * No replica may be deleted before that date. Only vaults that can lock get one (`canRetain` in their profile); the longest wish of all objects that
   * share a pack holds for the pack, and putting the same content again extends it. It is recorded, so that repair locks anew.
   */
  readonly retain?: Retention | undefined
  /** Glob patterns left out of a directory source. */
  readonly exclude?: readonly string[] | undefined
  /** Stores it in clear although the archive has recipients: anybody who reaches a vault can read it, for good. */
  readonly public?: boolean | undefined
  /** `padme` fills sealed files up with at most 12 % of zeros, so that their sizes tell less of what they are. Default `none`. */
  readonly padding?: 'none' | 'padme' | undefined
  /**
   * Sealed content only: false seals and stores everything anew, under new names. Default true: a file that was sealed before for the same recipients
   * is read, recognised by a keyed fingerprint and stored once, so that a vault can see what did not change.
   */
  readonly reuse?: boolean | undefined
  /**
   * Sealed content only: headers and what is said of the object go into packs of their own, which only vaults that can forget get, so that `shred` can
   * make the object unreadable wherever its ciphertext lies. Throws PolicyError `unreachable-floor` when those vaults cannot reach the floor. Default false.
   */
  readonly erasable?: boolean | undefined
  /** Believe that a file whose size, mtime, ctime and inode are what they were has its old content, and do not read it. Default false. */
  readonly trustMtime?: boolean | undefined
  /** Sealed content only: keep user and group ids as well. Default false. */
  readonly keepOwner?: boolean | undefined
  /**
   * Sealed content only: keep the extended attributes of files and directories of this machine, except labels and signatures of the machine itself. Takes
   * the package `fs-xattr`. Throws SourceError `unsupported` for more than 64 KiB in one, or 768 KiB in all of a file as they are written. Default false.
   */
  readonly xattrs?: boolean | undefined
}

/** Bytes `[offset, offset + length)` of a file; `length` absent: to the end. */
export interface ByteRange {
  readonly offset: number
  readonly length?: number | undefined
}

export interface GetOptions extends AbortOptions {
  readonly range?: ByteRange | undefined
  /** Path inside a directory object. */
  readonly path?: string | undefined
}

/** One entry of a stored tree. */
export interface TreeEntry {
  /** Relative to the object; empty for the object itself. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Of a file in a sealed directory, its age file; of anything else in one, the index that tells of it. */
  readonly cid: CID
  readonly byteLength: number
  readonly target?: string | undefined
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly xattrs?: Xattrs | undefined
}

export type RestoreEvent =
  | { readonly type: 'bytes-restored'; readonly byteLength: number; readonly total?: number | undefined }
  | { readonly type: 'entry-restored'; readonly path: string; readonly reused: boolean }

export interface RestoreOptions extends AbortOptions, ProgressOptions<RestoreEvent> {
  readonly path?: string | undefined
  /** Replace files whose content differs. Default false: an existing file with other content is an error before anything is written to it. */
  readonly overwrite?: boolean | undefined
  /** Give files and directories the user and group ids that were kept of them; what the system refuses is in `warnings`. Default false. */
  readonly owner?: boolean | undefined
  /** Give files and directories the extended attributes that were kept of them; what the system refuses is in the report. Default false. */
  readonly xattrs?: boolean | undefined
}

export interface RestoreReport {
  readonly root: string
  readonly target: string
  readonly files: number
  readonly byteLength: number
  /** Files found at the target with the right bytes already, hashed again. */
  readonly reused: number
  /** Metadata that could not be set, in words. */
  readonly warnings: readonly string[]
  /** Of a restore with `xattrs`. */
  readonly xattrs?: XattrReport
}
