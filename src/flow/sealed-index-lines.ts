/** The index of a sealed directory as it grows, cut as a source is: whole chunks of one leaf each, the last one shorter. */
import { allocate } from '../bytes/pool.ts'
import { LEAF_PLAINTEXT_BYTES } from '../format/age-layout.ts'
import { type IndexEntry, indexHead, indexLine } from '../format/sealed-index.ts'

const LINE_FEEDS = new Uint8Array(4096).fill(0x0a)

export interface IndexLines {
  add(entry: IndexEntry): void
  readonly byteLength: number
  /** Fills it up to a length, with line feeds: a reader of JSON Lines does not see them. */
  fill(byteLength: number): void
  /** To be asked for when the last line was added. */
  chunks(): readonly Uint8Array[]
}

/** Holds the text, some 200 bytes an entry, until every entry is known. */
export function indexLines(): IndexLines {
  const full: Uint8Array[] = []
  let open = allocate(LEAF_PLAINTEXT_BYTES)
  let filled = 0
  let byteLength = 0
  const write = (bytes: Uint8Array) => {
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
  write(Buffer.from(indexHead()))
  return {
    add: (entry) => write(Buffer.from(indexLine(entry))),
    fill(wanted) {
      while (byteLength < wanted) write(LINE_FEEDS.subarray(0, wanted - byteLength))
    },
    get byteLength() {
      return byteLength
    },
    chunks: () => (filled > 0 ? [...full, open.subarray(0, filled)] : full),
  }
}
