/** The piece commitment of one file: `node commp ours|wasm|data-segment|synapse-core FILE BYTES` reads so much of it and prints what came out as JSON. */
import { open } from 'node:fs/promises'

export interface CommpOutcome {
  readonly cid: string
  /** From the first byte read to the CID; loading modules is not in it. */
  readonly ms: number
  /** The most memory in use, looked at after each MiB, less what was in use before the first byte. */
  readonly addedBytes: number
}

const READ_BYTES = 1024 * 1024
const [, , who = '', path = '', length = '0'] = process.argv
type Feed = { update(bytes: Uint8Array): unknown; cid(): string }

async function ours(): Promise<Feed> {
  const { createPieceHasher } = await import('../../src/commp.ts')
  const hasher = await createPieceHasher()
  return { update: (bytes) => hasher.update(bytes), cid: () => `${hasher.digest().v2}` }
}

async function wasm(): Promise<Feed> {
  const { create } = await import('fr32-sha2-256-trunc254-padded-binary-tree-multihash')
  const hasher = create()
  return {
    update: (bytes) => hasher.write(bytes),
    cid: () => {
      const multihash = new Uint8Array(hasher.multihashByteLength())
      hasher.digestInto(multihash, 0, true)
      return linkOf(multihash)
    },
  }
}

async function dataSegment(): Promise<Feed> {
  const { create } = await import('@web3-storage/data-segment/multihash')
  const hasher = create()
  return { update: (bytes) => hasher.write(bytes), cid: () => linkOf(hasher.digest().bytes) }
}

async function synapseCore(): Promise<Feed> {
  const { calculate } = await import('@filoz/synapse-core/piece')
  const all: Uint8Array[] = []
  return { update: (bytes) => all.push(Uint8Array.from(bytes)), cid: () => calculate(Buffer.concat(all)).toString() }
}

const { CID } = await import('multiformats/cid')
const Digest = await import('multiformats/hashes/digest')
const linkOf = (multihash: Uint8Array): string => CID.createV1(0x55, Digest.decode(multihash)).toString()

const feed = await { ours, wasm, 'data-segment': dataSegment, 'synapse-core': synapseCore }[who as 'ours']()
await using file = await open(path)
const memory = Buffer.allocUnsafeSlow(READ_BYTES)
const before = process.memoryUsage.rss()
let most = before
const startedAt = performance.now()
for (let at = 0; at < Number(length); ) {
  const { bytesRead } = await file.read(memory, 0, Math.min(READ_BYTES, Number(length) - at), at)
  if (bytesRead === 0) break
  feed.update(memory.subarray(0, bytesRead))
  at += bytesRead
  most = Math.max(most, process.memoryUsage.rss())
}
const cid = feed.cid()
most = Math.max(most, process.memoryUsage.rss())
const outcome: CommpOutcome = {
  cid,
  ms: performance.now() - startedAt,
  addedBytes: most - before,
}
process.stdout.write(JSON.stringify(outcome))
