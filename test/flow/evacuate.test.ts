import { describe, expect, it } from 'vitest'
import type { EvacuateReport, Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'
import { all, bytesOf, contentOf, fleet, house, type Member, noise, only, spooled } from './house.ts'

const MIB = 1024 * 1024

const statesOf = async (archive: { objects(): AsyncIterable<{ root: string; state: string }> }) =>
  Object.fromEntries((await all(archive.objects())).map(({ root, state }) => [root, state]))

function damage(member: Member, at: number, locator = only(contentOf(member))): void {
  const bytes = member.store.get(locator)
  if (!bytes) throw new RangeError('nothing to damage')
  bytes.set([(bytes[at] ?? 0) ^ 1], at)
}

const indexOf = (member: Member) => [...member.store.keys()].filter((at) => at.startsWith('index/'))
const settledAll = ({ fates }: EvacuateReport) => fates.lost + fates.silent + fates.refused === 0

describe('evacuate', () => {
  it('gives everything a home elsewhere, shown by fresh evidence, and reports before and after', async () => {
    const { archive, members, clock, folder } = await fleet(['a', 'b', 'c'])
    const small = await archive.put(noise(1_000, 'small'))
    const large = await archive.put(noise(6 * MIB, 'large'))
    expect(small.replicas.map(({ vault }) => vault)).toEqual(['a', 'b'])
    clock.advanceDays(1)
    const report = await archive.evacuate('a')
    expect(report).toMatchObject({ state: 'left', fates: { safe: expect.any(Number), lost: 0, silent: 0, refused: 0 }, troubles: [] })
    expect(report.before).toMatchObject({ objects: 2, packs: 2, states: { satisfied: 2 } })
    expect(report.after).toMatchObject({ objects: 2, states: { satisfied: 2 } })
    expect(report.copiedBytes).toBeGreaterThan(6 * MIB)
    expect(contentOf(members.c).length).toBe(2)
    for (const { root } of [small, large]) {
      const { state, replicas } = await archive.status(root)
      expect(state).toBe('satisfied')
      expect(replicas.filter(({ counts }) => counts).map(({ vault }) => vault)).toEqual(['b', 'c'])
      expect(replicas.find(({ vault }) => vault === 'c')).toMatchObject({ verdict: 'intact' })
    }
    expect(await spooled(folder)).toEqual([])
    // Everything is there still: nobody asked to delete it.
    expect(contentOf(members.a).length).toBe(2)
    expect(report.remaining).toMatchObject([{ kept: 'until-removed', packs: expect.any(Number) }])
  })

  it('leaves every state as it is when the vault is then taken out of the configuration, and everything is readable', async () => {
    const world = await fleet(['a', 'b', 'c'])
    const roots: string[] = []
    for (let nth = 0; nth < 5; nth++) roots.push((await world.archive.put(noise(20_000 + nth, `${nth}`))).root)
    await world.archive.evacuate('a')
    const before = await statesOf(world.archive)
    expect(new Set(Object.values(before))).toEqual(new Set(['satisfied']))
    const archive = await world.reopen({ vaults: world.vaults.slice(1) })
    for await (const report of archive.verifyAll()) expect(report.state).toBe('satisfied')
    expect(await statesOf(archive)).toEqual(before)
    for (const [nth, root] of roots.entries()) expect((await bytesOf(archive.get(root))).equals(noise(20_000 + nth, `${nth}`))).toBe(true)
    const [repaired] = await all(archive.repairAll())
    expect(repaired?.actions).toEqual([])
  })

  it('with --plan says what would move and where to, and changes nothing', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(1_000))
    const before = await archive.status(root)
    const report = await archive.evacuate('a', { plan: true })
    expect(report).toMatchObject({ state: 'planned', plan: { copies: 1, standing: 1, unmet: [], stuck: { packs: 0 } } })
    expect(report.plan?.targets).toEqual(
      [{ vault: 'c', packs: 1, byteLength: expect.any(Number) }].map((target) => expect.objectContaining({ vault: target.vault })),
    )
    expect(contentOf(members.c)).toEqual([])
    expect(await archive.status(root)).toEqual(before)
    const receipt = await archive.put(noise(1_001, 'later'))
    expect(receipt.replicas.map(({ vault }) => vault)).toEqual(['a', 'b'])
  })

  it('refuses to begin when the others cannot meet the policy, says why, and moves what it can with degrade', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'], { policy: { copies: 3, floor: 2 } })
    const { root } = await archive.put(noise(1_000))
    await expect(archive.evacuate('a')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/copies: 3 copies wanted, 2 possible/),
    })
    expect((await archive.put(noise(2_000, 'x'))).replicas.map(({ vault }) => vault)).toEqual(['a', 'b', 'c'])
    const report = await archive.evacuate('a', { degrade: true })
    expect(report).toMatchObject({ state: 'left', after: { states: { degraded: 2 } } })
    expect((await archive.status(root)).state).toBe('degraded')
    expect(contentOf(members.a)).toHaveLength(2)
  })

  it('gives nothing new to a vault that is being left, from put or repair, until it is cancelled', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000))
    await archive.evacuate('a')
    const held = [...members.a.store.keys()]
    const { root, replicas } = await archive.put(noise(2_000, 'later'))
    expect(replicas.map(({ vault }) => vault)).toEqual(['b', 'c'])
    members.b.store.delete(only(contentOf(members.b).filter((at) => at.includes(replicas[0]?.pack ?? '?'))))
    await archive.repair(root)
    expect([...members.a.store.keys()]).toEqual(held)
    expect(archive.explain().vaults.find(({ id }) => id === 'a')).toMatchObject({ eligible: false })
    expect(await archive.evacuate('a', { cancel: true })).toMatchObject({ state: 'cancelled' })
    expect((await archive.put(noise(3_000, 'after'))).replicas.map(({ vault }) => vault)).toEqual(['a', 'b'])
  })

  it('re-homes index packs too, so that each of the others could rebuild the catalog', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000))
    const { root } = await archive.put(noise(2_000, 'forgotten'))
    await archive.rm(root)
    for (const at of indexOf(members.b)) members.b.store.delete(at)
    await archive.evacuate('a')
    expect(indexOf(members.b).length).toBeGreaterThan(0)
    expect(new Set(indexOf(members.b))).toEqual(new Set(indexOf(members.c)))
  })

  it('with remove deletes what lies there, and only after everything is safe', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(1_000))
    const report = await archive.evacuate('a', { remove: true })
    expect(report).toMatchObject({ state: 'left', remaining: [] })
    expect(report.removed.packs).toBeGreaterThan(0)
    expect([...members.a.store.keys()]).toEqual([])
    expect((await archive.status(root)).state).toBe('satisfied')
  })

  it('does not delete a copy whose others have been lost meanwhile, before it was told to', async () => {
    const { archive, members, clock } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(1_000))
    await archive.evacuate('a')
    for (const member of [members.b, members.c]) for (const at of contentOf(member)) member.store.delete(at)
    for (const member of [members.b, members.c]) member.faults.putFails = 1_000
    // The evidence lapses: nobody may rely on it any more.
    clock.advanceDays(40)
    const report = await archive.evacuate('a', { remove: true })
    expect(report.state).toBe('leaving')
    expect(contentOf(members.a)).toHaveLength(1)
    expect((await bytesOf(archive.get(root))).equals(noise(1_000))).toBe(true)
  })

  it.each([true, false])(
    'looks at the others once more before it deletes, however fresh what is known of them (they take it again: %s)',
    async (takes) => {
      const { archive, members } = await fleet(['a', 'b', 'c'])
      const { root } = await archive.put(noise(1_000))
      await archive.evacuate('a')
      for (const member of [members.b, members.c]) member.store.delete(only(contentOf(member)))
      if (!takes) for (const member of [members.b, members.c]) member.faults.putFails = 1_000
      const report = await archive.evacuate('a', { remove: true })
      expect(contentOf(members.a)).toHaveLength(takes ? 0 : 1)
      expect((await bytesOf(archive.get(root))).equals(noise(1_000))).toBe(true)
      if (takes) expect(report).toMatchObject({ state: 'left', remaining: [] })
      else expect(report.remaining).toMatchObject([{ reason: expect.stringMatching(/not shown to be intact now/) }])
    },
  )

  it('says what a vault keeps that does not delete, and for how long', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'], {
      profiles: { a: { term: 'perpetual', canForget: false, prices: { currency: 'AR', storagePerGiBOnce: 1 } } },
    })
    await archive.put(noise(1_000))
    members.a.faults.removesNothing = true
    const report = await archive.evacuate('a', { remove: true })
    expect(report).toMatchObject({
      state: 'left',
      removed: { packs: 0 },
      remaining: [{ kept: 'for-ever', reason: expect.stringMatching(/cannot delete/) }],
    })
  })

  it('notices a vault that says it deleted and did not', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000))
    members.a.faults.removesNothing = true
    const report = await archive.evacuate('a', { remove: true })
    expect(report.removed.packs).toBe(0)
    expect(report.remaining).toMatchObject([{ kept: 'until-removed', reason: expect.stringMatching(/says that it still has it/) }])
  })
})

