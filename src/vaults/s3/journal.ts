/** What is remembered of a multipart upload, so that another process goes on with it. Which parts are there, the store itself says. */

/** Of one upload. The other fields say whether it is this one that is to go on. */
export interface UploadState {
  readonly uploadId: string
  readonly key: string
  readonly byteLength: number
  readonly partBytes: number
  /** Parts carry SHA-256 checksums: said when the upload began, and true for all of its parts. */
  readonly sha256: boolean
  /** The same of CRC64NVME, which is then told of the whole too. */
  readonly crc64?: boolean | undefined
  /** It is to overwrite what stands there. */
  readonly replace: boolean
}

const VERSION = 1

/** JSON in UTF-8. */
export function encodeUpload(state: UploadState): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, ...state }))
}

/** Undefined for anything that is not such a state: then a new upload begins, and the old one is cleared away in time. */
export function decodeUpload(bytes: Uint8Array | undefined): UploadState | undefined {
  const value = bytes && parsed(bytes)
  if (typeof value !== 'object' || value === null) return undefined
  const { version, uploadId, key, byteLength, partBytes, sha256, crc64, replace } = value as Readonly<Record<string, unknown>>
  if (version !== VERSION || typeof uploadId !== 'string' || uploadId === '' || typeof key !== 'string') return undefined
  if (!positive(byteLength) || !positive(partBytes) || typeof sha256 !== 'boolean' || typeof replace !== 'boolean') return undefined
  return { uploadId, key, byteLength, partBytes, sha256, ...(crc64 === true && { crc64 }), replace }
}

function positive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // Not ours, or cut off: no journal is the same.
    return undefined
  }
}
