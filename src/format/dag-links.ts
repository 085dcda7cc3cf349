/** The links of a block, whatever it means. */
import { decode } from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { RAW } from './address.ts'
import { assertCodec, malformed } from './unixfs-node.ts'

/** In their order, repeated ones as often as they are there. Throws as `linksOf` does. */
export function everyLinkOf(cid: CID, bytes: Uint8Array): readonly CID[] {
  if (cid.code === RAW) return []
  assertCodec(cid)
  return decoded(cid, bytes).Links.map(({ Hash }) => Hash)
}

/** In their order, repeated ones once. Raw blocks have none. Throws FormatError `malformed`, or `unsupported` for codecs other than raw and dag-pb. */
export function linksOf(cid: CID, bytes: Uint8Array): readonly CID[] {
  const links = new Map<string, CID>()
  for (const link of everyLinkOf(cid, bytes)) links.set(link.toString(), link)
  return [...links.values()]
}

function decoded(cid: CID, bytes: Uint8Array) {
  try {
    return decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch (cause) {
    throw malformed(cid, cause instanceof Error ? cause.message : 'it does not decode', cause)
  }
}
