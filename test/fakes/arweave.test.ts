import { describe, expect, it } from 'vitest'
import { noise } from '../flow/house.ts'
import { arweaveChain } from './arweave/chain.ts'
import { headerOf, house, made, RICH, uploaded } from './arweave/house.ts'
import { b64url, CHUNK } from './arweave/library.ts'
import { isSigned, signed } from './arweave/signing.ts'

const THREE_CHUNKS = noise(2 * CHUNK + 100_000, 'three chunks')
const answer = async (response: Response) => [response.status, await response.text()]

describe('a fake Arweave node taking transactions', { timeout: 120_000 }, () => {
  it('carries the arweave package from price to confirmed data', async () => {
    const at = await house()
    const transaction = await made(at, THREE_CHUNKS, { tags: { 'Content-Type': 'application/x-noise' } })
    const uploader = await at.client.transactions.getUploader(transaction)
    while (!uploader.isComplete) await uploader.uploadChunk()
    expect(await at.client.transactions.getStatus(transaction.id)).toEqual({ status: 202, confirmed: null })
    at.chain.mine(3)
    const { confirmed } = await at.client.transactions.getStatus(transaction.id)
    expect(confirmed).toEqual({
      block_height: 1_600_001,
      block_indep_hash: at.chain.blockAt(1_600_001)?.indep_hash,
      number_of_confirmations: 3,
    })
    const there = await at.client.transactions.get(transaction.id)
    expect(await at.client.transactions.verify(there)).toBe(true)
    expect(THREE_CHUNKS.equals(await at.client.chunks.downloadChunkedData(transaction.id))).toBe(true)
    expect(await at.client.wallets.getBalance(at.key.address)).toBe(`${RICH - BigInt(transaction.reward)}`)
  })

  it('charges whole chunks, at a price that a test can change', async () => {
    const { chain, get } = await house({}, arweaveChain({ basePrice: 7n, pricePerChunk: 100n }))
    const price = async (bytes: number) => (await get(`/price/${bytes}`)).text()
    expect(await Promise.all([1, CHUNK, CHUNK + 1].map(price))).toEqual(['107', '107', '207'])
    chain.multiplier = 2
    expect(await answer(await get(`/price/1/${'a'.repeat(43)}`))).toEqual([200, '214'])
  })

  it('counts one payment for one transaction, however often it is posted', async () => {
    const at = await house()
    const transaction = await made(at, noise(1_000))
    expect(await answer(await at.post('/tx', headerOf(transaction)))).toEqual([200, 'OK'])
    expect(at.chain.balanceOf(at.key.address)).toBe(RICH)
    expect(await answer(await at.post('/tx', headerOf(transaction)))).toEqual([208, 'Transaction already processed.'])
    at.chain.mine()
    expect((await at.post('/tx', headerOf(transaction))).status).toBe(208)
    expect(at.chain.payments).toEqual([{ id: transaction.id, reward: BigInt(transaction.reward), owner: at.key.address }])
    expect(at.chain.balanceOf(at.key.address)).toBe(RICH - BigInt(transaction.reward))
  })

  it('answers a second post in other words once it is forgetful', async () => {
    const at = await house({ forgetsSeen: true })
    const transaction = await made(at, noise(1_000))
    await at.post('/tx', headerOf(transaction))
    expect(await answer(await at.post('/tx', headerOf(transaction)))).toEqual([400, 'Transaction is already in the mempool.'])
    at.chain.mine()
    expect(await answer(await at.post('/tx', headerOf(transaction)))).toEqual([400, 'Transaction is already on the weave.'])
    at.chain.mine(50)
    expect(await answer(await at.post('/tx', headerOf(transaction)))).toEqual([400, 'Invalid anchor (last_tx).'])
    expect(at.chain.payments).toHaveLength(1)
  })

  it('refuses what is not signed, underpaid, overspent or overtagged', async () => {
    const at = await house()
    const unverified = [400, 'Transaction verification failed.']
    const good = headerOf(await made(at, noise(1_000)))
    const bad = [
      { ...good, format: 1 },
      { ...good, id: b64url(noise(32)) },
      { ...good, reward: `${BigInt(good.reward) + 1n}` },
      { ...good, tags: [{ name: 'YQ', value: 'YQ' }] },
      { ...good, tags: 'none' },
      headerOf(await made(at, noise(1_000), { reward: `${at.chain.price(1_000) - 1n}` })),
      headerOf(await made(at, noise(1_000), { reward: `${RICH + 1n}` })),
      headerOf(await made(at, noise(1_000), { tags: { long: 'x'.repeat(2_045) } })),
    ]
    for (const body of bad) expect(await answer(await at.post('/tx', body))).toEqual(unverified)
    expect(await answer(await at.post('/tx', '{"format": 2'))).toEqual([400, 'Invalid JSON.'])
    expect((await at.post('/tx', headerOf(await made(at, noise(1_000), { tags: { long: 'x'.repeat(2_044) } })))).status).toBe(200)
    const rest = RICH - at.chain.promised(at.key.address)
    expect(await answer(await at.post('/tx', headerOf(await made(at, noise(9), { reward: `${rest + 1n}` }))))).toEqual(unverified)
    expect((await at.post('/tx', headerOf(await made(at, noise(9), { reward: `${rest}` })))).status).toBe(200)
  })

  it('takes an anchor among the newest 50 blocks, or the last transaction of the wallet', async () => {
    const at = await house()
    const anchor = await (await at.get('/tx_anchor')).text()
    expect(Buffer.from(anchor, 'base64url')).toHaveLength(48)
    const [first, late] = [await made(at, noise(1), { last_tx: anchor }), await made(at, noise(2), { last_tx: anchor })]
    at.chain.mine(44)
    expect((await at.post('/tx', headerOf(first))).status).toBe(200)
    at.chain.mine()
    expect(await answer(await at.post('/tx', headerOf(late)))).toEqual([400, 'Invalid anchor (last_tx).'])
    at.chain.mine(60)
    expect((await at.post('/tx', headerOf(await made(at, noise(3), { last_tx: first.id })))).status).toBe(200)
  })

  it('takes small data in the transaction itself, if it is split as everybody splits', async () => {
    const at = await house()
    const transaction = await made(at, noise(1_000))
    const other = { ...headerOf(transaction), data: b64url(noise(1_000, 'other')) }
    expect(await answer(await at.post('/tx', other))).toEqual([400, 'The attached data is split in an unknown way.'])
    expect((await at.post('/tx', transaction.toJSON())).status).toBe(200)
    at.chain.mine()
    expect(noise(1_000).equals(await at.client.chunks.downloadChunkedData(transaction.id))).toBe(true)
  })
})

