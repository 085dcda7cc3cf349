import { CarReader } from '@ipld/car'
import * as cbor from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import { addressOf, DAG_CBOR } from '../../src/format/address.ts'
import { decodeToc } from '../../src/format/pack.ts'
import { type IndexBlock, openSigned, type RecordStatement } from '../../src/format/record.ts'
import { fromMultikey } from '../../src/format/sign.ts'
import { all, bytesOf, contentOf, fleet, type Member, noise, only } from './house.ts'

interface Index {
  readonly block: IndexBlock
  readonly records: readonly RecordStatement[]
  readonly blocks: ReadonlyMap<string, Uint8Array>
}

const indexPacks = (member: Member) => [...member.store].filter(([at]) => at.startsWith('index/'))

/** Reads an index pack as a stranger would: with @ipld/car, checking every signature against the archive's key. */
async function readIndex(car: Uint8Array, publicKey: string): Promise<Index> {
  const reader = await CarReader.fromBytes(car)
  const blocks = new Map((await all(reader.blocks())).map(({ cid, bytes }) => [cid.toString(), bytes]))
  for (const [cid, bytes] of blocks) expect(addressOf(bytes, DAG_CBOR).toString()).toBe(cid)
  const root = only(await reader.getRoots()).toString()
  expect([...blocks.keys()].at(-1), 'the index block comes last').toBe(root)
  const block = cbor.decode<IndexBlock>(blocks.get(root) ?? new Uint8Array(0))
  expect(Buffer.from(block.archive).equals(fromMultikey(publicKey))).toBe(true)
  const records: RecordStatement[] = []
  for (const cid of block.records) {
    const statement = await openSigned(blocks.get(cid.toString()) ?? new Uint8Array(0), block.archive)
    if (statement.kind === 'record') records.push(statement)
  }
  return { block, records, blocks }
}

