import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import type { Context } from '../../src/flow/context.ts'
import { planDag } from '../../src/flow/dag-plan.ts'
import { toCID } from '../../src/format/address.ts'
import { memory } from '../../src/vaults/memory.ts'
import { dagHouse } from '../fakes/dag-house.ts'
import { dagKeeper, reachable } from '../fakes/dag-vault.ts'
import { all, house, noise } from './house.ts'
import { keyedFleet } from './sealed/shred-house.ts'

const MIB = 1024 * 1024

describe('removing from a vault that keeps DAGs', () => {
  it('unpins an object of several packs once, and nothing of it is left', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 1_500_000 })
    const { root, packs } = await archive.put(noise(4 * MIB))
    const report = await archive.rm(root)
    expect(report.kept).toEqual([])
    expect(report.removed.filter(({ vault }) => vault === 'ipfs')).toHaveLength(packs.length)
    expect(keeper.unpinned).toEqual([`ipfs:${root}`])
    expect(keeper.blocks.size).toBe(0)
  })

  it('keeps a root pinned while another object uses blocks of its packs, says so, and lets go with the last of them', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 1_500_000 })
    const old = noise(3 * MIB)
    const first = await archive.put(old)
    const second = await archive.put(Buffer.concat([old.subarray(0, MIB), noise(2 * MIB, 'more')]))
    const report = await archive.rm(first.root)
    expect(keeper.unpinned).toEqual([])
    const kept = report.kept.filter(({ vault }) => vault === 'ipfs')
    expect(kept.length).toBeGreaterThan(0)
    expect(kept[0]?.reason).toContain('other objects use blocks')
    expect((await archive.prune({ plan: true })).kept.filter(({ vault }) => vault === 'ipfs')).toHaveLength(kept.length)
    expect((await archive.verify(second.root, { level: 'whole' })).state).toBe('satisfied')
    reachable(keeper.blocks, keeper.pins)

    await archive.rm(second.root)
    const pruned = await archive.prune()
    expect(pruned.kept).toEqual([])
    expect(keeper.unpinned.toSorted()).toEqual([`ipfs:${first.root}`, `ipfs:${second.root}`].sort())
    expect(keeper.blocks.size).toBe(0)
  })

  it('keeps the directory around entries as long as one of them is there', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 700_000 })
    const entries = ['x', 'y', 'z'].map((path) => ({ path, content: noise(500_000, path) }))
    const [x, y, z] = await archive.putAll(entries)
    await archive.rm(x?.root ?? '')
    await archive.rm(y?.root ?? '')
    expect(keeper.unpinned).toEqual([])
    expect((await archive.verify(z?.root ?? '', { level: 'whole' })).state).toBe('satisfied')
    await archive.rm(z?.root ?? '')
    await archive.prune()
    expect(keeper.unpinned).toHaveLength(1)
    expect(keeper.blocks.size).toBe(0)
  })

  it('unpins what a put that died had pinned before the catalog knew', async () => {
    const { archive, keeper, folder } = await dagHouse()
    const { root } = await archive.put(noise(1000))
    await archive.close()
    const catalog = await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })
    for (const { pack } of await catalog.replicasIn('ipfs')) {
      await catalog.dropReplica(pack, 'ipfs')
      await catalog.intend(pack, 'ipfs', 1)
    }
    await catalog.close()
    const again = await house({
      vaults: [keeper.vault, memory({ id: 'a', operator: 'a' })],
      path: join(folder, 'archive'),
      policy: { copies: 1, floor: 1, distinct: {} },
    })
    await again.archive.rm(root)
    expect(keeper.unpinned).toEqual([`ipfs:${root}`])
  })
})

describe('repair of a vault that keeps DAGs', () => {
  it('brings the DAG once when blocks of several packs are gone, and is whole after it', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 1_500_000 })
    const { root, packs } = await archive.put(noise(4 * MIB))
    keeper.blocks.clear()
    const report = await archive.repair(root)
    expect(report.state).toBe('satisfied')
    expect(report.actions.filter(({ vault, outcome }) => vault === 'ipfs' && outcome === 'repaired')).toHaveLength(packs.length)
    expect(keeper.pushes).toHaveLength(2)
    expect(reachable(keeper.blocks, [root]).size).toBe(5)
  })

  it('brings one again although an entry of the directory around it was removed, as long as its blocks are there', async () => {
    const { archive, keeper } = await dagHouse()
    const [x, y] = await archive.putAll(['x', 'y'].map((path) => ({ path, content: noise(2_000_000, path) })))
    await archive.rm(x?.root ?? '')
    keeper.blocks.clear()
    expect((await archive.repair(y?.root ?? '')).state).toBe('satisfied')
    reachable(keeper.blocks, keeper.pins)
  })

  it('brings nothing of a DAG whose top went with its object, and says why', async () => {
    const keeper = dagKeeper()
    const plain = ['a', 'b'].map((id) => memory({ id, operator: id }))
    const built = await house({ vaults: plain, policy: { copies: 2, floor: 2, distinct: {} }, maxPackBytes: 1_500_000 })
    const old = noise(3 * MIB)
    const first = await built.archive.put(old)
    const second = await built.archive.put(Buffer.concat([old.subarray(0, MIB), noise(MIB, 'more')]))
    await built.archive.rm(first.root)
    const archive = await built.reopen({ vaults: [...plain, keeper.vault], policy: { copies: 3, floor: 2, distinct: {} } })
    const report = await archive.repair(second.root)
    expect(report.actions.filter(({ vault }) => vault === 'ipfs').map(({ outcome }) => outcome)).not.toContain('failed')
    expect(report.state).toBe('degraded')
    // What was put with the second object is a DAG, with what it borrows.
    expect(keeper.pushes.map(({ root }) => root)).toEqual([second.root])
    reachable(keeper.blocks, keeper.pins)
    const reasons = (await all(archive.verifyAll())).flatMap(({ missing }) => missing.map(({ reason }) => reason))
    expect(reasons.length).toBeGreaterThan(0)
  })
})

describe('an erasable object', () => {
  it('sends neither its headers nor the rest of its DAG to a vault that keeps DAGs', async () => {
    const keeper = dagKeeper({ id: 'pin' })
    const built = await keyedFleet(['a', 'b'])
    const archive = await built.reopen({
      vaults: [...built.vaults, keeper.vault],
      policy: { copies: 3, floor: 2, distinct: {}, erasable: { copies: 2, floor: 2 } },
    })
    const receipt = await archive.put(noise(3 * MIB), { erasable: true })
    expect(receipt.replicas.filter(({ vault }) => vault === 'pin')).toEqual([])
    expect([receipt.state, keeper.pushes.length, keeper.blocks.size]).toEqual(['degraded', 0, 0])
    expect((await archive.repair(receipt.root)).actions).toEqual([])
    await archive.put(noise(3 * MIB, 'other'))
    expect(keeper.pushes).toHaveLength(1)
  })

  it('has no DAG to hand out, whoever asks for it', async () => {
    const { archive, folder } = await keyedFleet(['a', 'b'])
    const { root } = await archive.put(noise(3 * MIB), { erasable: true })
    const catalog = await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })
    onTestFinished(() => catalog.close())
    const packs = await catalog.packsUnder(toCID(root))
    const [payload] = packs.filter(({ erasable }) => !erasable)
    if (!payload) throw new RangeError('there is no pack of payload')
    await expect(planDag({ catalog } as Partial<Context> as Context, payload)).rejects.toMatchObject({ code: 'erasable' })
  })
})
