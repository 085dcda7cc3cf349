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
    example: "s3({ preset: 'aws', bucket: 'media', region: 'eu-central-1' })",
  },
  storj: {
    network: 'storj',
    operator: 'storj',
    endpoint: 'https://gateway.storjshare.io',
    pathStyle: true,
    checksums: 'md5',
    example: "s3({ preset: 'storj', bucket: 'media', accessKeyId, secretAccessKey })",
  },
  r2: {
    network: 's3',
    operator: 'cloudflare',
    region: 'auto',
    pathStyle: true,
    checksums: 'md5',
    conditionalPut: true,
    example: "s3({ preset: 'r2', bucket: 'media', endpoint: 'https://<account>.r2.cloudflarestorage.com', accessKeyId, secretAccessKey })",
  },
  b2: {
    network: 's3',
    operator: 'backblaze',
    endpoint: 'https://s3.{region}.backblazeb2.com',
    pathStyle: true,
    checksums: 'md5',
    example: "s3({ preset: 'b2', bucket: 'media', region: 'eu-central-003', accessKeyId, secretAccessKey })",
  },
  filebase: {
    network: 's3',
    operator: 'filebase',
    endpoint: 'https://s3.filebase.com',
    pathStyle: true,
    checksums: 'md5',
    example: "s3({ preset: 'filebase', bucket: 'media', accessKeyId, secretAccessKey })",
  },
  wasabi: {
    network: 's3',
    operator: 'wasabi',
    endpoint: 'https://s3.{region}.wasabisys.com',
    pathStyle: true,
    checksums: 'md5',
    example: "s3({ preset: 'wasabi', bucket: 'media', region: 'eu-central-1', accessKeyId, secretAccessKey })",
  },
  minio: {
    network: 's3',
    pathStyle: true,
    checksums: 'sha256',
    example:
      "s3({ preset: 'minio', bucket: 'media', endpoint: 'https://minio.example.org:9000', operator: 'us', accessKeyId, secretAccessKey })",
  },
  ceph: {
    network: 's3',
    pathStyle: true,
    checksums: 'md5',
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
    example: "s3({ preset: 'gcs', bucket: 'media', accessKeyId, secretAccessKey }) // HMAC keys of the XML API",
  },
}
