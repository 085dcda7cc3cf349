/**
 * Keyed fingerprints: how an archive knows again what it sealed before. Without the secret nothing can be learnt from them, neither of content nor of
 * paths, so the catalog may hold them.
 */
import { createCipheriv, createHash, createHmac, createSecretKey, type Hmac, type KeyObject } from 'node:crypto'
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

/** The fingerprint of content whose chunks come one by one; none of them is held. */
export interface ContentPrint {
  /** The next chunk of `LEAF_PLAINTEXT_BYTES`; only the last one is shorter. */
  add(chunk: Uint8Array): void
  /** To be asked for once, after the last chunk. */
  key(byteLength: number): Uint8Array
}

export interface Fingerprints {
  /** Of content, chunk by chunk. */
  content(): ContentPrint
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
/** A file up to here goes into its HMAC as it is: one call of GHASH costs more than SHA-256 of so little. */
const SHORT_CHUNK_BYTES = 8 * 1024

/** As a handle: an HMAC under raw bytes takes five times as long. */
const keyFor = (secret: Uint8Array, purpose: string): KeyObject =>
  createSecretKey(hkdf(secret, NO_SALT, text.encode(`perdure/${purpose}/v1`)))

const CHUNK_CIPHER = 'aes-256-gcm'
const CHUNK_NONCE = new Uint8Array(12)

/**
 * Digests of chunks by GHASH, some ten times as fast as SHA-256. It is a universal hash: whoever lacks the key makes two chunks of one digest with a chance
 * of 2^-112, whoever has it can. So the key is of this machine alone, and the digests go into an HMAC and nowhere else (docs/decisions/008).
 */
function chunkHash(local: Uint8Array): (chunk: Uint8Array) => Uint8Array {
  const key = keyFor(local, 'chunk')
  return (chunk) => {
    const cipher = createCipheriv(CHUNK_CIPHER, key, CHUNK_NONCE).setAAD(chunk)
    cipher.final()
    return cipher.getAuthTag()
  }
}

/** `secret` may come back to whoever can open the content; `local` never leaves the machine. */
export function fingerprints(secret: Uint8Array, local: Uint8Array, scope: FingerprintScope): Fingerprints {
  const digestOf = chunkHash(local)
  const key = keyFor(secret, 'fingerprint')
  const shortKey = keyFor(Buffer.concat([local, secret]), 'fingerprint-short')
  const { visibility, profile, padding, recipients } = scope
  const head = [visibility, profile, padding, createHash('sha256').update(recipients).digest('hex')].join('\n')
  const begun = (domain: string, under = key) => createHmac('sha256', under).update(`${domain}\n${head}\n\0`)
  const mac = (domain: string, part: Uint8Array | string): Buffer => begun(domain).update(part).digest()
  return {
    content() {
      let hmac: Hmac | undefined
      return {
        add(chunk) {
          if (hmac || chunk.byteLength > SHORT_CHUNK_BYTES) hmac = (hmac ?? begun('content')).update(digestOf(chunk))
          else hmac = begun('short', shortKey).update(chunk)
        },
        key: (byteLength) => (hmac ?? begun('content')).update(uint64(byteLength)).digest(),
      }
    },
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
