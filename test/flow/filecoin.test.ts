import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { filecoin } from '../../src/filecoin.ts'
import { memory } from '../../src/vaults/memory.ts'
import { startFilecoin } from '../fakes/filecoin/house.ts'
import { bytesOf, house, noise } from './house.ts'

/** An archive of which one copy of two is on Filecoin. */
async function pieced(policy: object = {}) {
  const chain = await startFilecoin()
  onTestFinished(() => chain.close())
  await chain.settle()
  const vault = filecoin({
    key: chain.clientKey,
    rpc: chain.rpc,
    chain: chain.chain,
    maxLagMs: Number.MAX_SAFE_INTEGER,
    wait: async () => undefined,
  })
  const built = await house({
    vaults: [memory({ id: 'm', operator: 'us' }), vault],
    policy: { copies: 2, floor: 2, ...policy },
    timeoutMs: 20_000,
  })
  return { chain, vault, archive: built.archive }
}

const ofFilecoin = <R extends { readonly vault: string }>(replicas: readonly R[]): R | undefined =>
  replicas.find(({ vault }) => vault === 'filecoin')

/** Data set and piece CID of a locator. */
const partsOf = (locator = '') => {
  const [, dataSetId = '0', pieceId = '0', cid = ''] = locator.split(':')
  return { dataSetId: BigInt(dataSetId), pieceId: BigInt(pieceId), cid }
}

describe('an archive with a copy on Filecoin', () => {
  it('stores, proves, is damaged, caught and repaired from another vault', { timeout: 30_000 }, async () => {
    const startedAt = performance.now()
    const { chain, archive } = await pieced({
      floor: 1,
      overrides: { filecoin: { accept: ['sampled', 'whole', 'proven'], maxAgeDays: 30 } },
    })
    const bytes = noise(600_000, 'pieced')
    const { root, state } = await archive.put(bytes)
    expect(state).toBe('satisfied')

    const early = await archive.verify(root)
    expect(ofFilecoin(early.replicas)).toMatchObject({ verdict: 'intact', retrieval: 'sampled', counts: true })
    const { dataSetId, cid } = partsOf(ofFilecoin(early.replicas)?.locator)
    const provider = chain.providers.find(({ pieces }) => pieces.has(cid))
    if (!provider) return expect.fail('no provider has the piece')
    await provider.nextPeriod(dataSetId)
    expect(await provider.prove(dataSetId)).toBe(true)
    await provider.nextPeriod(dataSetId)
    expect(await provider.prove(dataSetId)).toBe(true)
    expect(ofFilecoin((await archive.verify(root)).replicas)).toMatchObject({ verdict: 'intact', possession: 'proven' })

    provider.corrupt(cid, 300_000)
    expect(await provider.prove(dataSetId)).toBe(false)
    const damaged = await archive.verify(root)
    expect(damaged.state).toBe('damaged')
    expect(ofFilecoin(damaged.replicas)).toMatchObject({ verdict: 'damaged', counts: false })

    const repaired = await archive.repair(root)
    expect(repaired).toMatchObject({ before: 'damaged', state: 'satisfied' })
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    expect(await bytesOf(archive.get(root))).toEqual(bytes)
    const seconds = (performance.now() - startedAt) / 1000
    console.info(`filecoin: the whole life took ${seconds.toFixed(1)} s`)
    expect(seconds).toBeLessThan(10)
  })

  it('is intact by its bytes and unproven while a provider serves and does not prove', { timeout: 30_000 }, async () => {
    const { chain, archive, vault } = await pieced({ overrides: { filecoin: { accept: ['proven'], maxAgeDays: 30 } } })
    const { root } = await archive.put(noise(300_000, 'unproven'), { until: 'accepted' })
    const { dataSetId, cid } = partsOf(ofFilecoin((await archive.status(root)).replicas)?.locator)
    const provider = chain.providers.find(({ pieces }) => pieces.has(cid))
    await provider?.nextPeriod(dataSetId)
    await chain.mine(100)
    const { replicas, state } = await archive.verify(root)
    expect(ofFilecoin(replicas)).toMatchObject({ verdict: 'intact', possession: 'listed', counts: false })
    const { name, at } = { name: CID.parse(ofFilecoin(replicas)?.pack ?? ''), at: ofFilecoin(replicas)?.locator ?? '' }
    const attested = await vault.attest?.(at, { name, seed: new Uint8Array(32) })
    expect(attested).toMatchObject({ verdict: 'unproven', detail: expect.stringMatching(/overdue: its deadline was block \d+/) })
    expect(state).not.toBe('satisfied')
  })

  it('is not intact while a provider proves and does not serve', { timeout: 30_000 }, async () => {
    const { chain, archive } = await pieced()
    const { root } = await archive.put(noise(300_000, 'unserved'), { until: 'accepted' })
    const { dataSetId, cid } = partsOf(ofFilecoin((await archive.status(root)).replicas)?.locator)
    const provider = chain.providers.find(({ pieces }) => pieces.has(cid))
    await provider?.nextPeriod(dataSetId)
    expect(await provider?.prove(dataSetId)).toBe(true)
    Object.assign(provider?.faults ?? {}, { provesNotServes: true })
    const { replicas } = await archive.verify(root)
    expect(ofFilecoin(replicas)).toMatchObject({ counts: false })
    expect(ofFilecoin(replicas)?.verdict).not.toBe('intact')
  })
})