it('nothing is read from a vault that was left, renewed in it, or brought to it, by verify or the watch', async () => {
  const { archive, members, clock } = await fleet(['a', 'b', 'c'])
  const { root } = await archive.put(noise(1_000))
  await archive.evacuate('a')
  const { read, put } = members.a.faults.calls
  clock.advanceDays(25)
  await all(archive.verifyAll())
  clock.advanceDays(25)
  await archive.watch({ once: true })
  expect(members.a.faults.calls).toMatchObject({ read, put })
  expect((await archive.status(root)).state).toBe('satisfied')
  expect((await archive.glance()).vaults.find(({ vault }) => vault === 'a')).toMatchObject({ leaving: 'left' })
})

describe('a vault that is dying while it is left', () => {
  it('is read only where nobody else has it', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(3 * MIB))
    members.a.faults.bytesRead = 0
    members.a.faults.unreachable = true
    const report = await archive.evacuate('a')
    expect(report.state).toBe('left')
    expect(members.a.faults.bytesRead).toBe(0)
    expect(contentOf(members.c)).toHaveLength(1)
  })

  it('is read first where it is the cheapest, and only then', async () => {
    const prices = (egressPerGiB: number) => ({ prices: { currency: 'USD', egressPerGiB } })
    for (const [here, there, reads] of [
      [0.01, 0.09, true],
      [0.09, 0.01, false],
      [0.09, 0.09, false],
    ] as const) {
      const { archive, members } = await fleet(['a', 'b', 'c'], { profiles: { a: prices(here), b: prices(there) } })
      await archive.put(noise(3 * MIB))
      members.a.faults.bytesRead = 0
      await archive.evacuate('a')
      expect(members.a.faults.bytesRead > MIB, `${here} beside ${there}`).toBe(reads)
    }
  })

  it('gives what it can; what nobody has is reported as lost there, with the objects concerned', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const kept = await archive.put(noise(1_000, 'kept'))
    const gone = await archive.put(noise(5_000, 'gone'))
    const of = (root: typeof gone, member: Member) => only(contentOf(member).filter((at) => at.includes(only(root.packs).name)))
    for (const { store } of [members.b]) store.delete(of(gone, members.b))
    await archive.verify(gone.root)
    damage(members.a, 2_000, of(gone, members.a))
    const report = await archive.evacuate('a', { remove: true })
    expect(report).toMatchObject({ state: 'leaving', fates: { lost: 1 }, removed: { packs: 0 } })
    expect(report.troubles).toMatchObject([
      { fate: 'lost', pack: only(gone.packs).name, roots: [gone.root], detail: expect.stringMatching(/no replica gave intact bytes/) },
    ])
    expect((await archive.status(kept.root)).replicas.filter(({ vault, counts }) => vault === 'c' && counts)).toHaveLength(1)
    expect(contentOf(members.a)).toHaveLength(2)
  })

  it('that stops answering half-way is gone on with when it answers again', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const receipts = []
    for (let nth = 0; nth < 4; nth++) receipts.push(await archive.put(noise(10_000 + nth, `${nth}`)))
    // Only a has what is to be moved.
    for (const at of contentOf(members.b)) members.b.store.delete(at)
    await all(archive.verifyAll())
    members.a.faults.hang = 'all'
    const first = await archive.evacuate('a')
    expect(first).toMatchObject({ state: 'leaving', fates: { silent: 4, lost: 0 } })
    members.a.faults.hang = undefined
    const second = await archive.evacuate('a')
    expect(second).toMatchObject({ state: 'left', troubles: [] })
    expect(second.after.states).toEqual({ satisfied: 4 })
  })

  it('may be gone from the configuration already', async () => {
    const world = await fleet(['a', 'b', 'c'])
    const { root } = await world.archive.put(noise(1_000))
    const archive = await world.reopen({ vaults: world.vaults.slice(1) })
    expect(await archive.evacuate('a')).toMatchObject({ state: 'left' })
    expect((await archive.status(root)).state).toBe('satisfied')
    await expect(archive.evacuate('nobody')).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('targets that fail', () => {
  it('a full one is passed over for the next best', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c', 'd'])
    await archive.put(noise(1_000))
    members.c.faults.putFails = 1_000
    const report = await archive.evacuate('a')
    expect(report.state).toBe('left')
    expect(contentOf(members.d)).toHaveLength(1)
  })

  it('without another one the vault is not let go, and the bytes that were got out of it are kept', async () => {
    const { archive, members, folder } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(1_000))
    members.b.store.delete(only(contentOf(members.b)))
    await archive.verify(root)
    for (const member of [members.b, members.c]) member.faults.putFails = 1_000
    const report = await archive.evacuate('a', { remove: true })
    expect(report).toMatchObject({ state: 'leaving', fates: { refused: expect.any(Number) } })
    expect(contentOf(members.a)).toHaveLength(1)
    expect((await spooled(folder)).some((name) => name.includes(only(contentOf(members.a)).split('/')[1] ?? '?'))).toBe(true)
    for (const member of [members.b, members.c]) member.faults.putFails = undefined
    expect((await archive.evacuate('a')).state).toBe('left')
    expect(await spooled(folder)).toEqual([])
  })

  it('one that takes it and gives other bytes back is not believed', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c', 'd'])
    await archive.put(noise(9_000))
    members.c.faults.flip = { where: 'all', offset: 5_000 }
    const report = await archive.evacuate('a')
    expect(contentOf(members.d)).toHaveLength(1)
    expect(settledAll(report)).toBe(true)
  })

  it('a vault that holds a copy and is silent is waited for where the floor holds without it', async () => {
    const { archive, members, clock } = await fleet(['a', 'b', 'c', 'd'], { policy: { copies: 3, floor: 1 } })
    await archive.put(noise(1_000))
    clock.advanceDays(40)
    members.b.faults.unreachable = true
    const report = await archive.evacuate('a')
    expect(report).toMatchObject({
      state: 'leaving',
      troubles: expect.arrayContaining([expect.objectContaining({ detail: expect.stringMatching(/b holds a copy and did not answer/) })]),
    })
    members.b.faults.unreachable = undefined
    expect((await archive.evacuate('a')).state).toBe('left')
  })
})

