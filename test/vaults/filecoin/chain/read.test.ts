import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../../src/conformance/fixture.ts'
import { filecoin } from '../../../../src/filecoin.ts'
import { chainReader } from '../../../../src/vaults/filecoin/chain/read.ts'
import { grade } from '../../../../src/vaults/filecoin/grade.ts'
import { parseLocator } from '../../../../src/vaults/filecoin/locator.ts'
import type { ChainReader } from '../../../../src/vaults/filecoin/port.ts'
import { type FilecoinHouse, startFilecoin } from '../../../fakes/filecoin/house.ts'

let house: FilecoinHouse
beforeAll(async () => {
  house = await startFilecoin()
  await house.settle()
})
afterAll(() => house.close())

const readerOf = (
  options: { readonly maxLagMs?: number; readonly clock?: () => number; readonly timeoutMs?: number } = {},
): Promise<ChainReader> =>
  chainReader({
    id: 'filecoin',
    rpc: house.rpc,
    chain: house.chain,
    payer: house.clientAddress,
    timeoutMs: 5_000,
    maxLagMs: Number.MAX_SAFE_INTEGER,
    clock: Date.now,
    ...options,
  })

/** A pack in a data set of ours, and its provider. */
async function stored(seed: string) {
  const vault = filecoin({
    key: house.clientKey,
    rpc: house.rpc,
    chain: house.chain,
    maxLagMs: Number.MAX_SAFE_INTEGER,
    wait: async () => undefined,
  })
  const pack = await samplePack({ seed })
  const at = parseLocator('filecoin', house.chain.id, await vault.put(pack))
  const provider = house.providers.find(({ pieces }) => pieces.has(`${at.cid}`))
  if (!provider) throw new Error('no provider has the piece')
  return { at, pack, provider, vault }
}

describe('the chain, read', () => {
  it('shows what was put: data set, piece, metadata, nonce', async () => {
    const { at, pack, provider } = await stored('read')
    const reader = await readerOf()
    const set = await reader.dataSet(at.dataSetId)
    expect(set).toMatchObject({
      id: at.dataSetId,
      providerId: provider.id,
      payer: house.clientAddress,
      endEpoch: 0n,
      metadata: { source: 'perdure' },
    })
    expect(await reader.createdBy(set?.clientDataSetId ?? 0n)).toBe(at.dataSetId)
    expect(await reader.createdBy(12345n)).toBeUndefined()
    expect(await reader.find(at.dataSetId, at.cid)).toContain(at.pieceId)
    expect((await reader.metadataOf(at.dataSetId, [at.pieceId])).get(at.pieceId)).toMatchObject({ perdurePack: `${pack.name}` })
    expect((await reader.dataSets()).map(({ id }) => id)).toContain(at.dataSetId)
    const pieces: bigint[] = []
    for await (const piece of reader.pieces(at.dataSetId)) pieces.push(piece.pieceId)
    expect(pieces).toContain(at.pieceId)
    expect(await reader.dataSet(999n)).toBeUndefined()
  })

  it('knows providers by the registry, and the price and the funds by the contracts', async () => {
    const reader = await readerOf()
    const providers = await reader.providers()
    expect(providers.map(({ id, url, isApproved }) => ({ id, url, isApproved }))).toEqual(
      house.providers.map(({ id, url }) => ({ id, url: url.replace(/\/$/, ''), isApproved: true })),
    )
    const price = await reader.price()
    expect(price.perTiBMonth > 0n && price.epochsPerMonth > 0n).toBe(true)
    const funds = await reader.funds()
    expect(funds).toMatchObject({ deposited: 100n * 10n ** 18n, decimals: 18, approval: { isApproved: true } })
    expect(funds.available <= funds.deposited).toBe(true)
  })

  it('grades a life: new, challenged, proven, overdue, removed', async () => {
    const { at, provider, vault } = await stored('graded')
    const reader = await readerOf()
    const gradeNow = async () => {
      const state = await reader.proofState(at.dataSetId, [at.pieceId])
      return { state, ...grade(state, { pieceId: at.pieceId, cid: at.cid, horizon: 10n }) }
    }
    expect(await gradeNow()).toMatchObject({ verdict: 'unproven', detail: expect.stringMatching(/not yet among what is challenged|new/) })
    await provider.nextPeriod(at.dataSetId)
    expect((await gradeNow()).verdict).not.toBe('refuted')
    for (let period = 0; period < 2; period++) {
      expect(await provider.prove(at.dataSetId)).toBe(true)
      await provider.nextPeriod(at.dataSetId)
    }
    const { verdict, detail, state } = await gradeNow()
    expect([verdict, detail]).toEqual(['proven', expect.stringContaining(`data set ${at.dataSetId}`)])
    expect(state.isProvenNow).toBe(false)
    await house.mine(Number(state.deadline - (await house.epoch())) + 1)
    expect(await gradeNow()).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('overdue') })
    // Only now does the chain record a fault: the silence before it was none.
    expect(await house.events('FaultRecord')).toEqual([])
    await provider.nextPeriod(at.dataSetId)
    expect(await house.events('FaultRecord')).not.toEqual([])
    expect(await gradeNow()).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('closed last was not proven') })
    await vault.remove?.(`${house.chain.id}:${at.dataSetId}:${at.pieceId}:${at.cid}:${at.byteLength}`)
    expect((await gradeNow()).detail).toContain('to be removed')
    await provider.nextPeriod(at.dataSetId)
    expect((await gradeNow()).verdict).toBe('refuted')
  })

  it('reads the proofs of a thousand pieces with at most twenty requests', { timeout: 30_000 }, async () => {
    const { at } = await stored('thousand')
    const reader = await readerOf()
    await reader.epoch()
    house.proxy.reset()
    const before = house.proxy.requests
    const ids = Array.from({ length: 1000 }, (_, n) => BigInt(n))
    const { pieces } = await reader.proofState(at.dataSetId, ids)
    expect(house.proxy.requests - before).toBeLessThanOrEqual(20)
    expect(pieces.size).toBe(1000)
    expect(pieces.get(at.pieceId)).toMatchObject({ isActive: true })
    expect(pieces.get(999n)).toMatchObject({ isActive: false, cid: undefined })
  })

  it('reads one block throughout, also while others are mined', async () => {
    const { at } = await stored('pinned')
    const reader = await readerOf()
    const [state] = await Promise.all([reader.proofState(at.dataSetId, [at.pieceId]), house.mine(3)])
    expect(state.epoch.number).toBeLessThanOrEqual(await house.epoch())
    expect((await reader.proofState(at.dataSetId, [at.pieceId])).epoch.number).toBe(await house.epoch())
  })
})

