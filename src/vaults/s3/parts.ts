/** How a pack is cut into parts, by the limits of multipart uploads (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */

const MIB = 1024 * 1024

/** S3 itself wants 5 MiB; other stores take less. */
export const MIN_PART_BYTES = 1024
export const MAX_PART_BYTES = 5 * 1024 * MIB
export const MAX_PARTS = 10_000

/** Bytes of every part but the last: what was wished, or as many whole MiB more as 10,000 parts take. */
export function partSize(byteLength: number, wished: number): number {
  if (byteLength <= wished * MAX_PARTS) return wished
  return Math.ceil(byteLength / MAX_PARTS / MIB) * MIB
}