describe('index packs', () => {
  it('lie in every vault that lists, and say of each object what a lost catalog would need', async () => {
    const { archive, members, vaults } = await fleet(['a', 'b', 'c'])
    const tree = [
      { path: 'one.bin', content: noise(5_000), mode: 0o600, mtime: new Date(1_000) },
      { path: 'two.txt', content: Buffer.from('two') },
    ]
    const receipt = await archive.put(tree, { name: 'tree', mediaType: 'text/plain' })
    for (const [index, id] of (['a', 'b', 'c'] as const).entries()) {
      const [at, bytes] = only(indexPacks(members[id]))
      const list = vaults[index]?.list
      if (!list) expect.unreachable()
      const listed = await all(list({ kind: 'index' }))
      expect(listed.map((one) => one.at)).toEqual([at])
      const { block, records, blocks } = await readIndex(bytes, archive.publicKey)
      const record = only(records)
      const pack = only(receipt.packs)
      expect(record).toMatchObject({
        sequence: 1,
        previous: null,
        name: 'tree',
        mediaType: 'text/plain',
        type: 'directory',
        visibility: 'public',
      })
      expect(record.root.toString()).toBe(receipt.root)
      expect(record.packs.map(({ toc, byteLength }) => [toc.toString(), byteLength])).toEqual([[pack.name, pack.byteLength]])
      expect(record.packs[0]?.locators).toEqual({ a: only(contentOf(members.a)), b: only(contentOf(members.b)) })
      const toc = decodeToc(blocks.get(only(block.tocs).toString()) ?? new Uint8Array(0))
      expect(toc.blocks).toHaveLength(pack.blocks)
      const covered = record.packs.flatMap(({ extents }) => extents).reduce((sum, [, , count]) => sum + count, 0)
      expect(covered).toBeGreaterThanOrEqual(pack.blocks)
      const attributes = cbor.decode<unknown[][]>(blocks.get(only(block.attributes).toString()) ?? new Uint8Array(0))
      expect(attributes).toContainEqual(['one.bin', 0o600, 1, 0])
    }
  })

  it('do not verify under another key, nor after a change', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(100))
    const { block, blocks } = await readIndex(only(indexPacks(members.a))[1], archive.publicKey)
    const record = blocks.get(only(block.records).toString()) ?? new Uint8Array(0)
    const other = await fleet(['a', 'b'])
    await expect(openSigned(record, fromMultikey(other.archive.publicKey))).rejects.toMatchObject({ code: 'bad-signature' })
    const changed = cbor.encode({ ...cbor.decode<Record<string, unknown>>(record), byteLength: 101 })
    await expect(openSigned(changed)).rejects.toMatchObject({ code: 'bad-signature' })
  })

  it('give way to newer ones: the next put of the same object leaves one, with the next sequence and the one before named', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(100))
    const first = await readIndex(only(indexPacks(members.a))[1], archive.publicKey)
    await archive.put(noise(100), { name: 'again' })
    for (const member of [members.a, members.b]) {
      const { records } = await readIndex(only(indexPacks(member))[1], archive.publicKey)
      expect(only(records)).toMatchObject({ sequence: 2, name: 'again' })
      expect(only(records).previous?.toString()).toBe(only(first.block.records).toString())
    }
  })

  it('follow a repair: the record names the new locators', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(100))
    members.b.store.delete(only(contentOf(members.b)))
    members.b.faults.putFails = 1
    await archive.repair(root)
    const { records } = await readIndex(only(indexPacks(members.a))[1], archive.publicKey)
    expect(Object.keys(only(records).packs[0]?.locators ?? {})).toContain('c')
  })

  it('that a vault missed are brought there by the next put', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    members.b.faults.unreachable = true
    const first = await archive.put(noise(100))
    members.b.faults.unreachable = undefined
    await archive.put(noise(100))
    const roots = new Set<string>()
    for (const [, bytes] of indexPacks(members.b)) {
      for (const { root } of (await readIndex(bytes, archive.publicKey)).records) roots.add(root.toString())
    }
    expect([...roots]).toEqual([first.root])
  })

  it('of many objects put together are one, and hold a record of each', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const receipts = await archive.putAll(Array.from({ length: 50 }, (_, index) => ({ path: `${index}`, content: noise(50, `${index}`) })))
    const { records } = await readIndex(only(indexPacks(members.a))[1], archive.publicKey)
    expect(records.map(({ root }) => root.toString()).sort()).toEqual(receipts.map(({ root }) => root).sort())
  })
})

describe('a vault on IPFS', () => {
  const ipfs = { network: 'ipfs', operator: 'pinning-service' } as const

  it('counts toward the copies, not toward the floor', async () => {
    const { archive, members } = await fleet(['a', 'pin'], { profiles: { pin: ipfs } })
    const { root, state } = await archive.put(noise(1_000))
    expect(state).toBe('satisfied')
    members.a.store.delete(only(contentOf(members.a)))
    const report = await archive.verify(root)
    expect(report.state, 'one intact copy on IPFS is below the floor').toBe('at-risk')
    expect(report.missing.map(({ constraint, found }) => [constraint, found])).toEqual([
      ['floor', 0],
      ['copies', 1],
    ])
    expect((await bytesOf(archive.get(root))).equals(noise(1_000)), 'it still serves').toBe(true)
    expect(await archive.repair(root)).toMatchObject({ before: 'at-risk', state: 'satisfied' })
    expect(contentOf(members.a)).toHaveLength(1)
  })

  it('adds nothing to distinct networks or operators', async () => {
    const { archive } = await fleet(['a', 'pin'], { profiles: { pin: ipfs }, policy: { copies: 2, distinct: { network: 2, operator: 2 } } })
    const { state, missing } = await archive.put(noise(1_000))
    expect(state).toBe('degraded')
    expect(missing.map(({ constraint, found }) => [constraint, found])).toEqual([
      ['distinct.network', 1],
      ['distinct.operator', 1],
    ])
  })
})