describe('a node that cannot be believed', () => {
  it('lags behind the clock, or is ahead of it', async () => {
    const { at } = await reader()
    const head = (await (await readerOf()).epoch()).at
    const behind = await readerOf({ maxLagMs: 600_000, clock: () => head + 601_000 })
    await expect(behind.epoch()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringMatching(/lags behind/) })
    const ahead = await readerOf({ maxLagMs: 600_000, clock: () => head - 601_000 })
    await expect(ahead.epoch()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringMatching(/ahead of the clock/) })
    const close = await readerOf({ maxLagMs: 600_000, clock: () => head + 599_000 })
    expect((await close.epoch()).at).toBe(at)
    // A hundred blocks of 30 seconds.
    house.proxy.lag = 100
    onTestFinished(() => house.proxy.reset())
    const lagging = await readerOf({ maxLagMs: 600_000, clock: () => head })
    await expect(lagging.proofState(1n, [0n])).rejects.toMatchObject({ code: 'unreachable' })
  })

  it.each([
    [401, 'denied'],
    [403, 'denied'],
    [429, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable'],
  ] as const)('answers with HTTP %s, which is %s and never absence', async (status, code) => {
    const { at } = await stored('refused')
    const reader = await readerOf()
    await reader.epoch()
    house.proxy.refuse = { status, times: 1_000, headers: { 'retry-after': '7' } }
    onTestFinished(() => house.proxy.reset())
    for (const asked of [
      () => reader.dataSet(at.dataSetId),
      () => reader.find(at.dataSetId, at.cid),
      () => reader.proofState(at.dataSetId, [0n]),
    ])
      await expect(asked()).rejects.toMatchObject({ code, ...(status === 429 && { retryAfterMs: 7_000 }) })
  })

  it('hangs up, or says nothing', async () => {
    const { at } = await stored('silent')
    const patient = await readerOf({ timeoutMs: 200 })
    await patient.epoch()
    house.proxy.cutAt = { request: 1, when: 'after' }
    onTestFinished(() => house.proxy.reset())
    await expect(patient.dataSet(at.dataSetId)).rejects.toMatchObject({ code: 'unreachable' })
    house.proxy.silent = true
    await expect(patient.dataSet(at.dataSetId)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('200 ms') })
  })

  it('speaks to another chain', async () => {
    house.proxy.lies.set('eth_chainId', '0x1')
    onTestFinished(() => house.proxy.reset())
    await expect((await readerOf()).epoch()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('chain 1,') })
  })

  it('gives up a call on the way, which is not absence either', async () => {
    const reader = await readerOf()
    const { at } = await stored('gave up')
    // aggregate3 with one result that failed and says nothing.
    const word = (value: number) => value.toString(16).padStart(64, '0')
    house.proxy.lies.set('eth_call', `0x${[0x20, 1, 0x20, 0, 0x40, 0].map(word).join('')}`)
    onTestFinished(() => house.proxy.reset())
    await expect(reader.dataSet(at.dataSetId)).rejects.toMatchObject({ code: 'unreachable' })
    house.proxy.lies.set('eth_call', '0x')
    await expect(reader.dataSet(at.dataSetId)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('stops when it is told to', async () => {
    const reader = await readerOf()
    const reason = new Error('enough')
    await expect(reader.epoch({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

it('is absent again after a reorganisation that drops the commit', async () => {
  await stored('before the fork')
  const fork = await house.reorg()
  const { at } = await stored('dropped')
  const reader = await readerOf()
  expect(await reader.find(at.dataSetId, at.cid)).not.toEqual([])
  await fork.undo()
  expect(await reader.find(at.dataSetId, at.cid)).toEqual([])
  const state = await reader.proofState(at.dataSetId, [at.pieceId])
  expect(grade(state, { pieceId: at.pieceId, cid: at.cid, horizon: 10n }).verdict).toBe('refuted')
})

async function reader() {
  return readerOf().then(async (own) => ({ at: (await own.epoch()).at }))
}
