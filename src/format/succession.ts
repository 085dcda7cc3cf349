/**
 * A new signing key says that it goes on with the archive of an old one, which was lost. It proves nothing: without the old key nobody can. FORMAT.md
 * section 11 says who may believe it.
 */
import * as cbor from '@ipld/dag-cbor'
import { FormatError } from '../errors.ts'
import { type Block, cborBlock } from './record.ts'
import { type SigningKey, sign, verifies } from './sign.ts'

export interface SuccessionStatement {
  readonly version: 1
  readonly kind: 'succession'
  /** Public key that is gone, 32 bytes. */
  readonly predecessor: Uint8Array
  /** Milliseconds since the epoch. */
  readonly at: number
}

const DOMAIN = 'perdure-succession-v1'
const KEY_BYTES = 32

export async function successionBlock(statement: SuccessionStatement, key: SigningKey): Promise<Block> {
  return cborBlock({ ...statement, archive: key.publicKey, signature: await sign(DOMAIN, statement, key) })
}

/** Checks the new key's signature. Throws `malformed`, `unsupported` or `bad-signature`. */
export async function openSuccession(bytes: Uint8Array): Promise<SuccessionStatement & { readonly archive: Uint8Array }> {
  const { archive, signature, ...statement } = cbor.decode<Record<string, unknown>>(bytes)
  if (statement.version !== 1)
    throw new FormatError('unsupported', `this succession has version ${String(statement.version)}; version 1 is read`)
  const { predecessor, at } = statement
  const whole =
    archive instanceof Uint8Array && signature instanceof Uint8Array && predecessor instanceof Uint8Array && Number.isSafeInteger(at)
  if (!whole || predecessor.byteLength !== KEY_BYTES) throw new FormatError('malformed', 'this succession does not name two keys')
  if (!(await verifies(DOMAIN, statement, signature, archive)))
    throw new FormatError('bad-signature', 'the signature of this succession does not hold')
  return { version: 1, kind: 'succession', predecessor, at: at as number, archive }
}
