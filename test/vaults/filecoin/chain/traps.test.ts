/** What fools whoever reads the chain without care, on a chain. Each naive verifier asks what one would try first, and is content. */
import { createPublicClient, http } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { collect } from '../../../../src/bytes/collect.ts'
import { samplePack } from '../../../../src/conformance/fixture.ts'
import type { Vault } from '../../../../src/contracts.ts'
import { filecoin } from '../../../../src/filecoin.ts'
import { chainReader } from '../../../../src/vaults/filecoin/chain/read.ts'
import { type At, parseLocator } from '../../../../src/vaults/filecoin/locator.ts'
import { type FakeProvider, type FilecoinHouse, startFilecoin } from '../../../fakes/filecoin/house.ts'

let house: FilecoinHouse
beforeAll(async () => {
  house = await startFilecoin({ providers: 0 })
  await house.settle()
}, 60_000)
afterAll(() => house.close())

const ON_ANY_CLOCK = { maxLagMs: Number.MAX_SAFE_INTEGER }

/** A pack at a provider of its own, so that nobody else's proofs are in its data set. */
async function stored(seed: string) {
  const provider = await house.addProvider()
  const { clientKey: key, rpc, chain } = house
  const vault = filecoin({ key, rpc, chain, providers: [provider.id], wait: async () => undefined, ...ON_ANY_CLOCK })
  const put = async (name: string) => {
    const pack = await samplePack({ seed: name })
    const locator = await vault.put(pack)
    return { pack, locator, at: parseLocator('filecoin', chain.id, locator) }
  }
  return { provider, vault, put, ...(await put(seed)) }
}

const attested = (vault: Vault, locator: string, name: Parameters<Vault['locate']>[0]) =>
  vault.attest?.(locator, { name, seed: new Uint8Array(32) })

const asked = <T>(contract: 'pdp' | 'fwssView', functionName: string, ...args: readonly unknown[]) =>
  house.reader.readContract({ ...house.chain.contracts[contract], functionName, args } as never) as Promise<T>

/** Begins the proving, and closes so many periods with a proof. */
async function proven(provider: FakeProvider, { dataSetId }: At, periods = 1): Promise<void> {
  await provider.nextPeriod(dataSetId)
  for (let period = 0; period < periods; period++) {
    expect(await provider.prove(dataSetId)).toBe(true)
    await provider.nextPeriod(dataSetId)
  }
}

async function pastDeadline({ dataSetId }: At): Promise<void> {
  const deadline = await asked<bigint>('fwssView', 'provingDeadline', dataSetId)
  await house.mine(Number(deadline - (await house.epoch())) + 1)
}

it('a last proven epoch that is not zero is no proof', async () => {
  const { vault, at, locator, pack } = await stored('no proof yet')
  const naive = (await asked<bigint>('pdp', 'getDataSetLastProvenEpoch', at.dataSetId)) > 0n
  expect(naive).toBe(true)
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('is new') })
})

it('a data set is live while its bytes are corrupt and its proof is overdue', async () => {
  const { vault, provider, at, locator, pack } = await stored('corrupt')
  await proven(provider, at)
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'proven' })
  const bytes = provider.pieces.get(`${at.cid}`)?.byteLength ?? 0
  // Five leaves are drawn, so every leaf is spoilt.
  for (let place = 0; place < bytes; place += 31) provider.corrupt(`${at.cid}`, place)
  expect(await provider.prove(at.dataSetId)).toBe(false)
  await pastDeadline(at)
  expect(await asked('pdp', 'dataSetLive', at.dataSetId)).toBe(true)
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('overdue') })
})

it('a period that is not proven is not due, or failed: only the deadline tells', async () => {
  const { vault, provider, at, locator, pack } = await stored('due')
  await proven(provider, at)
  const naive = async () =>
    (await asked('fwssView', 'provenThisPeriod', at.dataSetId)) || asked('fwssView', 'provenPeriods', at.dataSetId, 0n)
  expect(await asked('fwssView', 'provenThisPeriod', at.dataSetId)).toBe(false)
  expect([await naive(), (await attested(vault, locator, pack.name))?.verdict]).toEqual([true, 'proven'])
  await pastDeadline(at)
  expect([await naive(), (await attested(vault, locator, pack.name))?.verdict]).toEqual([true, 'unproven'])
})

