/** What the log's format fixes, made from fixed inputs: the golden vectors hold what this gave when it was fixed. */
import * as cbor from '@ipld/dag-cbor'
import type { LogEntry } from '../../../src/contracts.ts'
import { logVerifierKey, originOf, signCheckpoint } from '../../../src/format/checkpoint.ts'
import { logBlocks } from '../../../src/format/log-blocks.ts'
import { encodeEntry } from '../../../src/format/log-entry.ts'
import { complete, grow, inclusionRanges, leafHash, type MerkleNode, rangeHash, rootOf, rootOver } from '../../../src/format/merkle.ts'
import { signReceipt } from '../../../src/format/receipt.ts'
import { cborBlock, type IndexBlock } from '../../../src/format/record.ts'
import { keyFromSeed } from '../../../src/format/sign.ts'

const ROOT = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
const PACK = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const at = (second: number) => new Date(Date.UTC(2026, 10, 25) + second * 1_000).toISOString()

export const ENTRIES: readonly LogEntry[] = [
  {
    version: 1,
    kind: 'write',
    at: at(0),
    root: ROOT,
    byteLength: 11,
    visibility: 'public',
    state: 'degraded',
    packCount: 1,
    packs: [PACK],
    vaults: ['a'],
  },
  {
    version: 1,
    kind: 'repair',
    at: at(1),
    root: ROOT,
    before: 'degraded',
    state: 'satisfied',
    actionCount: 1,
    actions: [{ pack: PACK, vault: 'b', action: 'place', outcome: 'repaired' }],
  },
  { version: 1, kind: 'renew', at: at(2), renewals: [{ vault: 'b', pack: PACK, until: at(86_400), outcome: 'renewed' }] },
  {
    version: 1,
    kind: 'audit',
    at: at(3),
    checks: 2,
    checksRoot: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    vaults: { b: { intact: 1 }, a: { intact: 0, damaged: 1 } },
    surveys: [{ vault: 'a', drawn: 459, failed: 0 }],
  },
  { version: 1, kind: 'recipients', at: at(4), root: PACK, previous: ROOT, rekeyed: false },
  {
    version: 1,
    kind: 'shred',
    at: at(5),
    root: ROOT,
    state: 'complete',
    tombstone: PACK,
    headers: [PACK],
    vaults: [{ vault: 'a', pack: PACK, standing: 'absent' }],
  },
  { version: 1, kind: 'remove', at: at(6), root: ROOT },
]

export async function logGolden() {
  const key = await keyFromSeed(new Uint8Array(32).fill(7))
  const entries = ENTRIES.map(encodeEntry)
  const leaves = entries.map(leafHash)
  const { edge, nodes } = grow(0, [], leaves)
  const size = entries.length
  const checkpoints = await Promise.all(
    [0, 1, 4, size].map((count) => signCheckpoint({ size: count, root: rootOver(leaves.slice(0, count)) }, key)),
  )
  const blocks = logBlocks(entries.slice(4))
  const checkpoint = await signCheckpoint({ size, root: rootOf(edge) }, key)
  const index: IndexBlock = {
    version: 2,
    kind: 'index',
    archive: key.publicKey,
    records: [],
    tombstones: [],
    tocs: [],
    attributes: [],
    log: { checkpoint, first: 4, entries: blocks.map(({ cid }) => cid) },
  }
  const proof = inclusionRanges(0, size).map((range) => Buffer.from(rangeHash(range, lookupIn(nodes))).toString('base64'))
  const receipt = await signReceipt(
    {
      version: 1,
      root: ROOT,
      byteLength: 11,
      profile: 'unixfs-v1-2025',
      visibility: 'public',
      state: 'degraded',
      created: at(0),
      packs: [],
      replicas: [],
      missing: [],
      complete: true,
      log: { index: 0, size, proof, checkpoint, entry: ENTRIES[0] as LogEntry },
    },
    key,
  )
  return {
    origin: originOf(key.publicKey),
    verifierKey: logVerifierKey(key.publicKey),
    entries: entries.map((entry) => Buffer.from(entry).toString()),
    leaves: leaves.map((leaf) => Buffer.from(leaf).toString('hex')),
    edge: complete(0, size).map(([level, position], place) => [
      level,
      position,
      Buffer.from(edge[place] ?? new Uint8Array(0)).toString('hex'),
    ]),
    checkpoints,
    index: Buffer.from(cborBlock(index).bytes).toString('hex'),
    block: Buffer.from(blocks[0]?.bytes ?? cbor.encode(null)).toString('hex'),
    receipt,
  }
}

const lookupIn = (nodes: readonly MerkleNode[]) => (level: number, position: number) =>
  nodes.find((node) => node.level === level && node.position === position)?.hash ?? new Uint8Array(0)
