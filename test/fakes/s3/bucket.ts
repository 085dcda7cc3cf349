/** The one bucket of the fake and the rules it was made with. */
import type { S3Faults } from './faults.ts'
import type { Upload } from './multipart.ts'
import type { Retention, Store } from './versions.ts'

export interface LifecycleRule {
  readonly id: string
  readonly prefix: string
  /** Objects expire after so many days. */
  readonly expirationDays?: number
  readonly abortIncompleteDays?: number
}

export interface BucketRules {
  /** Default false. */
  readonly versioning: boolean
  /** Object Lock; brings versioning. Default false. */
  readonly objectLock: boolean
  /** The lock of every object that brings none of its own; wants `objectLock`. */
  readonly defaultRetention: { readonly mode: Retention['mode']; readonly days: number } | undefined
  /**
   * Are x-amz-checksum headers checked and kept, or accepted and forgotten, as Ceph does? `crc64nvme` looks at nothing but that one checksum, `unchecked`
   * believes any bytes, also against Content-MD5 and the hash that was signed; `echoed` does so too, and keeps the SHA-256 it was told. Default `kept`.
   */
  readonly checksums: 'kept' | 'ignored' | 'crc64nvme' | 'unchecked' | 'echoed'
  /** Are ETags the MD5 of what came, or something of the store's own, as with its encryption? R2 has MD5 for objects alone. Default `md5`. */
  readonly etags: 'md5' | 'opaque' | 'opaque-parts'
  /** 403 for absent keys and listings, as without s3:ListBucket. Default false. */
  readonly deniesAbsent: boolean
  /** Is `If-None-Match` obeyed, or forgotten as older stores do? Default true. */
  readonly conditionalPuts: boolean
  /** Default `us-east-1`. */
  readonly region: string
  readonly lifecycle: readonly LifecycleRule[]
  /** Are listings refused unless their prefix is a folder, as Storj does where it cannot read the keys? Default false. */
  readonly listsFoldersOnly: boolean
  /** Does it know RestoreObject? MinIO, Ceph and the Versity gateway do not. Default true. */
  readonly restores: boolean
  /** Least bytes of a part that is not the last; S3 has 5 MiB, and smaller only spares tests their time. */
  readonly minPartBytes: number
  /** Most keys, versions or parts of one page; S3 has 1000. */
  readonly pageLimit: number
}

export interface Bucket {
  readonly name: string
  readonly rules: BucketRules
  readonly store: Store
  /** Unfinished uploads by id. */
  readonly uploads: Map<string, Upload>
  readonly faults: S3Faults
  /** The server's clock. */
  readonly now: () => number
}

export const defaultRules: BucketRules = {
  versioning: false,
  objectLock: false,
  defaultRetention: undefined,
  checksums: 'kept',
  etags: 'md5',
  deniesAbsent: false,
  conditionalPuts: true,
  region: 'us-east-1',
  lifecycle: [],
  listsFoldersOnly: false,
  restores: true,
  minPartBytes: 5 * 1024 * 1024,
  pageLimit: 1000,
}
