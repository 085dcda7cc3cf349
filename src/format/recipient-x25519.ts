/** The X25519 recipients of age: `age1…` and `AGE-SECRET-KEY-1…`. */
import type { Random } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { decodeBech32, encodeBech32 } from './bech32.ts'
import { openFileKey, sealFileKey, WRAPPED_BYTES } from './file-key-box.ts'
import { hkdf } from './kdf.ts'
import { type Identity, type Recipient, X25519 } from './recipients.ts'
import { type Curve, chosenCurve, POINT_BYTES, type Point, type Scalar } from './x25519.ts'

const RECIPIENT_PREFIX = 'age'
const IDENTITY_PREFIX = 'age-secret-key-'
const INFO = new TextEncoder().encode('age-encryption.org/v1/X25519')

/** An identity that can say whom to seal for. */
export interface X25519Identity extends Identity {
  /** The recipient that belongs to it, `age1…`. */
  recipient(): Promise<string>
}

/** Undefined when the text is no X25519 recipient. */
export function x25519Recipient(text: string, curve: Promise<Curve> = chosenCurve()): Recipient | undefined {
  const decoded = decodeBech32(text)
  if (decoded?.prefix !== RECIPIENT_PREFIX || decoded.bytes.byteLength !== POINT_BYTES || text !== text.toLowerCase()) return undefined
  let point: Point | undefined
  return {
    text,
    type: X25519,
    async wrapFileKey(fileKey, random) {
      const { scalar, point: pointOf } = await curve
      point ??= pointOf(decoded.bytes)
      // A fresh one for every stanza of every file: the wrap key is used under a fixed nonce.
      const ephemeral = scalar(random(POINT_BYTES))
      const shared = ephemeral.sharedWith(point)
      if (!shared) throw new FormatError('invalid-key', `the recipient ${text} is a point of low order: nothing can be sealed for it`)
      const body = await sealFileKey(fileKey, wrapKey(shared, ephemeral.point, decoded.bytes))
      return [{ args: [X25519, encodeBase64(ephemeral.point)], body }]
    },
  }
}

/** Undefined when the text is no X25519 identity. */
export function x25519Identity(text: string, curve: Promise<Curve> = chosenCurve()): X25519Identity | undefined {
  const decoded = decodeBech32(text)
  if (decoded?.prefix !== IDENTITY_PREFIX || decoded.bytes.byteLength !== POINT_BYTES || text !== text.toUpperCase()) return undefined
  let ready: Promise<Scalar> | undefined
  const scalar = () => {
    ready ??= curve.then((chosen) => chosen.scalar(decoded.bytes))
    return ready
  }
  return {
    recipient: async () => encodeBech32(RECIPIENT_PREFIX, (await scalar()).point),
    async unwrapFileKey(stanzas) {
      for (const { args, body } of stanzas) {
        if (args[0] !== X25519) continue
        const share = args.length === 2 ? decodeBase64(args[1] ?? '') : undefined
        if (share?.byteLength !== POINT_BYTES || body.byteLength !== WRAPPED_BYTES) throw broken('has not the size it must have')
        const own = await scalar()
        const shared = own.sharedWith((await curve).point(share))
        if (!shared) throw broken('has a share of low order')
        const fileKey = await openFileKey(body, wrapKey(shared, share, own.point))
        if (fileKey) return fileKey
      }
      return null
    },
  }
}

/** A fresh X25519 identity, upper case as `age-keygen` writes it. */
export function generateIdentity(random: Random): string {
  return encodeBech32(IDENTITY_PREFIX, random(POINT_BYTES)).toUpperCase()
}

function wrapKey(shared: Uint8Array, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  return hkdf(shared, Buffer.concat([share, recipient]), INFO)
}

const broken = (how: string) => new FormatError('malformed', `an X25519 stanza of the header ${how}; the file was not made by age`)
