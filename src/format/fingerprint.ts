/**
 * Keyed fingerprints: how an archive knows again what it sealed before. Without the secret nothing can be learnt from them, neither of content nor of
 * paths, so the catalog may hold them.
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { hkdf } from './kdf.ts'
import type { Padding } from './padding.ts'

export const FINGERPRINT_SECRET_BYTES = 32

/** What a fingerprint speaks of beside the content: another value of any of them is another fingerprint. */
export interface FingerprintScope {
  readonly visibility: 'sealed'
  readonly profile: string
  readonly padding: Padding
  /** Canonical bytes of the recipients, from `recipientSet`. */
  readonly recipients: Uint8Array
}

/** The state of a file that says, to whoever believes it, that its content is what it was. */
export interface FileState {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
}

export interface Fingerprints {
  /** Of content, by the digests of its chunks of `LEAF_PLAINTEXT_BYTES` in order. */
  content(byteLength: number, digests: readonly Uint8Array[]): Uint8Array
  /** Of a length: 48 bits, to ask whether content so long was sealed before. */
  length(byteLength: number): number
  /** Of a sealed directory that has this index. */
  directory(index: Uint8Array): Uint8Array
  /** Of a path in a source: 48 bits, to tell apart files of equal content. */
  place(path: string): number
  /** Of a file of this machine, and of the state it is in. */
  file(path: string): Uint8Array
  state(state: FileState): Uint8Array
}

const text = new TextEncoder()
const NO_SALT = new Uint8Array(0)
const SHORT_BYTES = 6

/** As a handle: an HMAC under raw bytes takes five times as long. */
const keyFor = (secret: Uint8Array, purpose: string): KeyObject =>
  createSecretKey(hkdf(secret, NO_SALT, text.encode(`perdure/${purpose}/v1`)))

/** The digest of one chunk; not keyed, and never kept. */
export const chunkDigest = (chunk: Uint8Array): Uint8Array => createHash('sha256').update(chunk).digest()

export function fingerprints(secret: Uint8Array, scope: FingerprintScope): Fingerprints {
  const key = keyFor(secret, 'fingerprint')
  const { visibility, profile, padding, recipients } = scope
  const head = [visibility, profile, padding, createHash('sha256').update(recipients).digest('hex')].join('\n')
  const mac = (domain: string, ...parts: readonly (Uint8Array | string)[]): Buffer => {
    const hmac = createHmac('sha256', key).update(`${domain}\n${head}\n\0`)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  }
  return {
    content: (byteLength, digests) => mac('content', uint64(byteLength), ...digests),
    length: (byteLength) => mac('length', uint64(byteLength)).readUIntBE(0, SHORT_BYTES),
    directory: (index) => mac('directory', index),
    place: (path) => mac('place', path).readUIntBE(0, SHORT_BYTES),
    file: (path) => mac('file', path),
    state: ({ size, mtimeNs, ctimeNs, ino, dev }) => mac('state', [size, mtimeNs, ctimeNs, ino, dev].join(' ')),
  }
}

/** What a file is called in sealed directories: the same path always alike, and nothing else can be told from it. */
export function opaqueNames(secret: Uint8Array): (path: string) => Uint8Array {
  const key = keyFor(secret, 'name')
  return (path) => createHmac('sha256', key).update(path).digest()
}

function uint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