describe('a fake Arweave node taking chunks', { timeout: 120_000 }, () => {
  it('proves every chunk and names what is wrong with it', async () => {
    const at = await house()
    const transaction = await made(at, THREE_CHUNKS)
    const chunk = transaction.getChunk(1, THREE_CHUNKS)
    const refusal = async (change: object) => (await (await at.post('/chunk', { ...chunk, ...change })).json()) as object
    expect(await refusal({})).toEqual({ error: 'data_root_not_found' })
    await at.post('/tx', headerOf(transaction))
    const flip = Buffer.from(chunk.chunk, 'base64url')
    flip[5] = (flip[5] ?? 0) ^ 1
    expect(await refusal({ chunk: b64url(flip) })).toEqual({ error: 'invalid_proof' })
    expect(await refusal({ chunk: b64url(flip.subarray(1)) })).toEqual({ error: 'invalid_proof' })
    expect(await refusal({ offset: '0' })).toEqual({ error: 'invalid_proof' })
    expect(await refusal({ data_path: transaction.getChunk(0, THREE_CHUNKS).data_path })).toEqual({ error: 'invalid_proof' })
    expect(await refusal({ data_size: '5' })).toEqual({ error: 'data_root_not_found' })
    expect(await refusal({ chunk: b64url(noise(CHUNK + 1)) })).toEqual({ error: 'chunk_too_big' })
    expect(await refusal({ data_path: b64url(noise(CHUNK + 1)) })).toEqual({ error: 'data_path_too_big' })
    expect(await refusal({ offset: `${2n ** 256n}` })).toEqual({ error: 'offset_too_big' })
    expect(await refusal({ data_size: `${2n ** 256n}` })).toEqual({ error: 'data_size_too_big' })
    expect(await refusal({ chunk: b64url(noise(9)) })).toEqual({ error: 'chunk_proof_ratio_not_attractive' })
    expect(await refusal({ chunk: 5 })).toEqual({ error: 'invalid_json' })
    expect((await at.post('/chunk', 'x'.repeat(900_000))).status).toBe(413)
    expect((await at.post('/chunk', chunk)).status).toBe(200)
  })

  it('refuses for a while, or keeps shortly, when told to', async () => {
    const at = await house({ refuseChunks: { error: 'exceeds_disk_pool_size_limit', times: 1 }, keepsChunksShortly: true })
    const transaction = await made(at, noise(1_000))
    await at.post('/tx', headerOf(transaction))
    const chunk = transaction.getChunk(0, noise(1_000))
    expect(await answer(await at.post('/chunk', chunk))).toEqual([400, '{"error":"exceeds_disk_pool_size_limit"}'])
    expect((await at.post('/chunk', chunk)).status).toBe(303)
  })

  it('gives the chunk of any offset inside it, once mined and while it is seeded', async () => {
    const at = await house()
    await at.chain.addData({ data: noise(5) })
    const { id } = await uploaded(at, THREE_CHUNKS)
    expect((await at.get(`/tx/${id}/offset`)).status).toBe(404)
    at.chain.mine()
    const { size, offset } = (await (await at.get(`/tx/${id}/offset`)).json()) as { size: string; offset: string }
    expect(size).toBe(`${THREE_CHUNKS.byteLength}`)
    const start = Number(offset) - Number(size) + 1
    const chunkAt = async (within: number) => {
      const response = await at.get(`/chunk/${start + within}`)
      return response.ok ? Buffer.from(((await response.json()) as { chunk: string }).chunk, 'base64url') : response.status
    }
    const second = THREE_CHUNKS.subarray(CHUNK, 2 * CHUNK)
    for (const within of [CHUNK, CHUNK + 77, 2 * CHUNK - 1]) expect(await chunkAt(within)).toEqual(second)
    expect(await chunkAt(2 * CHUNK)).toHaveLength(100_000)
    expect(await chunkAt(THREE_CHUNKS.byteLength)).toBe(404)
    at.chain.tamper(id, 1, 9)
    expect(((await chunkAt(CHUNK)) as Buffer)[1]).toBe((second[1] ?? 0) ^ 2)
    at.chain.unseed(id, 1)
    expect([await chunkAt(CHUNK), (await at.get(`/tx/${id}`)).status]).toEqual([404, 200])
    expect(await chunkAt(0)).toHaveLength(CHUNK)
    at.chain.unseed(id)
    expect(await chunkAt(0)).toBe(404)
  })
})

