/** The entries of one directory, flat or sharded. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ServedChild } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import type { GetBlock } from '../format/unixfs-export.ts'
import { READ_AHEAD, walk } from '../format/unixfs-fetch.ts'
import { decodeUnixFS, limitsOf } from '../format/unixfs-node.ts'

const LIMITS = limitsOf()

/** As they are stored. Throws FormatError `not-a-directory`, and as reading does. */
export async function* listDirectory(directory: CID, get: GetBlock, { signal }: AbortOptions): AsyncGenerator<ServedChild> {
  const blocks = walk<undefined>(get, { readAhead: READ_AHEAD, signal })
  try {
    blocks.push([{ cid: directory, step: undefined }])
    for (let block = await blocks.next(); block; block = await blocks.next()) {
      const node = decodeUnixFS(block.cid, block.bytes, LIMITS)
      if (node.kind !== 'directory' && node.kind !== 'shard')
        throw new FormatError('not-a-directory', `${block.cid} is a ${node.kind}; nothing is listed below it`)
      const children = node.kind === 'shard' ? [...node.slots.values()] : node.children
      blocks.push(children.flatMap(({ name, cid }) => (name === '' ? [{ cid, step: undefined }] : [])))
      for (const child of children) if (child.name !== '') yield child
    }
  } finally {
    blocks.stop()
  }
}
