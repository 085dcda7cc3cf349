import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { all, bytesOf, contentOf, fileOf, fleet, flip, house, noise, only } from './house.ts'

const MIB = 1024 * 1024

describe('get falls over to the next replica', () => {
  it.each([
    ['wrong bytes', { flip: { where: 'all', offset: MIB } }],
    ['a page of HTML', { html: 'all' }],
    ['half of the pack', { truncate: { where: 'all', length: MIB } }],
    ['silence', { hang: 'all' }],
    ['a refusal', { denied: 0 }],
    ['an outage', { unreachable: true }],
    ['a broken connection', { breakOff: { where: 'all', after: 1_000, times: 1_000 } }],
  ] as const)('on %s, and yields the right bytes', async (_, fault) => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(2 * MIB + 5))
    for (const id of ['a', 'b'] as const) {
      Object.assign(members[id].faults, fault)
      expect((await bytesOf(archive.get(root))).equals(noise(2 * MIB + 5)), `with fault in ${id}`).toBe(true)
      for (const key of Object.keys(fault)) Object.assign(members[id].faults, { [key]: undefined })
    }
  })

  it('on absence, and keeps wrong bytes and absence as evidence, silence not', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(100_000))
    members.a.faults.hang = 'all'
    await bytesOf(archive.get(root))
    expect((await archive.status(root)).state).toBe('satisfied')
    members.a.faults.hang = undefined
    members.a.faults.html = 'all'
    await bytesOf(archive.get(root))
    const damaged = await archive.status(root)
    expect(damaged.state).toBe('damaged')
    expect(damaged.replicas.find(({ vault }) => vault === 'a')).toMatchObject({ verdict: 'damaged', counts: false })
    members.a.faults.html = undefined
    expect((await archive.verify(root)).state, 'the span is asked for again').toBe('satisfied')
    // It gave wrong bytes, so the other one is asked first now.
    members.b.store.delete(only(contentOf(members.b)))
    await bytesOf(archive.get(root))
    expect((await archive.status(root)).replicas.find(({ vault }) => vault === 'b')).toMatchObject({ verdict: 'missing' })
    expect((await archive.repair(root)).state).toBe('satisfied')
  })

  it('on slowness: the next one is asked when the first takes much longer than it uses to', async () => {
    const { archive, members } = await fleet(['a', 'b'], { timeoutMs: 10_000 })
    const { root } = await archive.put(noise(4 * MIB))
    for (let run = 0; run < 3; run++) await bytesOf(archive.get(root))
    let askedWhileSlow = 0
    for (const id of ['a', 'b'] as const) {
      const { faults } = members[id]
      const before = faults.calls.read ?? 0
      faults.slow = 3_000
      const began = performance.now()
      expect((await bytesOf(archive.get(root))).equals(noise(4 * MIB))).toBe(true)
      expect(performance.now() - began).toBeLessThan(2_000)
      askedWhileSlow += (faults.calls.read ?? 0) - before
      faults.slow = undefined
    }
    expect(askedWhileSlow, 'one of the two was the first to be asked').toBeGreaterThan(0)
    expect((await archive.status(root)).state, 'slow is not wrong').toBe('satisfied')
  })
})

it('never yields a byte that was not verified: what comes before the damage is right, then it ends in an error', async () => {
  const { archive, folder } = await house()
  const { root, replicas } = await archive.put(noise(6 * MIB))
  for (const replica of replicas) await flip(fileOf(folder, replica), 4 * MIB)
  const pieces: Uint8Array[] = []
  const reading = async () => {
    for await (const piece of archive.get(root)) pieces.push(piece)
  }
  await expect(reading()).rejects.toMatchObject({
    name: 'ArchiveError',
    code: 'unavailable',
    message: expect.stringMatching(/vault a.*vault b|vault b.*vault a/),
  })
  const got = Buffer.concat(pieces)
  expect(got.byteLength).toBe(3 * MIB)
  expect(got.equals(noise(6 * MIB).subarray(0, 3 * MIB))).toBe(true)
  expect((await bytesOf(archive.get(root, { range: { offset: 5 * MIB } }))).equals(noise(6 * MIB).subarray(5 * MIB))).toBe(true)
})

