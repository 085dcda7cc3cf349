/** Small packs of known bytes for the conformance cases and for tests. */
import { createCipheriv } from 'node:crypto'
import * as cbor from '@ipld/dag-cbor'
import { encode, prepare } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import type { Dag, Pack, PackKind } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { addressOf, DAG_CBOR, DAG_PB, RAW } from '../format/address.ts'
import { decodeToc, layout, packOf } from '../format/pack.ts'

const CHUNK_BYTES = 64 * 1024

export interface SampleOptions {
  /** Same options, same pack. Default `sample`. */
  readonly seed?: string | undefined
  /** How many blocks, default 3. */
  readonly blocks?: number | undefined
  /** Bytes of each, default 1024; an index pack's blocks are a few bytes longer. */
  readonly blockLength?: number | undefined
  readonly kind?: PackKind | undefined
  /** The root is one more block, the UnixFS file that the others are the leaves of, so that whoever follows links finds them. Default false. */
  readonly linked?: boolean | undefined
}

/** A pack in memory: a real CARv1 whose header root is its last block. Content packs hold raw blocks, index packs DAG-CBOR. It has no `adopt`. */
export async function samplePack(options: SampleOptions = {}): Promise<Pack & { readonly bytes: Uint8Array }> {
  const { seed = 'sample', blocks: count = 3, blockLength = 1024, kind = 'content' } = options
  const stream = keystream(`${seed}/${kind}`, count * blockLength)
  const blocks = Array.from({ length: count }, (_, number) => {
    const slice = stream.subarray(number * blockLength, (number + 1) * blockLength)
    return kind === 'content' ? block(slice, RAW) : block(cbor.encode({ number, slice }), DAG_CBOR)
  })
  if (options.linked) blocks.push(fileOf(blocks))
  const last = blocks.at(-1)
  if (!last) throw new FormatError('limit', 'a sample pack needs at least one block')
  return inMemory(kind, last.cid, blocks)
}

interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** The sample is all there is under its root. */
function dagOf(root: CID, blocks: readonly Block[], car: Uint8Array): Dag {
  const at = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
  return {
    root,
    blockCount: blocks.length,
    byteLength: car.byteLength,
    car: async function* ({ signal } = {}) {
      for (let offset = 0; offset < car.byteLength; offset += CHUNK_BYTES) {
        signal?.throwIfAborted()
        yield car.slice(offset, offset + CHUNK_BYTES)
      }
    },
    has: async (cid) => at.has(cid.toString()),
    block: async (cid) => at.get(cid.toString()),
  }
}

function inMemory(kind: PackKind, root: CID, blocks: readonly Block[]) {
  const { name, toc, bytes } = packOf(root, blocks)
  const { spans } = layout(decodeToc(toc))
  return {
    name,
    kind,
    root,
    byteLength: bytes.byteLength,
    bytes,
    spans: async () => spans,
    ...(kind === 'content' && { dag: async () => dagOf(root, blocks, bytes) }),
    open: async function* ({ signal, offset = 0, length = bytes.byteLength }: Parameters<Pack['open']>[0] = {}) {
      const end = Math.min(bytes.byteLength, offset + length)
      for (let at = offset; at < end; at += CHUNK_BYTES) {
        signal?.throwIfAborted()
        yield bytes.slice(at, Math.min(at + CHUNK_BYTES, end))
      }
    },
  } satisfies Pack & { readonly bytes: Uint8Array }
}

function fileOf(leaves: readonly Block[]): Block {
  const sizes = leaves.map(({ bytes }) => BigInt(bytes.byteLength))
  const Links = leaves.map(({ cid, bytes }) => ({ Name: '', Hash: cid, Tsize: bytes.byteLength }))
  return block(encode(prepare({ Data: new UnixFS({ type: 'file', blockSizes: sizes }).marshal(), Links })), DAG_PB)
}

const block = (bytes: Uint8Array, codec: number) => ({ cid: addressOf(bytes, codec), bytes })

/** Deterministic bytes that do not compress: a ChaCha20 keystream under the seed's hash. */
function keystream(seed: string, byteLength: number): Uint8Array {
  const key = addressOf(new TextEncoder().encode(seed), RAW).multihash.digest
  return createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(byteLength))
}
