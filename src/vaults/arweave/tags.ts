/** Tags of a transaction: pairs of short texts that everybody can read and search by, for ever. */
import { VaultError } from '../../errors.ts'
import { base64url, bytesOf } from './base64url.ts'

/** What nodes take, names and values of all tags together. */
export const MOST_TAG_BYTES = 2048
/** Tags may be empty, so that their bytes alone would be no limit. */
const MOST_TAGS = 2048

export interface Tag {
  readonly name: string
  readonly value: string
}

/** In base64url, as a transaction has them. Throws VaultError `invalid` above 2048 bytes in all, and for text that UTF-8 cannot hold. */
export function encodedTags(tags: readonly Tag[], vault: string): readonly Tag[] {
  let byteLength = 0
  const encode = (text: string) => {
    if (!text.isWellFormed())
      throw new VaultError('invalid', vault, 'a tag has half a surrogate pair in it, which is no text; leave it out')
    const bytes = Buffer.from(text)
    byteLength += bytes.byteLength
    return base64url(bytes)
  }
  const encoded = tags.map(({ name, value }) => ({ name: encode(name), value: encode(value) }))
  if (tags.length > MOST_TAGS) throw new VaultError('invalid', vault, `a transaction takes at most ${MOST_TAGS} tags; use fewer`)
  if (byteLength <= MOST_TAG_BYTES) return encoded
  throw new VaultError(
    'invalid',
    vault,
    `the tags have ${byteLength} bytes, a transaction takes at most ${MOST_TAG_BYTES}; use fewer or shorter ones`,
  )
}

/** The bytes of tags from outside; undefined when they are none, or more than a transaction takes. */
export function tagBytes(tags: unknown): readonly (readonly [name: Buffer, value: Buffer])[] | undefined {
  if (!Array.isArray(tags) || tags.length > MOST_TAGS) return undefined
  let left = MOST_TAG_BYTES
  const pairs: [Buffer, Buffer][] = []
  for (const tag of tags as unknown[]) {
    if (typeof tag !== 'object' || tag === null) return undefined
    const { name, value } = tag as { readonly name?: unknown; readonly value?: unknown }
    const pair = [bytesOf(name, left), bytesOf(value, left)]
    if (!pair[0] || !pair[1]) return undefined
    left -= pair[0].byteLength + pair[1].byteLength
    if (left < 0) return undefined
    pairs.push([pair[0], pair[1]])
  }
  return pairs
}
