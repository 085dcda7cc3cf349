/**
 * The Arweave vault against arlocal. Where arlocal is unlike a real node, the vault takes its answer for no answer, and the name of the test says so: what it
 * does with the right answer is tested on the fake.
 */
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Locator, Vault } from '../../src/contracts.ts'
import { arOf } from '../../src/vaults/arweave/amount.ts'
import { type ArweaveOptions, arweave, balanceOfWallet } from '../../src/vaults/arweave.ts'
import { newKey, type TestKey } from '../fakes/arweave/key.ts'
import { idOf, journalInMemory, pack, readAll } from '../vaults/arweave/on-fake.ts'
import { ARLOCAL, type ArlocalNode, startArlocal } from './arlocal-node.ts'

// The package is CommonJS that is a class.
const Arweave = createRequire(import.meta.url)('arweave') as typeof import('arweave')

const CHUNK = 256 * 1024
const AR = 10n ** 12n
const PATIENCE_MS = 300_000

describe.skipIf(ARLOCAL === '')('the Arweave vault on arlocal', { timeout: PATIENCE_MS }, () => {
  let node: ArlocalNode
  let key: TestKey

  beforeAll(async () => {
    key = newKey()
    node = await startArlocal()
    await node.mint(key.address, 10n * AR)
  }, PATIENCE_MS)
  afterAll(() => node?.close())

  /** arlocal numbers chunks as they arrive, so that they have to arrive in order. */
  const options = (more: Partial<ArweaveOptions> = {}): ArweaveOptions => ({
    key: { ...key.jwk },
    gateways: [node.origin],
    chunksInFlight: 1,
    timeoutMs: 60_000,
    wait: async () => undefined,
    ...more,
  })
  const balance = async () => BigInt((await node.ask(`/wallet/${key.address}/balance`)).text)
  const wholeOf = async (vault: Vault, at: Locator, byteLength: number, audit: boolean) =>
    readAll(vault, at, { cid: (await pack()).root, offset: 0, length: byteLength }, { audit })

  it('reads the balance, and offers the price with its margin', async () => {
    const before = await balance()
    await node.mint(key.address, AR + AR / 4n)
    const now = { vault: 'arweave', address: key.address, balance: arOf(before + AR + AR / 4n) }
    expect(await balanceOfWallet(options())).toEqual(now)
    expect((await node.ask('/price/1000000')).text).toBe('65595508000')
    expect(await arweave(options()).quote?.(1_000_000)).toEqual({ amount: '0.0721550588', currency: 'AR', per: 'once' })
  })

  it('pays for a pack once, and reads it whole by its chunks, since arlocal has no /raw', async () => {
    const vault = arweave(options())
    const sample = await pack({ seed: 'paid once' })
    const before = await balance()
    const charges: string[] = []
    const journal = journalInMemory()
    const at = await vault.put(sample, { journal, onCharge: ({ amount }) => charges.push(amount) })
    const paid = before - (await balance())
    expect(charges).toEqual([arOf(paid)])
    await node.mine(1)
    expect((await node.ask(`/raw/${idOf(at)}`)).status).toBe(404)
    for (const audit of [false, true]) expect((await wholeOf(vault, at, sample.byteLength, audit)).equals(sample.bytes)).toBe(true)
    expect(await vault.put(sample, { journal })).toBe(at)
    expect(before - (await balance())).toBe(paid)
  })

  it('holds it one block later than on a real node, whose first block counts, and has no word for it while it waits', async () => {
    const vault = arweave(options())
    const at = await vault.put(await pack({ seed: 'deep' }))
    // A real node says 202; this is 200 and text.
    expect(await node.ask(`/tx/${idOf(at)}/status`)).toEqual({ status: 200, text: 'Pending' })
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable' })
    await node.mine(1)
    expect(await vault.status(at)).toBe('settling')
    await node.mine(9)
    expect(await vault.status(at)).toBe('settling')
    await node.mine(1)
    expect(await vault.status(at)).toBe('held')
  })

  it('finds in its index what nobody remembers, lists it, and pays nothing again', async () => {
    const sample = await pack({ seed: 'forgotten' })
    const at = await arweave(options()).put(sample)
    await node.mine(1)
    const before = await balance()
    const vault = arweave(options())
    const listed = []
    for await (const { name, ...one } of vault.list?.({ kind: 'content' }) ?? []) listed.push({ name: `${name}`, ...one })
    expect(listed).toContainEqual({ name: `${sample.name}`, kind: 'content', at, byteLength: sample.byteLength })
    expect(await vault.put(sample)).toBe(at)
    expect(await balance()).toBe(before)
  })

  it('does not say where a pack is when only the first byte of a chunk leads to it, and says it when any byte does', async () => {
    const sample = await pack({ seed: 'located' })
    const at = await arweave(options()).put(sample)
    await node.mine(12)
    const { offset } = JSON.parse((await node.ask(`/tx/${idOf(at)}/offset`)).text) as { readonly offset: string }
    const start = Number(offset) - sample.byteLength + 1
    expect((await node.ask(`/chunk/${start}`)).status).toBe(200)
    expect((await node.ask(`/chunk/${start + sample.byteLength - 1}`)).status).toBe(204)
    await expect(arweave(options()).locate(sample.name)).rejects.toMatchObject({ code: 'unreachable' })
    const covering: typeof fetch = (input, init) => {
      const asked = /^(.*\/chunk\/)(\d+)$/.exec(`${input}`)
      return fetch(asked ? `${asked[1]}${start + Math.floor((Number(asked[2]) - start) / CHUNK) * CHUNK}` : input, init)
    }
    const vault = arweave(options({ fetch: covering }))
    expect(await vault.locate(sample.name)).toBe(at)
    expect(await vault.locate((await pack({ seed: 'never put' })).name)).toBeUndefined()
    // One gateway agrees only with itself.
    expect(await vault.attest?.(at, { name: sample.name, seed: new Uint8Array(32) })).toMatchObject({
      verdict: 'unproven',
      detail: expect.stringMatching(/\(provisional\), by 1 gateways; header: id, signature, owner and data root hold; seeded: (\d) of \1 /),
    })
  })

  it('calls a dropped transaction absent, and posts the same one again, though arlocal answers that with 404 and keeps it', async () => {
    const vault = arweave(options())
    const sample = await pack({ seed: 'dropped' })
    const journal = journalInMemory()
    const at = await vault.put(sample, { journal })
    const before = await balance()
    expect((await node.ask(`/tx/${idOf(at)}`, 'DELETE')).status).toBe(200)
    expect(await vault.status(at)).toBe('absent')
    // It forgets the transaction but not its tags, and fails over them when they come again. What is waiting now it tells with 200, as above.
    await expect(vault.put(sample, { journal, replace: true })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('nothing else was signed'),
    })
    expect((await node.ask(`/tx/${idOf(at)}/status`)).text).toBe('Pending')
    await node.mine(12)
    expect(await vault.put(sample, { journal, replace: true })).toBe(at)
    expect(await vault.status(at)).toBe('held')
    expect(await balance()).toBe(before)
  })

  it('is refused nothing when a chunk is not what its proof says, and finds it damaged by reading it', async () => {
    const sample = await pack({ seed: 'bogus' })
    let flipped = 0
    const flipping: typeof fetch = async (input, init) => {
      if (!`${input}`.endsWith('/chunk') || flipped++ !== 1) return fetch(input, init)
      const body = (await new Response(init?.body ?? null).json()) as { readonly chunk: string }
      const chunk = `${body.chunk.startsWith('A') ? 'B' : 'A'}${body.chunk.slice(1)}`
      return fetch(input, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...body, chunk }) })
    }
    const at = await arweave(options({ fetch: flipping })).put(sample)
    expect(flipped).toBe(Math.ceil(sample.byteLength / CHUNK))
    await node.mine(1)
    for (const audit of [false, true])
      await expect(wholeOf(arweave(options()), at, sample.byteLength, audit)).rejects.toMatchObject({ code: 'damaged' })
  })

  it('posts what the arweave package reads from there and verifies, data and all', async () => {
    const sample = await pack({ seed: 'verified' })
    const at = await arweave(options()).put(sample)
    await node.mine(1)
    const { hostname, port } = new URL(node.origin)
    const client = Arweave.init({ host: hostname, port, protocol: 'http' })
    const transaction = await client.transactions.get(idOf(at))
    expect(Buffer.from(transaction.data).equals(sample.bytes)).toBe(true)
    expect(await client.transactions.verify(transaction)).toBe(true)
    expect(await client.wallets.ownerToAddress(transaction.owner)).toBe(key.address)
    transaction.reward = `${BigInt(transaction.reward) + 1n}`
    expect(await client.transactions.verify(transaction)).toBe(false)
  })
})
