/** What may not be said in clear of a sealed object: a small JSON text, kept as an age file beside the object and in index packs. */
import type { Mtime } from '../contracts/source.ts'
import type { Xattrs } from '../contracts/xattrs.ts'
import { FormatError } from '../errors.ts'
import { timeOf, timeText } from './sealed-index.ts'
import { decodeXattrs, encodeXattrs } from './xattrs.ts'

export interface SealedMeta {
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly type: 'file' | 'directory'
  /** Bytes of the content, of all files below a directory; padding left out. */
  readonly size: number
  /** Bytes of a file's plaintext with its padding, where there is some. */
  readonly padded?: number | undefined
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Of a file; those of a directory are in its index. */
  readonly xattrs?: Xattrs | undefined
  /** The archive's fingerprint secret, 32 bytes: whoever rebuilds the archive goes on with the same opaque names. */
  readonly fingerprint?: Uint8Array | undefined
  /** Whom it is sealed for, `age1…`; absent where one of them has no text. The age format does not say it. */
  readonly recipients?: readonly string[] | undefined
}

/** Texts are filled up with spaces to a multiple of this, so that the length of a name does not show. */
const STEP_BYTES = 256

export function encodeMeta(meta: SealedMeta): Uint8Array {
  const { name, mediaType, type, size, padded, mode, mtime, uid, gid, xattrs, fingerprint, recipients } = meta
  const bytes = Buffer.from(
    JSON.stringify({
      version: 1,
      kind: 'perdure-meta',
      name,
      mediaType,
      type,
      size,
      padded,
      mode: mode === undefined ? undefined : mode.toString(8).padStart(4, '0'),
      mtime: mtime && timeText(mtime),
      uid,
      gid,
      xattrs: xattrs && encodeXattrs(xattrs),
      fingerprint: fingerprint && Buffer.from(fingerprint).toString('base64'),
      recipients,
    }),
  )
  const filled = new Uint8Array(Math.ceil(bytes.byteLength / STEP_BYTES) * STEP_BYTES).fill(0x20)
  filled.set(bytes)
  return filled
}

/** Throws FormatError `malformed`, or `unsupported` for a later version. */
export function decodeMeta(bytes: Uint8Array): SealedMeta {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    // The parser quotes what it cannot read, which was sealed: its error is not kept.
    throw malformed()
  }
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'perdure-meta') throw malformed()
  const { version, type, size, name, mediaType, padded, mode, mtime, uid, gid, fingerprint, recipients } = value as Readonly<
    Record<string, unknown>
  >
  if (version !== 1) throw new FormatError('unsupported', `what is said of the sealed object has version ${String(version)}; 1 is read`)
  if ((type !== 'file' && type !== 'directory') || !isCount(size)) throw malformed()
  const xattrs = 'xattrs' in value ? decodeXattrs(value.xattrs) : {}
  if (!xattrs) throw malformed()
  return {
    type,
    size,
    ...(typeof name === 'string' && { name }),
    ...(typeof mediaType === 'string' && { mediaType }),
    ...(isCount(padded) && { padded }),
    ...(typeof mode === 'string' && { mode: Number.parseInt(mode, 8) }),
    ...(mtime !== undefined && { mtime: timeOf(mtime) }),
    ...(isCount(uid) && { uid }),
    ...(isCount(gid) && { gid }),
    ...('xattrs' in value && { xattrs }),
    ...(isTexts(recipients) && { recipients }),
    ...(typeof fingerprint === 'string' && { fingerprint: new Uint8Array(Buffer.from(fingerprint, 'base64')) }),
  }
}

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((text) => typeof text === 'string')

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const malformed = () => new FormatError('malformed', 'what is said of the sealed object, its name and its times, cannot be read')
