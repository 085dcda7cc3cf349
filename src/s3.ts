/** The door of `perdure/s3`. */

export { S3_PRESETS } from './vaults/s3/presets.ts'
export { type S3Options, s3 } from './vaults/s3.ts'
