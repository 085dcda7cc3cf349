import { describe, expect, it } from 'vitest'
import type { Profile } from '../../../src/contracts.ts'
import {
  corruptsLeaf,
  fetchesRootOnly,
  gatewayHangs,
  gatewaySendsHtml,
  type Lie,
  losesBlocks,
  losesShare,
  neverFetches,
  queuesForEver,
  unpinsButCaches,
} from '../../fakes/pinning/lies.ts'
import { pinningHouse } from '../../fakes/pinning-house.ts'
import { noise } from '../../flow/house.ts'

/** Over what is read back whole of any vault, in blocks of 256 KiB. */
const BYTES = 5 * 1024 * 1024

const atPins = <T extends { readonly vault: string }>({ replicas }: { readonly replicas: readonly T[] }) =>
  replicas.filter(({ vault }) => vault === 'ipfs')

describe('a service that says pinned is found out by the put itself when it', () => {
  const lies: readonly { readonly what: string; readonly lie: Lie; readonly verdict: string; readonly profile?: Profile }[] = [
    { what: 'never fetched a block', lie: neverFetches(), verdict: 'missing' },
    { what: 'fetched the root only', lie: fetchesRootOnly(), verdict: 'damaged' },
    // Leaves are raw in this profile only.
    { what: 'changed a leaf', lie: corruptsLeaf(), verdict: 'damaged', profile: 'unixfs-v1-2025' },
    { what: 'lost a single block', lie: losesBlocks(1), verdict: 'damaged' },
    { what: 'lost a tenth of the blocks', lie: losesShare(0.1), verdict: 'damaged' },
    { what: 'has a gateway that sends web pages', lie: gatewaySendsHtml(), verdict: 'unreachable' },
    { what: 'has a gateway that hangs', lie: gatewayHangs(), verdict: 'unreachable' },
  ]
  it.each(lies)('$what', async ({ lie, verdict, profile = 'unixfs-v0-2015' }) => {
    const { archive } = await pinningHouse(lie, {}, verdict === 'unreachable' ? { timeoutMs: 300 } : {})
    const receipt = await archive.put(noise(BYTES), { profile })
    expect(receipt.state).not.toBe('satisfied')
    expect(atPins(receipt)).toMatchObject([{ verdict, counts: false }])
    for (const level of ['sampled', 'whole'] as const) {
      const report = await archive.verify(receipt.root, { level })
      expect(report.state).not.toBe('satisfied')
      expect(atPins(report)).toMatchObject([{ verdict, counts: false }])
    }
    expect(receipt.replicas.filter(({ counts }) => counts)).toHaveLength(2)
  })
})

describe('a pin', () => {
  it('that stays in the queue is no copy, neither for put nor for verify', async () => {
    const { archive, pins } = await pinningHouse(queuesForEver(), { patienceMs: 2_000 })
    const receipt = await archive.put(noise(1000))
    expect(receipt.state).not.toBe('satisfied')
    expect(atPins(receipt).filter(({ counts }) => counts)).toEqual([])
    const report = await archive.verify(receipt.root)
    expect(report.state).not.toBe('satisfied')
    expect(atPins(report).filter(({ counts }) => counts)).toEqual([])
    expect(await pins()).toEqual([])
  })

  it('that the service dropped as soon as it had called it pinned is no copy, though its gateway has the blocks', async () => {
    const { archive, fake } = await pinningHouse(unpinsButCaches())
    const receipt = await archive.put(noise(1000))
    expect(fake.blocks.size).toBeGreaterThan(0)
    expect(receipt.state).not.toBe('satisfied')
    expect(atPins(receipt).filter(({ counts }) => counts)).toEqual([])
    expect(atPins(await archive.verify(receipt.root)).filter(({ counts }) => counts)).toEqual([])
  })

  it('that is dropped later is missing at the next audit, though a cache still shows every block, and repair pins it again', async () => {
    const { archive, fake, vault, pins } = await pinningHouse()
    const { root } = await archive.put(noise(BYTES), { profile: 'unixfs-v0-2015' })
    const kept = new Map(fake.blocks)
    await vault.remove?.(`ipfs:${root}`)
    for (const [key, block] of kept) fake.blocks.set(key, block)
    for (const level of ['sampled', 'whole'] as const) {
      const report = await archive.verify(root, { level })
      expect(atPins(report)).toMatchObject([{ verdict: 'missing', counts: false, detail: expect.stringContaining('out of a cache') }])
    }
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(await pins()).toMatchObject([{ status: 'pinned', pin: { cid: root } }])
  })
})