it('a piece that was added since is active in a proven data set, and was never challenged', async () => {
  const { vault, provider, put, at } = await stored('first')
  await proven(provider, at)
  const second = await put('second')
  expect(second.at.dataSetId).toBe(at.dataSetId)
  const naive = await Promise.all([
    asked('pdp', 'pieceLive', at.dataSetId, second.at.pieceId),
    asked('fwssView', 'provenPeriods', at.dataSetId, 0n),
  ])
  expect(naive).toEqual([true, true])
  expect(await attested(vault, second.locator, second.pack.name)).toMatchObject({
    verdict: 'unproven',
    detail: expect.stringContaining('not yet among what is challenged'),
  })
})

it('a piece that is challenged from now on is in no proof of the period before', async () => {
  const { vault, provider, put, at, locator, pack } = await stored('older')
  await proven(provider, at)
  const younger = await put('younger')
  expect(await provider.prove(at.dataSetId)).toBe(true)
  await provider.nextPeriod(at.dataSetId)
  const naive = await Promise.all([
    asked('pdp', 'pieceChallengable', at.dataSetId, younger.at.pieceId),
    asked('fwssView', 'provenPeriods', at.dataSetId, 1n),
  ])
  expect(naive).toEqual([true, true])
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'proven' })
  expect(await attested(vault, younger.locator, younger.pack.name)).toMatchObject({
    verdict: 'unproven',
    detail: expect.stringContaining('no proof was made since the piece is among what is challenged'),
  })
  expect(await provider.prove(at.dataSetId)).toBe(true)
  expect(await attested(vault, younger.locator, younger.pack.name)).toMatchObject({ verdict: 'proven' })
  await provider.nextPeriod(at.dataSetId)
  expect(await attested(vault, younger.locator, younger.pack.name)).toMatchObject({ verdict: 'proven' })
})

/** A node that answers what it is asked of older blocks with that. */
const forgetting = (answer: () => Promise<Response>): typeof fetch => {
  let head: string | undefined
  return (async (input: Parameters<typeof fetch>[0], init: RequestInit) => {
    const { id, method, params } = JSON.parse(String(init.body))
    if (method === 'eth_call' && head !== undefined && params[1] !== head) {
      const said = await answer()
      return said.ok ? Response.json({ jsonrpc: '2.0', id, ...(await said.json()) }) : said
    }
    const response = await fetch(input, init)
    if (method === 'eth_getBlockByNumber') head = (await response.clone().json()).result.number
    return response
  }) as typeof fetch
}

it('a node that forgot the block of the last proof is said to have, and one that refuses is not believed', async () => {
  const { provider, at, locator, pack } = await stored('forgotten')
  await proven(provider, at)
  const { clientKey: key, rpc, chain } = house
  const vaultOf = (answer: () => Promise<Response>) => filecoin({ key, rpc, chain, fetch: forgetting(answer), ...ON_ANY_CLOCK })
  const says = (code: number) => async () => Response.json({ error: { code, message: 'no state for that height' } })
  expect(await attested(vaultOf(says(-32_000)), locator, pack.name)).toMatchObject({
    verdict: 'proven',
    detail: expect.stringContaining('does not remember whether of this piece'),
  })
  for (const answer of [says(-32_005), async () => new Response('', { status: 429 }), async () => new Response('', { status: 503 })])
    await expect(attested(vaultOf(answer), locator, pack.name)).rejects.toMatchObject({ code: 'unreachable' })
})

it('a block number that was kept makes an overdue proof look in time', async () => {
  const { vault, provider, at, locator, pack } = await stored('kept')
  await proven(provider, at)
  // As viem does by itself, for as long as a block takes.
  const client = createPublicClient({ chain: house.chain, transport: http(house.node), pollingInterval: 30_000 })
  const naive = async () => (await client.getBlockNumber()) <= (await asked<bigint>('fwssView', 'provingDeadline', at.dataSetId))
  expect(await naive()).toBe(true)
  expect((await attested(vault, locator, pack.name))?.verdict).toBe('proven')
  await pastDeadline(at)
  expect(await naive()).toBe(true)
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('overdue') })
})

