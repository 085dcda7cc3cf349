import { describe, expect, it } from 'vitest'
import { memory } from '../../src/vaults/memory.ts'
import { idOf, type Place, placed } from '../vaults/arweave/on-fake.ts'
import { bytesOf, house, noise } from './house.ts'

const DEEP = 12

/** An archive of which one copy of two is on Arweave. */
async function chained(
  options: Parameters<typeof placed>[0] = {},
): Promise<Place & { readonly archive: Awaited<ReturnType<typeof house>>['archive'] }> {
  const place = await placed(options)
  const built = await house({
    vaults: [memory({ id: 'm', operator: 'us' }), place.vault],
    policy: { copies: 2, floor: 2 },
    timeoutMs: 20_000,
  })
  return { ...place, archive: built.archive }
}

const ofArweave = <R extends { readonly vault: string }>(replicas: readonly R[]): R | undefined =>
  replicas.find(({ vault }) => vault === 'arweave')

describe('an archive with a copy on Arweave', () => {
  it('counts it when it is deep and its chunks were shown, and not before', async () => {
    const { archive, chain } = await chained()
    const { root } = await archive.put(noise(600_000, 'chained'), { until: 'accepted' })
    const early = await archive.verify(root)
    expect(ofArweave(early.replicas)).toMatchObject({ verdict: 'pending', counts: false })
    expect(early.state).toBe('unknown')
    chain.mine(DEEP)
    const later = await archive.verify(root)
    expect(ofArweave(later.replicas)).toMatchObject({ verdict: 'intact', retrieval: 'sampled', counts: true })
    expect(later.state).toBe('satisfied')
    const { rows } = await archive.costs()
    const paid = rows.filter(({ vault, reported }) => vault === 'arweave' && reported.length > 0)
    expect(paid).toMatchObject([{ activity: 'put', reported: [{ currency: 'AR', amount: expect.any(Number) }] }])
    expect(paid[0]?.reported[0]?.amount).toBeCloseTo(Number(chain.payments[0]?.reward) / 1e12, 12)
  })

  it('takes it back when a reorganisation takes the transaction back, though its chunks are still served', async () => {
    const { archive, chain } = await chained({ nodes: [{ optimistic: true }, { optimistic: true }, { optimistic: true }] })
    const { root } = await archive.put(noise(600_000, 'reorganised'), { until: 'accepted' })
    chain.mine(DEEP)
    expect((await archive.verify(root)).state).toBe('satisfied')
    const at = ofArweave((await archive.status(root)).replicas)?.locator ?? ''
    chain.orphan(idOf(at))
    const after = await archive.verify(root)
    expect(ofArweave(after.replicas)?.verdict).toBe('pending')
    expect(after.state).toBe('unknown')
    chain.mine(DEEP)
    expect((await archive.verify(root)).state).toBe('satisfied')
  })

  it('counts by attestation alone where the policy wants that, and by nothing less', async () => {
    const place = await placed()
    const { archive } = await house({
      vaults: [memory({ id: 'm', operator: 'us' }), place.vault],
      policy: { copies: 2, floor: 2, overrides: { arweave: { accept: ['proven'], maxAgeDays: 30 } } },
      timeoutMs: 20_000,
    })
    const { root } = await archive.put(noise(600_000, 'attested'), { until: 'accepted' })
    place.chain.mine(5)
    expect(ofArweave((await archive.verify(root)).replicas)).toMatchObject({ counts: false })
    place.chain.mine(5)
    const { state, replicas } = await archive.verify(root)
    expect(ofArweave(replicas)).toMatchObject({ verdict: 'intact', possession: 'proven', counts: true })
    expect(state).toBe('satisfied')
  })

  it('repairs lost chunks without another payment, and everything comes back from there alone', async () => {
    const { archive, chain } = await chained()
    const bytes = noise(600_000, 'unseeded')
    const { root } = await archive.put(bytes, { until: 'accepted' })
    chain.mine(DEEP)
    expect((await archive.verify(root)).state).toBe('satisfied')
    const paid = chain.payments.length
    const at = ofArweave((await archive.status(root)).replicas)?.locator ?? ''
    chain.unseed(idOf(at))
    const { state, replicas } = await archive.verify(root)
    expect(ofArweave(replicas)?.verdict).toBe('missing')
    expect(state).not.toBe('satisfied')
    await archive.repair(root)
    expect((await archive.verify(root)).state).toBe('satisfied')
    expect(chain.payments).toHaveLength(paid)
    expect((await bytesOf(archive.get(root))).equals(bytes)).toBe(true)
  })
})
