/** A vault full of index packs, made without putting anything: as many records as are asked for, a few in each index pack. */
import { createHash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import type { Pack, Vault } from '../../../src/contracts.ts'
import { addressOf, RAW } from '../../../src/format/address.ts'
import { packOf } from '../../../src/format/pack.ts'
import { type Block, cborBlock, type RecordStatement, signedBlock } from '../../../src/format/record.ts'
import { keyFromSeed } from '../../../src/format/sign.ts'
import { resolvePolicy } from '../../../src/policy/policy.ts'

export interface Many {
  readonly objects: number
  readonly objectsPerPack: number
  readonly recordsPerIndexPack: number
}

const AT_ONCE = 16
const SEED = new Uint8Array(32).fill(7)

/** The line of the archive.key that signs all of it. */
export const KEY = base58btc.encode(Uint8Array.of(0x80, 0x26, ...SEED))

export async function fillVault(vault: Vault, { objects, objectsPerPack, recordsPerIndexPack }: Many): Promise<void> {
  const key = await keyFromSeed(SEED)
  const policy = resolvePolicy({})
  let writing: Promise<unknown>[] = []
  const store = async (made: ReturnType<typeof packOf>, root: Block['cid'], kind: Pack['kind']) => {
    writing.push(vault.put(packFor(made, root, kind)))
    if (writing.length >= AT_ONCE) {
      await Promise.all(writing)
      writing = []
    }
  }
  for (let first = 0; first < objects; first += objectsPerPack) {
    const blocks = Array.from({ length: Math.min(objectsPerPack, objects - first) }, (_, index) => {
      const bytes = new Uint8Array(
        createHash('sha256')
          .update(`object ${first + index}`)
          .digest(),
      )
      return { cid: addressOf(bytes, RAW), bytes }
    })
    const root = blocks[0]?.cid ?? addressOf(new Uint8Array(), RAW)
    const content = packOf(root, blocks)
    await store(content, root, 'content')
    for (let at = 0; at < blocks.length; at += recordsPerIndexPack) {
      const records: Block[] = []
      for (const [index, { cid }] of blocks.slice(at, at + recordsPerIndexPack).entries()) {
        const statement: RecordStatement = {
          version: 1,
          kind: 'record',
          sequence: 1,
          previous: null,
          root: cid,
          type: 'file',
          byteLength: 32,
          profile: 'unixfs-v1-2025',
          visibility: 'public',
          policy,
          name: `object ${first + at + index}`,
          mediaType: null,
          created: 1_000 + first + at + index,
          packs: [{ toc: content.name, byteLength: content.bytes.byteLength, extents: [[0, at + index, 1]], locators: {} }],
          attributes: [],
        }
        records.push(await signedBlock(statement, key))
      }
      const index = cborBlock({
        version: 1,
        kind: 'index',
        archive: key.publicKey,
        records: records.map(({ cid }) => cid),
        tombstones: [],
        tocs: [content.name],
        attributes: [],
      })
      await store(packOf(index.cid, [{ cid: content.name, bytes: content.toc }, ...records, index]), index.cid, 'index')
    }
  }
  await Promise.all(writing)
}

const packFor = ({ name, bytes }: ReturnType<typeof packOf>, root: Block['cid'], kind: Pack['kind']): Pack => ({
  name,
  kind,
  root,
  byteLength: bytes.byteLength,
  async *open({ offset = 0, length = bytes.byteLength - offset } = {}) {
    yield bytes.subarray(offset, offset + length)
  },
  spans: async () => [],
})