describe('a fake Arweave chain', { timeout: 120_000 }, () => {
  it('is one truth for several nodes', async () => {
    const at = await house()
    const other = await house({}, at.chain)
    const { id } = await uploaded(at, noise(1_000))
    expect(await answer(await other.get(`/tx/${id}`))).toEqual([202, 'Pending'])
    at.chain.mine()
    expect(await (await other.get(`/tx/${id}`)).json()).toMatchObject({ id, data: '', data_size: '1000', owner: at.key.jwk.n })
    expect(await answer(await other.get(`/tx/${b64url(noise(32))}/status`))).toEqual([404, 'Not Found.'])
    expect(await answer(await other.get(`/wallet/${b64url(noise(32))}/balance`))).toEqual([200, '0'])
  })

  it('links its blocks, and stamps them by a clock that can be off', async () => {
    const { chain, get } = await house()
    const id = await chain.addData({ data: noise(9) })
    const info = (await (await get('/info')).json()) as { height: number; current: string }
    expect(info).toMatchObject({ network: 'arweave.N.1', height: 1_600_001, blocks: 1_600_002 })
    const block = (await (await get(`/block/height/${info.height}`)).json()) as { previous_block: string; timestamp: number }
    expect(block).toMatchObject({ height: info.height, indep_hash: info.current, txs: [id], block_size: `${CHUNK}` })
    const before = await (await get(`/block/hash/${block.previous_block}`)).json()
    expect(before).toMatchObject({ height: 1_600_000, indep_hash: block.previous_block, txs: [] })
    expect((await get('/block/height/1600002')).status).toBe(404)
    chain.clockOffsetMs = 86_400_000
    chain.mine()
    expect((chain.blockAt(1_600_002)?.timestamp ?? 0) - block.timestamp).toBeGreaterThanOrEqual(86_399)
  })

  it('reorganises: other hashes, the money back, and the transaction waiting again or gone', async () => {
    const at = await house()
    const { id, reward } = await uploaded(at, noise(1_000))
    const status = async () => (await at.get(`/tx/${id}/status`)).status
    at.chain.mine(2)
    const hashes = () => [0, 1, 2].map((n) => at.chain.blockAt(1_600_000 + n)?.indep_hash)
    const before = hashes()
    at.chain.orphan(id)
    const after = hashes()
    expect(before.map((hash, n) => hash === after[n])).toEqual([true, false, false])
    expect([at.chain.blockAt(1_600_001)?.txs, at.chain.blockAt(1_600_002)?.previous_block]).toEqual([[], after[1]])
    expect([await status(), at.chain.balanceOf(at.key.address)]).toEqual([202, RICH])
    at.chain.mine()
    expect([await status(), at.chain.balanceOf(at.key.address)]).toEqual([200, RICH - BigInt(reward)])
    at.chain.orphan(id, { to: 'away' })
    expect([await status(), at.chain.payments.length]).toEqual([404, 1])
  })

  it('loses waiting transactions when told to, or when their anchor grows too old', async () => {
    const at = await house()
    const [dropped, old] = [await made(at, noise(1)), await made(at, noise(2))]
    for (const transaction of [dropped, old]) await at.post('/tx', headerOf(transaction))
    at.chain.drop(dropped.id)
    at.chain.mine(10, { empty: true })
    const statuses = () => Promise.all([dropped, old].map(async ({ id }) => (await at.get(`/tx/${id}/status`)).status))
    expect(await statuses()).toEqual([404, 202])
    at.chain.mine(40, { empty: true })
    expect(await statuses()).toEqual([404, 404])
    expect(at.chain.balanceOf(at.key.address)).toBe(RICH)
  })

  it('signs what it places with a key, and what it signs the package verifies', async () => {
    const at = await house()
    const id = await at.chain.addData({ data: noise(9), tags: [{ name: 'App', value: 'perdure' }], key: at.key })
    const there = await at.client.transactions.get(id)
    expect(await at.client.transactions.verify(there)).toBe(true)
    const { header } = await signed(at.key, { data: noise(9), reward: 5n })
    expect([await isSigned(header), await isSigned({ ...header, reward: '6' })]).toEqual([true, false])
    const forged = at.chain.sent.get(await at.chain.addData({ data: noise(9) }))
    expect(forged && (await isSigned(forged.header))).toBe(false)
  })
})