describe('beside others', () => {
  it('a second evacuation of the same vault is told that there is one', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000))
    members.c.faults.slow = 20
    const [one, other] = await Promise.allSettled([archive.evacuate('a'), archive.evacuate('a')])
    expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected'])
    expect([one, other].find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'busy' } })
  })

  it('two vaults may be left at once, and neither is a home for the other', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c', 'd'])
    for (let nth = 0; nth < 3; nth++) await archive.put(noise(1_000 + nth, `${nth}`))
    await Promise.all([archive.evacuate('a'), archive.evacuate('b')])
    expect((await archive.evacuate('a')).state).toBe('left')
    expect((await archive.evacuate('b')).state).toBe('left')
    expect(contentOf(members.c)).toHaveLength(3)
    expect(contentOf(members.d)).toHaveLength(3)
    expect((await all(archive.verifyAll())).map(({ state }) => state)).toEqual(['satisfied', 'satisfied', 'satisfied'])
  })

  it('a put that runs at the same time ends up where it belongs, and nothing of it is left behind', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000, 'before'))
    members.a.faults.slow = 5
    const puts = Array.from({ length: 6 }, (_, nth) => archive.put(noise(50_000 + nth, `beside ${nth}`)))
    const report = await archive.evacuate('a')
    const receipts = await Promise.all(puts)
    const again = report.state === 'left' ? await archive.evacuate('a') : await archive.evacuate('a')
    expect(again.state).toBe('left')
    for (const { root } of receipts) {
      const { state, replicas } = await archive.status(root)
      expect(state).toBe('satisfied')
      expect(replicas.filter(({ counts, vault }) => counts && vault !== 'a')).toHaveLength(2)
    }
    expect(contentOf(members.b)).toHaveLength(7)
    expect(contentOf(members.c)).toHaveLength(7)
  })

  it('goes on when an object is removed while its pack is on its way', async () => {
    const target = memory({ id: 'c', operator: 'operator-c' })
    let removed = 0
    const put: Vault['put'] = async (pack, options) => {
      if (pack.kind !== 'content' || pack.byteLength > 10_000) return target.put(pack, options)
      if (removed++ === 0) await archive.rm(root)
      throw new VaultError('exhausted', 'c', 'it is full')
    }
    const others = ['a', 'b', 'd'].map((id) => memory({ id, operator: `operator-${id}` }))
    const { archive } = await house({ vaults: [...others.slice(0, 2), { ...target, put }, ...others.slice(2)] })
    const { root } = await archive.put(noise(1_000, 'going'))
    const { root: other } = await archive.put(noise(50_000, 'staying'))
    const report = await archive.evacuate('a')
    expect(removed).toBe(1)
    expect(report).toMatchObject({ state: 'left', troubles: [] })
    await expect(archive.status(root)).rejects.toMatchObject({ code: 'unknown-root' })
    expect((await archive.status(other)).state).toBe('satisfied')
  })

  it('stops when it is told to, and goes on from there', async () => {
    const world = await fleet(['a', 'b', 'c'])
    for (let nth = 0; nth < 4; nth++) await world.archive.put(noise(1_000 + nth, `${nth}`))
    const stop = new AbortController()
    const onProgress = ({ type }: { type: string }) => {
      if (type === 'pack-settled') stop.abort(new DOMException('enough', 'AbortError'))
    }
    await expect(world.archive.evacuate('a', { signal: stop.signal, onProgress })).rejects.toMatchObject({ message: 'enough' })
    const puts = world.members.c.faults.calls.put ?? 0
    expect(puts).toBeGreaterThan(0)
    const report = await world.archive.evacuate('a')
    expect(report.state).toBe('left')
    expect(report.before.objects).toBe(4)
    expect(contentOf(world.members.c)).toHaveLength(4)
  })
})

it('headers of shredded objects, and packs that nothing needs, are not carried on', async () => {
  const { archive, members } = await fleet(['a', 'b', 'c'])
  const { root } = await archive.put(noise(1_000))
  members.a.faults.unreachable = true
  await archive.rm(root)
  members.a.faults.unreachable = undefined
  const report = await archive.evacuate('a', { remove: true })
  expect(report).toMatchObject({ state: 'left', fates: { unneeded: expect.any(Number) } })
  expect(contentOf(members.c)).toEqual([])
  expect(contentOf(members.a)).toEqual([])
})

it('a vault with the same operator is a home as good as the policy says', async () => {
  const store = new Map<string, Uint8Array>()
  const spare = faulty(memory({ id: 'spare', store, operator: 'operator-b' }), noFaults())
  const world = await fleet(['a', 'b'], { policy: { copies: 2, floor: 2 } })
  await world.archive.put(noise(1_000))
  const archive = await world.reopen({ vaults: [...world.vaults, spare] })
  await expect(archive.evacuate('a')).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/floor/) })
  expect(store.size).toBe(0)
})
