import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Vault } from '../../../src/contracts.ts'
import { newKey } from '../../fakes/arweave/key.ts'
import { DEEP, idOf, pack, placed, readAll } from './on-fake.ts'

const seed = randomBytes(32)
const shown = async (vault: Vault, at: string, sample: Awaited<ReturnType<typeof pack>>) => vault.attest?.(at, { name: sample.name, seed })
const SECOND = { offset: 300_000, length: 100_000 }

describe('what gateways say', () => {
  it('two that lie alike and one that is honest make no replica of what was never mined', async () => {
    const { chain, nodes, vault, journal } = await placed({ nodes: [{ confirmsAnything: true }, { confirmsAnything: true }, {}] })
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.drop(idOf(at))
    // Their word is enough for a claim, and for nothing else.
    expect(await vault.status(at)).toBe('held')
    expect((await shown(vault, at, sample))?.verdict).toBe('unproven')
    await expect(readAll(vault, at, { cid: sample.root, ...SECOND }, { audit: true })).rejects.toMatchObject({ code: 'absent' })
    for (const { behaviour } of nodes) behaviour.confirmsAnything = false
    expect(await vault.status(at)).toBe('absent')
  })

  it('one that lies is outvoted by two', async () => {
    const { chain, vault, journal } = await placed({ nodes: [{ confirmsAnything: true }, {}, {}] })
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine()
    expect(await vault.status(at)).toBe('settling')
    chain.mine(DEEP)
    expect(await shown(vault, at, sample)).toMatchObject({
      verdict: 'proven',
      detail: expect.stringMatching(/13 deep \(provisional\), by 2 gateways/),
    })
    chain.mine(50)
    expect(await shown(vault, at, sample)).toMatchObject({ verdict: 'proven', detail: expect.stringMatching(/63 deep \(final\)/) })
  })

  it('a transaction that is confirmed and whose data nobody has is refuted, and repaired for nothing', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    chain.unseed(idOf(at))
    expect(await vault.status(at)).toBe('held')
    expect(await shown(vault, at, sample)).toMatchObject({ verdict: 'refuted', detail: expect.stringContaining('nobody has the chunk') })
    for (const audit of [false, true])
      await expect(readAll(vault, at, { cid: sample.root, ...SECOND }, { audit })).rejects.toMatchObject({ code: 'absent' })
    expect(await vault.put(sample, { journal, replace: true })).toBe(at)
    expect((await shown(vault, at, sample))?.verdict).toBe('proven')
    expect(chain.payments).toHaveLength(1)
  })

  it('a gateway that hides the data is gone around, and its word alone is no loss', async () => {
    const { chain, nodes, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    for (const { behaviour } of nodes.slice(0, 1)) Object.assign(behaviour, { hidesTx: [idOf(at)], noChunks: true })
    const expected = sample.bytes.subarray(SECOND.offset, SECOND.offset + SECOND.length)
    for (const audit of [false, true])
      expect((await readAll(vault, at, { cid: sample.root, ...SECOND }, { audit })).equals(expected)).toBe(true)
    expect((await shown(vault, at, sample))?.verdict).toBe('proven')
  })

  it('a chunk with one bit flipped is not taken where another node has it right, and is damage where none has', async () => {
    const { chain, nodes, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    const [first] = nodes
    if (first) first.behaviour.flipInData = 77
    expect(
      (await readAll(vault, at, { cid: sample.root, ...SECOND }, { audit: true })).equals(sample.bytes.subarray(300_000, 400_000)),
    ).toBe(true)
    if (first) first.behaviour.flipInData = undefined
    chain.tamper(idOf(at), 1, 5)
    await expect(readAll(vault, at, { cid: sample.root, ...SECOND }, { audit: true })).rejects.toMatchObject({ code: 'damaged' })
  })

  it('a gateway that ignores Range is not read past the span', async () => {
    const { chain, nodes, vault, journal } = await placed({ nodes: [{ rangeIgnored: true }] })
    const sample = await pack({ blocks: 60 })
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    const expected = sample.bytes.subarray(SECOND.offset, SECOND.offset + SECOND.length)
    expect((await readAll(vault, at, { cid: sample.root, ...SECOND })).equals(expected)).toBe(true)
    expect(nodes[0]?.bytesSent).toBeLessThan(sample.byteLength / 2)
  })

  it.each([
    ['a Content-Range that is not the one asked for', { wrongContentRange: true }],
    ['a page for everything', { html: true }],
    ['headers that never end', { slowHeadersMs: 100 }],
    ['that it is asked too often', { rateLimited: true }],
    ['403', { denied: true }],
  ])('a gateway that answers with %s is gone around', async (_, behaviour) => {
    const { chain, vault, nodes, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    const [first] = nodes
    if (first) Object.assign(first.behaviour, behaviour)
    const expected = sample.bytes.subarray(SECOND.offset, SECOND.offset + SECOND.length)
    for (const audit of [false, true])
      expect((await readAll(vault, at, { cid: sample.root, ...SECOND }, { audit })).equals(expected)).toBe(true)
    // What it sent was not taken, although it may have been right.
    expect(nodes[1]?.requests.map(({ path }) => path)).toContain(`/raw/${idOf(at)}`)
    expect(await vault.status(at)).toBe('held')
    expect(await vault.locate(sample.name)).toBe(at)
  })

  it('gateways that only refuse are no absence', async () => {
    const { chain, nodes, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    for (const { behaviour } of nodes) behaviour.denied = true
    for (const work of [vault.status(at), vault.locate(sample.name), readAll(vault, at, { cid: sample.root, ...SECOND })])
      await expect(work).rejects.toMatchObject({ code: 'denied' })
    expect((await shown(vault, at, sample))?.verdict).toBe('unproven')
  })

  it('hits of an index that are not ours, or of another pack, are believed for nothing', async () => {
    const { chain, vault, journal, nodes } = await placed()
    for (const { behaviour } of nodes) behaviour.listsForeign = true
    const other = newKey(2048)
    const sample = await pack()
    await chain.addData({
      data: Buffer.from('something else'),
      key: other,
      tags: [
        { name: 'App-Name', value: 'perdure' },
        { name: 'Pack-CID', value: sample.name.toString() },
        { name: 'Pack-Kind', value: 'content' },
      ],
    })
    expect(await vault.locate(sample.name)).toBeUndefined()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    expect(await vault.locate(sample.name)).toBe(at)
    const listed: string[] = []
    for await (const one of vault.list?.() ?? []) listed.push(one.at)
    expect(listed).toEqual([at])
  })

  it('a single gateway is believed for a claim, and proves no place in the chain', async () => {
    const { chain, vault, journal } = await placed({ nodes: [{}] })
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    expect(await vault.status(at)).toBe('held')
    expect(await shown(vault, at, sample)).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('by 1 gateway') })
  })

  it('an attestation is of the pack that was asked for', async () => {
    const { chain, vault, journal } = await placed()
    const sample = await pack()
    const at = await vault.put(sample, { journal })
    chain.mine(DEEP)
    const other = await pack({ seed: 'other' })
    expect(await shown(vault, at, other)).toMatchObject({ verdict: 'refuted', detail: expect.stringContaining('another pack') })
    const [, id, root] = at.split(':')
    const longer = `tx:${id}:${root}:${sample.byteLength + 1}`
    expect(await shown(vault, longer, sample)).toMatchObject({ verdict: 'refuted', detail: expect.stringContaining('other bytes') })
  })
})

describe('what no vault can be made of', () => {
  it.each([
    [{ gateways: [] }, /gateways.*is empty/],
    [{ gateways: ['ftp://x'] }, /by its origin/],
    [{ gateways: ['https://user:word@x.example'] }, /by its origin/],
    [{ gateways: ['https://x.example/path'] }, /origin of the gateway alone/],
    [{ gateways: ['https://x.example', 'https://x.example/'] }, /given twice/],
    [{ key: '' }, /key.*is missing/],
    [{ maxPrice: '-1' }, /maxPrice must be a sum/],
    [{ maxPrice: '1e3' }, /maxPrice must be a sum/],
    [{ maxPrice: '0.0000000000001' }, /maxPrice must be a sum/],
    [{ marginPercent: 101 }, /marginPercent/],
    [{ chunksInFlight: 0 }, /chunksInFlight/],
    [{ timeoutMs: 0.5 }, /timeoutMs/],
    [{ id: 'Ar' }, /vault id/],
    [{ bundler: { url: 'bundler' } }, /bundler\.url/],
    [{ bundler: { url: 'https://b.example', upToBytes: 2 ** 30 } }, /upToBytes/],
  ])('%o', async (options, message) => {
    const { restart } = await placed({ nodes: [{}] })
    expect(() => restart(options)).toThrow(
      expect.objectContaining({ name: 'VaultError', code: 'invalid', message: expect.stringMatching(message) }),
    )
  })

  it.each(['', 'tx', 'tx:short:short:1', `tx:${'a'.repeat(43)}:${'b'.repeat(43)}:-1`, `item:${'a'.repeat(43)}:5`, 'bucket/key'])(
    'the locator %j',
    async (at) => {
      const { vault } = await placed({ nodes: [{}] })
      await expect(vault.status(at)).rejects.toMatchObject({ code: 'invalid' })
    },
  )
})
