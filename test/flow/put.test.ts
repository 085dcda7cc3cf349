import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PutEvent, Receipt } from '../../src/contracts.ts'
import { verifyReceipt } from '../../src/format/receipt.ts'
import { all, bytesOf, contentOf, files, fleet, noise, only, spooled, tempFolder } from './house.ts'

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

describe('the receipt', () => {
  it('says what was stored where, with what every vault showed of it', async () => {
    const { archive, folder } = await fleet(['a', 'b'])
    const receipt = await archive.put(noise(3_000_000), { name: 'noise', mediaType: 'application/octet-stream' })
    expect(receipt).toMatchObject({
      version: 1,
      name: 'noise',
      mediaType: 'application/octet-stream',
      byteLength: 3_000_000,
      profile: 'unixfs-v1-2025',
      visibility: 'public',
      state: 'satisfied',
      missing: [],
      complete: true,
      archive: archive.publicKey,
    })
    const pack = only(receipt.packs)
    expect(pack.blocks).toBe(4)
    expect(receipt.replicas.map(({ vault }) => vault).sort()).toEqual(['a', 'b'])
    for (const replica of receipt.replicas) {
      expect(replica).toMatchObject({ pack: pack.name, verdict: 'intact', retrieval: 'whole', counts: true, asked: 4, answered: 4 })
    }
    expect(await archive.receipt(receipt.root)).toEqual(receipt)
    expect(await spooled(folder)).toEqual([])
  })

  it('is signed: any field changed, added or left out breaks it', async () => {
    const { archive } = await fleet(['a', 'b'])
    const receipt = await archive.put(noise(10_000), { name: 'noise', mediaType: 'text/plain' })
    expect(await verifyReceipt(receipt, archive.publicKey)).toBe(true)
    expect(await verifyReceipt(JSON.parse(JSON.stringify(receipt)), archive.publicKey)).toBe(true)
    for (const field of Object.keys(receipt).filter((key) => key !== 'archive' && key !== 'signature')) {
      const { [field as keyof Receipt]: value, ...without } = receipt
      const changed = { ...receipt, [field]: Array.isArray(value) ? [...value, 'x'] : `${value}x` }
      expect(await verifyReceipt(changed as Receipt, archive.publicKey), field).toBe(false)
      expect(await verifyReceipt(without as Receipt, archive.publicKey), field).toBe(false)
    }
    expect(await verifyReceipt({ ...receipt, note: 'x' } as Receipt, archive.publicKey)).toBe(false)
    const other = await fleet(['a', 'b'])
    expect(await verifyReceipt(receipt, other.archive.publicKey)).toBe(false)
    expect(await verifyReceipt({ ...receipt, archive: other.archive.publicKey })).toBe(false)
  })
})

