/** Merkle proofs of possession over the bytes of a piece as they are now. */
import { hashInto } from '@chainsafe/hashtree'
import { toHex } from 'viem'
import { paddedFor } from '../../../src/format/commp.ts'
import { padFr32, STRIDE_BYTES, STRIDE_PADDED } from '../../../src/format/fr32.ts'
import type { Hex } from './types.ts'

const NODE = 32

export interface Proof {
  readonly leaf: Hex
  readonly proof: readonly Hex[]
}

/** All layers of the tree, leaves first, the root last. */
export function treeOf(bytes: Uint8Array): readonly Uint8Array[] {
  const byteLength = paddedFor(bytes.byteLength)
  const strides = Math.ceil(byteLength / STRIDE_PADDED)
  const raw = new Uint8Array(strides * STRIDE_BYTES)
  raw.set(bytes)
  const padded = new Uint8Array(strides * STRIDE_PADDED)
  padFr32(new Int32Array(raw.buffer), new Int32Array(padded.buffer))
  const layers: Uint8Array[] = [padded.subarray(0, byteLength)]
  for (let nodes = layers[0] as Uint8Array; nodes.byteLength > NODE; ) {
    const above = new Uint8Array(nodes.byteLength / 2)
    hashInto(nodes, above)
    for (let last = NODE - 1; last < above.byteLength; last += NODE) above[last] = (above[last] as number) & 0x3f
    layers.push(above)
    nodes = above
  }
  return layers
}

export function proofOf(layers: readonly Uint8Array[], leaf: number): Proof {
  const node = (layer: Uint8Array, at: number) => toHex(layer.subarray(at * NODE, (at + 1) * NODE))
  return {
    leaf: node(layers[0] as Uint8Array, leaf),
    proof: layers.slice(0, -1).map((layer, level) => node(layer, Math.floor(leaf / 2 ** level) ^ 1)),
  }
}
