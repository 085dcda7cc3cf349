/** The index of a sealed directory as it grows, cut as a source is: whole chunks of one leaf each, the last one shorter. */
import { allocate } from '../bytes/pool.ts'
import { LEAF_PLAINTEXT_BYTES } from '../format/age-layout.ts'
import { type IndexEntry, indexHead, indexLine } from '../format/sealed-index.ts'

export interface IndexLines {
  add(entry: IndexEntry): void
  readonly byteLength: number
  /** To be asked for when the last line was added. */
  chunks(): readonly Uint8Array[]
}

/** Holds the text, some 200 bytes an entry, until every entry is known. */
export function indexLines(): IndexLines {
  const full: Uint8Array[] = []
  let open = allocate(LEAF_PLAINTEXT_BYTES)
  let filled = 0
  let byteLength = 0
  const write = (line: string) => {
    const bytes = Buffer.from(line)
    byteLength += bytes.byteLength
    for (let at = 0; at < bytes.byteLength; ) {
      const piece = bytes.subarray(at, at + open.byteLength - filled)
      open.set(piece, filled)
      filled += piece.byteLength
      at += piece.byteLength
      if (filled < open.byteLength) continue
      full.push(open)
      open = allocate(LEAF_PLAINTEXT_BYTES)
      filled = 0
    }
  }
  write(indexHead())
  return {
    add: (entry) => write(indexLine(entry)),
    get byteLength() {
      return byteLength
    },
    chunks: () => (filled > 0 ? [...full, open.subarray(0, filled)] : full),
  }
}
