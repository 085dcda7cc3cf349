/** Stores that speak S3: who runs them and where they differ, as data. A probe at open corrects what a preset says of behaviour. */

/** What is known of a kind of store before it was asked. */
export interface S3Preset {
  readonly network: string
  /** Absent where the software says nothing of who runs it: then it is the host of the endpoint. */
  readonly operator?: string
  /** `{region}` stands for the region. */
  readonly endpoint?: string
  readonly region?: string
  readonly pathStyle?: boolean
  /** The strongest checksum that the store keeps or at least enforces. */
  readonly checksums: 'sha256' | 'md5'
  /** `If-None-Match: *` is honoured; absent: only a probe tells. */
  readonly conditionalPut?: boolean
  /** What is known to differ, from the maker's documents unless said otherwise; nothing is decided by it. */
  readonly quirks?: readonly string[]
  /** How it is written in a configuration. */
  readonly example: string
}

export type S3PresetName = 'aws' | 'storj' | 'r2' | 'b2' | 'filebase' | 'wasabi' | 'minio' | 'ceph' | 'gcs'

/** The presets, by name. */
export const S3_PRESETS: Readonly<Record<S3PresetName, S3Preset>> = {
  aws: {
    network: 's3',
    operator: 'aws',
    checksums: 'sha256',
    conditionalPut: true,
    quirks: [
      'absent keys answer 403 without s3:ListBucket; open finds that out',
      'objects in GLACIER and DEEP_ARCHIVE need a restore before they can be read',
    ],
    example: "s3({ preset: 'aws', bucket: 'media', region: 'eu-central-1' })",
  },
  storj: {
    network: 'storj',
    operator: 'storj',
    endpoint: 'https://gateway.storjshare.io',
    pathStyle: true,
    checksums: 'md5',
    quirks: [
      'listings are in the order of the encrypted keys, and in projects since December 2025 only of prefixes that end in `/` (unless Storj manages the encryption)',
      'knows no lifecycle rules: uploads that nobody ends are cleared when the vault is opened',
    ],
    example: "s3({ preset: 'storj', bucket: 'media', accessKeyId, secretAccessKey })",
  },
  r2: {
    network: 's3',
    operator: 'cloudflare',
    region: 'auto',
    pathStyle: true,
    checksums: 'md5',
    conditionalPut: true,
    quirks: ['the region is `auto`', 'the ETag of a part is not its MD5', 'keeps CRC64NVME of a whole, SHA-256 of parts only'],
    example: "s3({ preset: 'r2', bucket: 'media', endpoint: 'https://<account>.r2.cloudflarestorage.com', accessKeyId, secretAccessKey })",
  },
  b2: {
    network: 's3',
    operator: 'backblaze',
    endpoint: 'https://s3.{region}.backblazeb2.com',
    pathStyle: true,
    checksums: 'md5',
    quirks: [
      'refuses every `x-amz-checksum-*` header with 400, so Content-MD5 is used',
      'keeps every version unless a lifecycle rule says otherwise',
    ],
    example: "s3({ preset: 'b2', bucket: 'media', region: 'eu-central-003', accessKeyId, secretAccessKey })",
  },
  filebase: {
    network: 's3',
    operator: 'filebase',
    endpoint: 'https://s3.filebase.com',
    pathStyle: true,
    checksums: 'md5',
    quirks: ['newer documents of theirs name the endpoint `https://s3.filebase.io`: set `endpoint` for that'],
    example: "s3({ preset: 'filebase', bucket: 'media', accessKeyId, secretAccessKey })",
  },
  wasabi: {
    network: 's3',
    operator: 'wasabi',
    endpoint: 'https://s3.{region}.wasabisys.com',
    pathStyle: true,
    checksums: 'md5',
    quirks: ['bills a deleted pack until its minimum age, 90 days in the ordinary plan'],
    example: "s3({ preset: 'wasabi', bucket: 'media', region: 'eu-central-1', accessKeyId, secretAccessKey })",
  },
  minio: {
    network: 's3',
    pathStyle: true,
    checksums: 'sha256',
    quirks: [
      'refuses to delete what a lock keeps with InvalidRequest instead of AccessDenied (seen)',
      'lists no unfinished uploads under a folder: in a vault with a prefix stale ones are not cleared at open (seen)',
    ],
    example:
      "s3({ preset: 'minio', bucket: 'media', endpoint: 'https://minio.example.org:9000', operator: 'us', accessKeyId, secretAccessKey })",
  },
  ceph: {
    network: 's3',
    pathStyle: true,
    checksums: 'md5',
    quirks: [
      '16.2 forgets `x-amz-checksum-*` and ignores `If-None-Match` in versioned buckets (seen)',
      'answers a full quota with 403 QuotaExceeded, which is `exhausted` here',
    ],
    example: "s3({ preset: 'ceph', bucket: 'media', endpoint: 'https://rgw.example.org', operator: 'us', accessKeyId, secretAccessKey })",
  },
  gcs: {
    network: 'gcs',
    operator: 'google',
    endpoint: 'https://storage.googleapis.com',
    region: 'auto',
    pathStyle: true,
    checksums: 'md5',
    conditionalPut: false,
    quirks: [
      '`If-None-Match` on create is not known: of racing puts the last wins, with the same bytes',
      'keys are HMAC keys of a service account',
    ],
    example: "s3({ preset: 'gcs', bucket: 'media', accessKeyId, secretAccessKey }) // HMAC keys of the XML API",
  },
}
