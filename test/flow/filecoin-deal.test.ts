/** Deals that were made elsewhere, in an archive: what is counted, what is not, what is warned of and what is never taken for lost. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pieceOf } from '../../src/commp.ts'
import type { ArchiveConfig, WatchEvent } from '../../src/contracts.ts'
import { filecoinDeal } from '../../src/vaults/filecoin-deal.ts'
import { memory } from '../../src/vaults/memory.ts'
import { type FakeLotus, fakeLotus, GENESIS } from '../fakes/lotus.ts'
import { CLAIM, inDays, onChain, PROVIDER, SECTOR } from '../vaults/filecoin-deal/on-fake.ts'
import { house, noise, tempFolder } from './house.ts'

const PROVEN = { accept: ['proven'], maxAgeDays: 30 } as const

/** An object with one copy in memory, and the list of deals beside it, still empty. */
async function setUp(policy: ArchiveConfig['policy'] = { copies: 2, floor: 2, overrides: { 'filecoin-deal': PROVEN } }) {
  const lotus = await fakeLotus()
  onTestFinished(() => lotus[Symbol.asyncDispose]())
  lotus.epoch = Math.floor((Date.now() / 1000 - GENESIS) / 30)
  const path = join(await tempFolder(), 'deals.json')
  await writeFile(path, '[]')
  const store = memory({ id: 'm', operator: 'us' })
  const watcher = filecoinDeal({ rpc: lotus.url, deals: path, timeoutMs: 5_000, clock: () => (GENESIS + 30 * lotus.epoch) * 1000 })
  const { archive } = await house({ vaults: [store, watcher], policy, timeoutMs: 5_000 })
  const receipt = await archive.put(noise(100_000, 'dealt'), { until: 'accepted' })
  const { root } = receipt
  /** Somebody stores the pack at a provider, and adds the deal to the list. */
  const deal = async () => {
    const listed: object[] = []
    for await (const { name, at, byteLength, kind } of store.list?.() ?? []) {
      if (kind !== 'content') continue
      const { v1, pieceByteLength } = await pieceOf(store.read(at, { cid: name, offset: 0, length: byteLength }))
      onChain(lotus, { v1: v1.toString(), size: pieceByteLength })
      listed.push({ pack: name.toString(), pieceCid: v1.toString(), byteLength, claim: { provider: PROVIDER, id: CLAIM } })
    }
    await writeFile(path, JSON.stringify(listed))
  }
  const replicaOf = ({ replicas }: Awaited<ReturnType<typeof archive.verify>>) => replicas.find(({ vault }) => vault === 'filecoin-deal')
  return { archive, root, receipt, lotus, path, deal, replicaOf }
}

const sector = ({ sectors }: FakeLotus) => sectors.get(`${PROVIDER}/${SECTOR}`) ?? expect.unreachable('no sector')

describe('an archive with a deal that was made elsewhere', () => {
  it('is short of a copy until the deal is listed, and repair takes it on without a byte', async () => {
    const { archive, root, receipt, deal, replicaOf } = await setUp()
    expect(receipt).toMatchObject({ complete: false })
    const before = await archive.verify(root)
    expect(before.state).not.toBe('satisfied')
    expect(replicaOf(before)?.counts ?? false).toBe(false)
    await deal()
    await archive.repair(root)
    expect(replicaOf(await archive.status(root))).toMatchObject({ locator: expect.stringMatching(/^claim:f01234:5:baga/) })
    const after = await archive.verify(root)
    expect(replicaOf(after)).toMatchObject({ verdict: 'intact', possession: 'proven', retrieval: 'none', counts: true, bytesRead: 0 })
    expect(after.state).toBe('satisfied')
  })

  it('counts it by proof alone: where the policy wants bytes it is unproven, and not lost', async () => {
    const { archive, root, deal, replicaOf } = await setUp({ copies: 2, floor: 1 })
    await deal()
    await archive.repair(root)
    for (const options of [{}, { level: 'whole', cold: true }] as const) {
      const report = await archive.verify(root, options)
      expect(replicaOf(report)).toMatchObject({ verdict: 'unproven', possession: 'listed', counts: false })
      expect(report.state).toBe('unknown')
    }
  })

  it('takes no fault of the node and no faulty sector for a loss, and a terminated one for nothing else', async () => {
    const { archive, root, deal, lotus, replicaOf } = await setUp()
    await deal()
    await archive.repair(root)
    expect((await archive.verify(root)).state).toBe('satisfied')
    for (const fault of [{ type: 'status', status: 429 }, { type: 'status', status: 403 }, { type: 'html' }] as const) {
      lotus.fault = fault
      const { verdict = 'missing' } = replicaOf(await archive.verify(root)) ?? {}
      expect(['unreachable', 'denied']).toContain(verdict)
    }
    lotus.fault = undefined
    sector(lotus).state = 'faulty'
    expect(replicaOf(await archive.verify(root))?.verdict).not.toBe('missing')
    sector(lotus).state = 'terminated'
    const lost = await archive.verify(root)
    expect(replicaOf(lost)).toMatchObject({ verdict: 'missing', counts: false })
    expect(lost.state).not.toBe('satisfied')
    const { actions } = await archive.repair(root)
    expect(actions).toMatchObject([{ vault: 'filecoin-deal', outcome: 'failed', detail: expect.stringContaining('was terminated') }])
    sector(lotus).state = 'active'
    expect((await archive.verify(root)).state).toBe('satisfied')
  })

  it('is warned before the deal ends, with the date and where to renew it', async () => {
    const { archive, root, deal, lotus } = await setUp()
    await deal()
    await archive.repair(root)
    expect(await archive.renew(root)).toMatchObject({ actions: [], lasting: 1 })
    sector(lotus).expiration = inDays(lotus, 20)
    const ends = new Date((GENESIS + 30 * sector(lotus).expiration) * 1000).toISOString()
    expect((await archive.renew(root, { plan: true })).actions).toMatchObject([{ outcome: 'planned', from: ends }])
    const { actions } = await archive.renew(root)
    expect(actions).toMatchObject([
      { vault: 'filecoin-deal', outcome: 'failed', code: 'unsupported', from: ends, detail: expect.stringContaining('where it was made') },
    ])
    const events: WatchEvent[] = []
    await archive.watch({ once: true, onProgress: (event) => events.push(event) })
    expect(events).toContainEqual(expect.objectContaining({ type: 'renewal-missed', action: expect.objectContaining({ from: ends }) }))
  })
})
