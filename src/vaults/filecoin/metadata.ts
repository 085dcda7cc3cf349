/** What our pieces and data sets say of themselves on the chain, in public and for ever: names that are public anyway. */
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import type { Pack, PackKind } from '../../contracts.ts'
import { LEAST_PIECE_BYTES } from './piece.ts'

const PACK = 'perdurePack'
const KIND = 'perdureKind'
/** Only of packs that were padded: the piece CID tells the length of all others. */
const LENGTH = 'perdureLength'

export const SOURCE: Readonly<Record<string, string>> = { source: 'perdure' }

export const isOurs = (metadata: Readonly<Record<string, string>>): boolean => metadata.source === SOURCE.source

export const metadataFor = ({ name, kind, byteLength }: Pick<Pack, 'name' | 'kind' | 'byteLength'>): Readonly<Record<string, string>> => ({
  [PACK]: name.toString(),
  [KIND]: kind,
  ...(byteLength < LEAST_PIECE_BYTES && { [LENGTH]: `${byteLength}` }),
})

export interface PackThere {
  readonly name: CID
  readonly kind: PackKind
  readonly byteLength: number
}

/** The pack that a piece is; undefined where its metadata are not ours. */
export function packIn(metadata: Readonly<Record<string, string>>, piece: CID): PackThere | undefined {
  const name = cidIn(metadata[PACK])
  const kind = metadata[KIND]
  const uploaded = payloadLength(piece)
  if (!name || (kind !== 'content' && kind !== 'index') || uploaded === undefined) return undefined
  const own = metadata[LENGTH]
  if (own === undefined) return { name, kind, byteLength: uploaded }
  const byteLength = /^[1-9]\d{0,2}$/.test(own) ? Number(own) : uploaded
  return byteLength <= uploaded ? { name, kind, byteLength } : undefined
}

function cidIn(text: string | undefined): CID | undefined {
  try {
    return text === undefined ? undefined : CID.parse(text)
  } catch {
    // Written by another program.
    return undefined
  }
}

const NODE_BYTES = 32
const TALLEST = 50

/** Length in bytes of what was uploaded, by its piece CID v2 (FRC-0069); undefined for another CID. */
export function payloadLength({ multihash }: CID): number | undefined {
  const { code, digest } = multihash
  if (code !== 0x1011) return undefined
  const [padding, at] = varint.decode(digest)
  const height = digest[at]
  if (height === undefined || height < 2 || height > TALLEST || digest.byteLength !== at + 1 + NODE_BYTES) return undefined
  const byteLength = (2 ** height * NODE_BYTES * 127) / 128 - padding
  return byteLength > 0 ? byteLength : undefined
}