it('a data set that was emptied and filled again keeps the marks of proofs of what was in it before', async () => {
  const { vault, provider, put, at, locator } = await stored('before')
  await proven(provider, at)
  await vault.remove?.(locator)
  await provider.prove(at.dataSetId)
  await provider.nextPeriod(at.dataSetId)
  const after = await put('after')
  expect(after.at.dataSetId).toBe(at.dataSetId)
  await provider.nextPeriod(at.dataSetId)
  // The first period of the second life is let pass.
  await pastDeadline(at)
  await provider.nextPeriod(at.dataSetId)
  expect(await asked('fwssView', 'provenPeriods', at.dataSetId, 0n)).toBe(true)
  expect(await attested(vault, after.locator, after.pack.name)).toMatchObject({
    verdict: 'unproven',
    detail: expect.stringContaining('closed last was not proven'),
  })
  expect(await provider.prove(at.dataSetId)).toBe(true)
  await provider.nextPeriod(at.dataSetId)
  expect(await attested(vault, after.locator, after.pack.name)).toMatchObject({ verdict: 'proven' })
})

/** The first block of a pack, from its provider. */
async function readFrom(vault: Vault, locator: string, pack: Awaited<ReturnType<typeof samplePack>>): Promise<Uint8Array> {
  const [span] = await pack.spans()
  if (!span) throw new Error('the pack is empty')
  return collect(vault.read(locator, span), span.length)
}

it('serves and does not prove: nothing is recorded as a fault, reads are fine, and the grade says that it is overdue', async () => {
  const { vault, provider, at, locator, pack } = await stored('serves')
  await proven(provider, at)
  Object.assign(provider.faults, { servesNotProves: true })
  await provider.prove(at.dataSetId)
  await pastDeadline(at)
  await provider.nextPeriod(at.dataSetId)
  const naive = (await house.events('FaultRecord')).filter(({ args }) => args.dataSetId === at.dataSetId)
  expect(naive).toEqual([])
  expect((await readFrom(vault, locator, pack)).byteLength).toBeGreaterThan(0)
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'unproven', detail: expect.stringContaining('overdue') })
})

it('proves and does not serve: the grade is proven, and reads say that it is absent', async () => {
  const { vault, provider, at, locator, pack } = await stored('proves')
  await proven(provider, at)
  Object.assign(provider.faults, { provesNotServes: true })
  await expect(readFrom(vault, locator, pack)).rejects.toMatchObject({ code: 'absent' })
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'proven' })
})

it('proves and refuses whoever reads: the grade is proven, and reads are denied', async () => {
  const { vault, provider, at, locator, pack } = await stored('refuses')
  await proven(provider, at)
  Object.assign(provider.faults, { refusesRetrieval: 403 })
  await expect(readFrom(vault, locator, pack)).rejects.toMatchObject({ code: 'denied' })
  expect(await attested(vault, locator, pack.name)).toMatchObject({ verdict: 'proven' })
})

it('a thousand pieces take at most twenty requests, those of the first question included', async () => {
  const { provider, at } = await stored('counted')
  await proven(provider, at)
  const { rpc, chain, clientAddress: payer } = house
  const reader = await chainReader({ id: 'filecoin', rpc, chain, payer, timeoutMs: 5_000, clock: Date.now, ...ON_ANY_CLOCK })
  house.proxy.reset()
  const before = house.proxy.requests
  const { wasProven, isProvenNow, pieces } = await reader.proofState(
    at.dataSetId,
    Array.from({ length: 1000 }, (_, n) => BigInt(n)),
  )
  expect([wasProven, isProvenNow, pieces.get(at.pieceId)?.wasChallenged]).toEqual([true, false, true])
  expect(house.proxy.requests - before).toBeLessThanOrEqual(20)
})