describe('what is put', () => {
  it('has the same root through path, bytes, Blob, stream and iterable, however it is cut', async () => {
    const { archive } = await fleet(['a', 'b'])
    const bytes = noise(2_500_000)
    const at = join(await files(await tempFolder(), { 'file.bin': bytes }), 'file.bin')
    const blob = new Blob([new Uint8Array(bytes)])
    const sources = [at, new URL(`file://${at}`), bytes, blob, blob.stream(), createReadStream(at), cut(bytes, 77_777), [...[bytes]]]
    const roots = new Set<string>()
    for (const source of sources) roots.add((await archive.put(source)).root)
    expect(roots.size).toBe(1)
    expect((await bytesOf(archive.get(only(roots)))).equals(bytes)).toBe(true)
    expect(await all(archive.objects())).toHaveLength(1)
  })

  it('is not uploaded a second time', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const bytes = noise(100_000)
    const first = await archive.put(bytes, { name: 'one' })
    const before = { ...members.a.faults.calls }
    const events: PutEvent[] = []
    const second = await archive.put(bytes, { name: 'two', onProgress: (event) => events.push(event) })
    expect(second).toMatchObject({ root: first.root, packs: first.packs, state: 'satisfied', name: 'two' })
    expect(contentOf(members.a)).toHaveLength(1)
    // One put more: the index pack with the new record.
    expect(members.a.faults.calls.put).toBe((before.put ?? 0) + 1)
    expect(members.a.faults.calls.read).toBeGreaterThan(before.read ?? 0)
    expect(events.find(({ type }) => type === 'sealed')).toMatchObject({ packs: 0, reusedBytes: 100_000 })
    expect(events.filter(({ type }) => type === 'bytes-sent' || type === 'pack-closed').length).toBeLessThanOrEqual(2)
  })

  it('reuses blocks it shares with what is stored, and brings the packs they lie in to the vaults too', async () => {
    const { archive, members, reopen } = await fleet(['a', 'b'])
    const shared = noise(3 * 1024 * 1024, 'shared')
    members.b.faults.unreachable = true
    const first = await archive.put(shared)
    expect(first.state).toBe('degraded')
    members.b.faults.unreachable = undefined
    const events: PutEvent[] = []
    const tree = [
      { path: 'copy.bin', content: shared },
      { path: 'again.bin', content: shared },
      { path: 'own.bin', content: noise(5_000, 'own') },
    ]
    const second = await archive.put(tree, { onProgress: (event) => events.push(event) })
    const sealed = events.find((event) => event.type === 'sealed')
    expect(sealed).toMatchObject({ packs: 1, byteLength: 2 * shared.byteLength + 5_000 })
    expect(sealed?.reusedBytes).toBeGreaterThanOrEqual(2 * shared.byteLength)
    expect(second.packs.map(({ name }) => name)).toContain(only(first.packs).name)
    expect(second).toMatchObject({ state: 'satisfied', complete: true })
    expect(second.replicas).toHaveLength(4)
    expect((await archive.status(first.root)).state).toBe('satisfied')
    const again = await reopen()
    expect((await bytesOf(again.get(second.root, { path: 'again.bin' }))).equals(shared)).toBe(true)
  })

  it('may be empty: a file, a directory, a stream', async () => {
    const { archive } = await fleet(['a', 'b'])
    const empty = await archive.put(new Uint8Array(0))
    expect(empty).toMatchObject({ byteLength: 0, state: 'satisfied', complete: true })
    expect(await bytesOf(archive.get(empty.root))).toHaveLength(0)
    expect((await archive.put(cut(new Uint8Array(0), 1))).root).toBe(empty.root)
    const folder = await archive.put([])
    expect(folder).toMatchObject({ state: 'satisfied', byteLength: 0 })
    expect(await all(archive.entries(folder.root))).toMatchObject([{ path: '', kind: 'directory' }])
    expect((await archive.put(await tempFolder())).root).toBe(folder.root)
    expect((await archive.verify(folder.root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('may be a directory of ten thousand entries', async () => {
    const { archive } = await fleet(['a', 'b'])
    const entries = Array.from({ length: 10_000 }, (_, index) => ({
      path: `file-${index}`,
      content: Buffer.from(`content ${index % 500}`),
    }))
    const receipt = await archive.put(entries)
    expect(receipt.state).toBe('satisfied')
    expect(await all(archive.entries(receipt.root))).toHaveLength(10_001)
    expect((await bytesOf(archive.get(receipt.root, { path: 'file-9999' }))).toString()).toBe('content 499')
  })

  it('keeps names with spaces, newlines and either Unicode form apart', async () => {
    const { archive } = await fleet(['a', 'b'])
    const names = ['a b', 'line\nbreak', 'caf\u00e9', 'cafe\u0301', '-rf', '*', '\u{1f5c4}', 'n'.repeat(255)]
    const folder = await files(await tempFolder(), Object.fromEntries(names.map((name, index) => [name, `${index}`])))
    const { root } = await archive.put(folder)
    const stored = await all(archive.entries(root))
    expect(stored.map(({ path }) => path).sort()).toEqual(['', ...names].sort())
    for (const [index, path] of names.entries()) expect((await bytesOf(archive.get(root, { path }))).toString()).toBe(`${index}`)
  })
})

describe('putAll', () => {
  it('gives one receipt per entry in order, with one pack for all', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const list = ['one', 'two', 'sub/three', 'two'].map((name, index) => ({ path: `${index}/${name}`, content: Buffer.from(name) }))
    const receipts = await archive.putAll(list)
    expect(receipts.map(({ name }) => name)).toEqual(['0/one', '1/two', '2/sub/three', '3/two'])
    const packs = new Set(receipts.flatMap((receipt) => receipt.packs.map(({ name }) => name)))
    expect(packs.size).toBe(1)
    expect(contentOf(members.a)).toHaveLength(1)
    expect(receipts[1]?.root).toBe(receipts[3]?.root)
    for (const [index, receipt] of receipts.entries()) {
      expect(receipt).toMatchObject({ state: 'satisfied', complete: true })
      expect(await verifyReceipt(receipt, archive.publicKey)).toBe(true)
      expect((await bytesOf(archive.get(receipt.root))).toString()).toBe(list[index]?.content.toString())
    }
    expect(await archive.putAll([])).toEqual([])
  })
})