describe('a range', () => {
  it('is exactly those bytes, wherever it begins and ends', async () => {
    const { archive } = await fleet(['a', 'b'], { profile: 'unixfs-v0-2015' })
    const bytes = noise(1_000_000)
    const { root } = await archive.put(bytes)
    const lengths = fc.option(fc.integer({ min: 0, max: 1_200_000 }), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.byteLength }), lengths, async (offset, length) => {
        const expected = bytes.subarray(offset, length === undefined ? undefined : offset + length)
        expect((await bytesOf(archive.get(root, { range: { offset, length } }))).equals(expected)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  it('reads only the blocks on its way', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(16 * MIB))
    const before = members.a.faults.bytesRead + members.b.faults.bytesRead
    await bytesOf(archive.get(root, { range: { offset: 9 * MIB + 10, length: 100 } }))
    expect(members.a.faults.bytesRead + members.b.faults.bytesRead - before).toBeLessThan(2 * MIB)
  })

  it('past the end, negative or broken is refused before anything is yielded', async () => {
    const { archive } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    expect(await bytesOf(archive.get(root, { range: { offset: 1_000 } }))).toHaveLength(0)
    for (const range of [{ offset: 1_001 }, { offset: -1 }, { offset: 0.5 }, { offset: 0, length: -1 }, { offset: Number.NaN }]) {
      await expect(bytesOf(archive.get(root, { range })), JSON.stringify(range)).rejects.toMatchObject({ code: 'bad-range' })
    }
  })
})

describe('what cannot be got', () => {
  it('is an unknown root, or a CID that is none, and every verb says so', async () => {
    const { archive } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(10))
    const other = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
    const verbs = [
      (cid: string) => bytesOf(archive.get(cid)),
      (cid: string) => all(archive.entries(cid)),
      (cid: string) => archive.status(cid),
      (cid: string) => archive.verify(cid),
      (cid: string) => archive.repair(cid),
      (cid: string) => archive.rm(cid),
    ]
    for (const verb of verbs) {
      await expect(verb(other)).rejects.toMatchObject({ name: 'ArchiveError', code: 'unknown-root' })
      for (const text of ['', 'hello', `${root}x`, '../../etc/passwd'])
        await expect(verb(text), text).rejects.toMatchObject({ name: 'FormatError', code: 'invalid-cid' })
    }
    expect(await archive.receipt(other)).toBeUndefined()
  })

  it('is a directory, or a path that is not in it', async () => {
    const { archive } = await fleet(['a', 'b'])
    const { root } = await archive.put([
      { path: 'sub/file.txt', content: Buffer.from('here') },
      { path: 'link', target: 'sub/file.txt' },
    ])
    expect((await bytesOf(archive.get(root, { path: 'sub/file.txt' }))).toString()).toBe('here')
    await expect(bytesOf(archive.get(root))).rejects.toMatchObject({ code: 'not-a-file' })
    await expect(bytesOf(archive.get(root, { path: 'sub' }))).rejects.toMatchObject({ code: 'not-a-file' })
    await expect(bytesOf(archive.get(root, { path: 'link' }))).rejects.toMatchObject({ code: 'not-a-file' })
    await expect(bytesOf(archive.get(root, { path: 'sub/other.txt' }))).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(bytesOf(archive.get(root, { path: 'sub/file.txt/more' }))).rejects.toMatchObject({ name: 'FormatError' })
  })

  it('is what the caller no longer wants', async () => {
    const { archive, members } = await fleet(['a', 'b'], { timeoutMs: 10_000 })
    const { root } = await archive.put(noise(3 * MIB))
    members.a.faults.hang = 'all'
    members.b.faults.hang = 'all'
    await expect(bytesOf(archive.get(root, { signal: AbortSignal.timeout(30) }))).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

it('get goes on with the packs of directories when one vault is taken out of the configuration', async () => {
  const { vaults, reopen, archive } = await house()
  const { root } = await archive.put([{ path: 'file', content: await readFile(new URL('../../package.json', import.meta.url)) }])
  const again = await reopen({ vaults: vaults.slice(1) })
  expect((await bytesOf(again.get(root, { path: 'file' }))).byteLength).toBeGreaterThan(1_000)
  expect((await again.status(root)).state).toBe('degraded')
})
