/** From a file key to a header and back. Only files of format/ that need the key itself import this; nothing hands it on. */
import type { Random } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { type Header, type Stanza, writeHeader } from './age-header.ts'
import { FILE_KEY_BYTES, LEAF_BYTES, PAYLOAD_NONCE_BYTES } from './age-layout.ts'
import { headerMac, sameMac } from './kdf.ts'
import { assertRecipients, assertTogether, type Identity, type Recipient, SCRYPT } from './recipients.ts'

/**
 * The header that wraps a file key for these recipients, in their order. Throws `unsupported` for recipients that do not go together, `limit` when
 * header and nonce do not fit into one leaf.
 */
export async function wrapFileKey(fileKey: Uint8Array, recipients: readonly Recipient[], random: Random): Promise<Uint8Array> {
  assertRecipients(recipients)
  const stanzas: Stanza[] = []
  for (const recipient of recipients) stanzas.push(...(await recipient.wrapFileKey(fileKey, random)))
  assertTogether(stanzas.map(({ args }) => args[0] ?? ''))
  const header = writeHeader(stanzas, (signed) => headerMac(fileKey, signed))
  if (header.byteLength + PAYLOAD_NONCE_BYTES <= LEAF_BYTES) return header
  throw new FormatError('limit', `${recipients.length} recipients do not fit into one header; seal for fewer`)
}

/**
 * The file key, once the header's MAC has shown that it is this header's. Throws `no-identity` when nobody's stanza is there, `damaged` when the
 * MAC does not hold, `malformed` and `limit` as identities do.
 */
export async function unwrapFileKey(header: Header, identities: readonly Identity[]): Promise<Uint8Array> {
  const { stanzas, mac, signed } = header
  if (stanzas.length > 1 && stanzas.some(({ args }) => args[0] === SCRYPT)) {
    throw new FormatError(
      'malformed',
      'the header combines a passphrase with other recipients, which would not authenticate it; it was not made by age',
    )
  }
  for (const identity of identities) {
    const fileKey = await identity.unwrapFileKey(stanzas)
    if (!fileKey) continue
    if (fileKey.byteLength === FILE_KEY_BYTES && sameMac(mac, headerMac(fileKey, signed))) return fileKey
    throw new FormatError('damaged', 'the header of the sealed file was changed: its MAC does not hold')
  }
  throw noIdentity(stanzas, identities.length)
}

function noIdentity(stanzas: readonly Stanza[], given: number): FormatError {
  if (stanzas[0]?.args[0] === SCRYPT) {
    return new FormatError('no-identity', 'it is sealed with a passphrase; pass the right one')
  }
  if (given === 0) return new FormatError('no-identity', 'it is sealed; pass the identity file of one of its recipients')
  return new FormatError('no-identity', 'it is sealed for other recipients; pass the right identity file')
}
