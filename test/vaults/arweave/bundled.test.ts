import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { verifiedItem } from '../../../src/vaults/arweave/bundle/item.ts'
import { newKey } from '../../fakes/arweave/key.ts'
import { bundler as startBundler } from '../../fakes/bundler.ts'
import { DEEP, idOf, type Place, pack, placed, readAll } from './on-fake.ts'

const seed = randomBytes(32)

async function bundled(
  options: Parameters<typeof startBundler>[0] = {},
): Promise<Place & { readonly bundler: Awaited<ReturnType<typeof startBundler>> }> {
  const bundler = await startBundler({ freeBytes: 100_000, ...options })
  onTestFinished(() => bundler.close())
  const place = await placed({ bundler: { url: bundler.url } })
  return { ...place, bundler }
}

/** The bundler posts what it has, and everything is mined. */
async function posted({ chain, bundler }: Awaited<ReturnType<typeof bundled>>): Promise<string> {
  const items = [...bundler.items]
  const bundle = await chain.addData({
    data: bundler.bundle(),
    tags: [
      { name: 'Bundle-Format', value: 'binary' },
      { name: 'Bundle-Version', value: '2.0.0' },
    ],
    key: newKey(2048),
  })
  for (const [id, raw] of items) {
    const item = await verifiedItem(raw)
    if (item) chain.addItem({ id, bundle, data: item.data, tags: item.tags, owner: item.address })
  }
  chain.mine(DEEP)
  return bundle
}

const small = () => pack({ blocks: 3, blockLength: 2_000 })

describe('a small pack by way of a bundler', () => {
  it('costs nothing, is a claim until a bundle has it, and is then shown whole', async () => {
    const place = await bundled()
    const { vault, journal, chain, nodes } = place
    const sample = await small()
    const at = await vault.put(sample, { journal })
    expect(at).toMatch(/^item:/)
    expect(chain.payments).toHaveLength(0)
    expect(await vault.status(at)).toBe('settling')
    expect(await vault.attest?.(at, { name: sample.name, seed })).toMatchObject({
      verdict: 'unproven',
      detail: expect.stringContaining('no bundle has it yet'),
    })
    await posted(place)
    expect(await vault.status(at)).toBe('held')
    expect(await vault.attest?.(at, { name: sample.name, seed })).toMatchObject({
      verdict: 'proven',
      detail: expect.stringContaining('whole'),
    })
    const whole = { cid: sample.root, offset: 0, length: sample.byteLength }
    for (const audit of [false, true]) expect((await readAll(vault, at, whole, { audit })).equals(sample.bytes)).toBe(true)
    // Out of the bundle, no gateway needs to serve the item.
    for (const { behaviour } of nodes) behaviour.hides = [idOf(at)]
    expect((await readAll(vault, at, whole, { audit: true })).equals(sample.bytes)).toBe(true)
  })

  it('is found again by the wallet alone, and not signed twice', async () => {
    const place = await bundled()
    const { vault, journal, restart, bundler } = place
    const sample = await small()
    await vault.put(sample, { journal })
    await posted(place)
    const found = await restart().locate(sample.name)
    expect(idOf(found ?? '')).toBe([...bundler.items.keys()][0])
    const listed = []
    for await (const one of restart().list?.() ?? []) listed.push(one)
    expect(listed).toMatchObject([{ kind: 'content', byteLength: sample.byteLength }])
    expect(idOf(await restart().put(sample))).toBe([...bundler.items.keys()][0])
    expect(bundler.items.size).toBe(1)
  })

  it('is the same item after a lost answer', async () => {
    const { vault, journal, restart, bundler } = await bundled()
    const sample = await small()
    bundler.fault = { type: 'lost-answer' }
    await expect(vault.put(sample, { journal })).rejects.toMatchObject({ code: 'unreachable' })
    bundler.fault = undefined
    const at = await restart().put(sample, { journal })
    expect([...bundler.items.keys()]).toEqual([idOf(at)])
  })

  it('that was taken is not posted again while it may be on its way', async () => {
    const { vault, journal, bundler } = await bundled()
    const sample = await small()
    const at = await vault.put(sample, { journal })
    const posts = () => bundler.requests.filter(({ method }) => method === 'POST').length
    const before = posts()
    expect(await vault.put(sample, { journal, replace: true })).toBe(at)
    expect(posts()).toBe(before)
  })

  it('that no bundle ever has is absent after its deadline, and the same item is posted again', async () => {
    const { vault, journal, chain, bundler } = await bundled()
    const sample = await small()
    const at = await vault.put(sample, { journal })
    chain.mine(1_000)
    expect(await vault.status(at)).toBe('absent')
    expect(idOf(await vault.put(sample, { journal, replace: true }))).toBe(idOf(at))
    expect(bundler.items.size).toBe(1)
    expect(await vault.status(at)).toBe('absent')
    expect(await vault.attest?.(at, { name: sample.name, seed })).toMatchObject({
      verdict: 'refuted',
      detail: expect.stringContaining('is past'),
    })
  })

  it('whose bundle shows no header now is not absent, however late it is', async () => {
    const place = await bundled()
    const at = await place.vault.put(await small(), { journal: place.journal })
    const bundle = await posted(place)
    place.chain.mine(1_000)
    const failing: typeof fetch = async (input, init) =>
      `${input}`.endsWith(`/tx/${bundle}`) ? new Response('', { status: 503 }) : fetch(input, init)
    await expect(place.restart({ fetch: failing }).status(at)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await place.restart().status(at)).toBe('held')
  })

  it('with one bit flipped in the bundle is refuted', async () => {
    const place = await bundled()
    const sample = await small()
    const at = await place.vault.put(sample, { journal: place.journal })
    const raw = place.bundler.items.get(idOf(at))
    if (!raw) throw new RangeError('the bundler has no such item')
    raw.set([(raw.at(-1) ?? 0) ^ 1], raw.byteLength - 1)
    const bundle = await place.chain.addData({ data: place.bundler.bundle(), key: newKey(2048) })
    place.chain.addItem({ id: idOf(at), bundle, data: raw, owner: place.key.address })
    place.chain.mine(DEEP)
    expect(await place.vault.attest?.(at, { name: sample.name, seed })).toMatchObject({ verdict: 'refuted' })
  })

  it('larger than what is free becomes a transaction', async () => {
    const { vault, journal, chain, bundler } = await bundled({ freeBytes: 1_000 })
    expect(await vault.put(await small(), { journal })).toMatch(/^tx:/)
    expect(chain.payments).toHaveLength(1)
    expect(bundler.items.size).toBe(0)
  })
})
