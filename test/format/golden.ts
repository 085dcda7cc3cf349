/** Everything the format fixes, made from fixed inputs: the golden vectors hold what this gave when version 1 was fixed. */
import { createCipheriv, createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { openSource } from '../../src/bytes/source.ts'
import { signCertificate } from '../../src/format/certificate.ts'
import { carHeader, encodeToc, layout, packOf } from '../../src/format/pack.ts'
import { signReceipt } from '../../src/format/receipt.ts'
import {
  attributeBlocks,
  type Block,
  cborBlock,
  type IndexBlock,
  type RecordStatement,
  signedBlock,
  type TombstoneStatement,
} from '../../src/format/record.ts'
import { keyFromSeed } from '../../src/format/sign.ts'
import { importTree } from '../../src/format/unixfs-import.ts'
import { resolvePolicy } from '../../src/policy/policy.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const keystream = (byteLength: number, seed: string) =>
  createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(byteLength))

const AT = Date.UTC(2026, 10, 23)

/** The DAG of a small tree: files of 0, 5 and 2,500,000 bytes, a symlink, an empty folder. */
async function treeBlocks(): Promise<readonly Block[]> {
  const source = await openSource([
    { path: 'empty.txt', content: new Uint8Array(0) },
    { path: 'hello.txt', content: Buffer.from('hello') },
    { path: 'sub/large.bin', content: keystream(2_500_000, 'perdure golden') },
    { path: 'sub/link', target: '../hello.txt' },
    { path: 'void' },
  ])
  const blocks = new Map<string, Block>()
  const sink = {
    put: async (cid: CID, bytes: Uint8Array) =>
      void (blocks.has(cid.toString()) || blocks.set(cid.toString(), { cid, bytes: bytes.slice() })),
  }
  for await (const _ of importTree(source.entries(), sink, { profile: 'unixfs-v1-2025', shape: source.shape }));
  return [...blocks.values()]
}

export async function golden() {
  const key = await keyFromSeed(new Uint8Array(32).fill(7))
  const blocks = await treeBlocks()
  const root = blocks.at(-1)?.cid ?? CID.parse('bafkqaaa')
  const pack = packOf(root, blocks)
  const { spans, byteLength } = layout({ root, blocks: blocks.map(({ cid, bytes }) => [cid, bytes.byteLength] as const) })
  const attributes = attributeBlocks([
    { path: '', mode: 0o755, mtime: { secs: 1_700_000_000n, nsecs: 5 } },
    { path: 'hello.txt', mode: 0o644 },
    { path: 'void', mtime: { secs: -1n } },
    { path: 'empty.txt' },
  ])
  const statement: RecordStatement = {
    version: 1,
    kind: 'record',
    sequence: 1,
    previous: null,
    root,
    type: 'directory',
    byteLength: 2_500_005,
    profile: 'unixfs-v1-2025',
    visibility: 'public',
    policy: resolvePolicy({ copies: 2, floor: 1 }),
    name: 'golden',
    mediaType: null,
    created: AT,
    packs: [{ toc: pack.name, byteLength, extents: [[0, 0, blocks.length]], locators: { a: 'packs/xx/a.car' } }],
    attributes: attributes.map(({ cid }) => cid),
  }
  const tombstone: TombstoneStatement = { version: 1, kind: 'tombstone', root, sequence: 2, at: AT }
  const record = await signedBlock(statement, key)
  const grave = await signedBlock(tombstone, key)
  const retained = await signedBlock(
    { ...statement, sequence: 2, retain: { until: AT + 1_000, mode: 'compliance', legalHold: false } },
    key,
  )
  const shredded = await signedBlock({ ...tombstone, sequence: 3, shred: { packs: [pack.name] } }, key)
  const erasable = await signedBlock(
    { ...statement, sequence: 3, packs: statement.packs.map((each) => ({ ...each, erasable: true as const })), supersedes: pack.name },
    key,
  )
  const certificate = await signCertificate(
    {
      version: 1,
      kind: 'shred',
      root: root.toString(),
      state: 'complete',
      begun: new Date(AT).toISOString(),
      issued: new Date(AT + 1_000).toISOString(),
      tombstone: { cid: shredded.cid.toString(), vaults: ['a'] },
      headers: [pack.name.toString()],
      readableAs: [],
      vaults: [
        {
          vault: 'a',
          network: 'local',
          operator: 'device-1',
          pack: pack.name.toString(),
          standing: 'absent',
          at: new Date(AT + 500).toISOString(),
        },
      ],
      remaining: [{ vault: 'b', pack: pack.name.toString(), locator: 'b:1', byteLength, kept: 'for-ever' }],
      excluded: ['somebody may have kept it'],
    },
    key,
  )
  const index: IndexBlock = {
    version: 1,
    kind: 'index',
    archive: key.publicKey,
    records: [record.cid],
    tombstones: [grave.cid],
    tocs: [pack.name],
    attributes: attributes.map(({ cid }) => cid),
  }
  const indexRoot = cborBlock(index)
  const indexPack = packOf(indexRoot.cid, [{ cid: pack.name, bytes: pack.toc }, ...attributes, record, grave, indexRoot])
  const v0 = CID.parse('Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD')
  const receipt = await signReceipt(
    {
      version: 1,
      root: root.toString(),
      name: 'golden',
      byteLength: 2_500_005,
      profile: 'unixfs-v1-2025',
      visibility: 'public',
      state: 'degraded',
      created: new Date(AT).toISOString(),
      packs: [{ name: pack.name.toString(), byteLength, blocks: blocks.length }],
      replicas: [
        {
          vault: 'a',
          network: 'local',
          operator: 'device-1',
          pack: pack.name.toString(),
          verdict: 'intact',
          possession: 'listed',
          retrieval: 'whole',
          counts: true,
        },
      ],
      missing: [{ constraint: 'copies', wanted: 2, found: 1, reason: 'one more vault is needed' }],
      complete: true,
    },
    key,
  )
  return {
    root: root.toString(),
    blocks: blocks.map(({ cid, bytes }) => [cid.toString(), bytes.byteLength]),
    headers: { v1: hex(carHeader(root)), v0: hex(carHeader(v0)) },
    pack: {
      name: pack.name.toString(),
      byteLength,
      sha256: sha256(pack.bytes),
      firstOffset: spans[0]?.offset,
      lastOffset: spans.at(-1)?.offset,
    },
    toc: hex(encodeToc({ root, blocks: blocks.map(({ cid, bytes }) => [cid, bytes.byteLength] as const) }).bytes),
    attributes: attributes.map(({ bytes }) => hex(bytes)),
    record: hex(record.bytes),
    tombstone: hex(grave.bytes),
    retainedRecord: hex(retained.bytes),
    erasableRecord: hex(erasable.bytes),
    shredTombstone: hex(shredded.bytes),
    certificate,
    index: hex(indexRoot.bytes),
    indexPack: { name: indexPack.name.toString(), bytes: hex(indexPack.bytes) },
    receipt,
  }
}
