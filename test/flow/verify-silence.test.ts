import { describe, expect, it } from 'vitest'
import type { ObjectReport, ReplicaReport, Vault } from '../../src/contracts.ts'
import { contentOf, fleet, noise, only } from './house.ts'

const ofVault = (report: ObjectReport, id: string): ReplicaReport => only(report.replicas.filter(({ vault }) => vault === id))

const tree = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `file-${index}`, content: noise(2_000, `entry ${index}`) }))

/** A put tree of many blocks, and the span of one of them in vault b. */
async function stored(config: Parameters<typeof fleet>[1] = {}) {
  const made = await fleet(['a', 'b'], config)
  const { root } = await made.archive.put(tree(120))
  const bytes = made.members.b.store.get(only(contentOf(made.members.b))) ?? Buffer.alloc(0)
  const offset = Buffer.from(bytes).indexOf(noise(2_000, 'entry 77'))
  const { CID } = await import('multiformats/cid')
  const { addressOf, RAW } = await import('../../src/format/address.ts')
  const cid: InstanceType<typeof CID> = addressOf(noise(2_000, 'entry 77'), RAW)
  expect(offset).toBeGreaterThan(0)
  return { ...made, archive: made.archive, root, lost: { cid, offset, length: 2_000 } }
}

describe('silence', () => {
  it('of a whole vault is unreachable: neither intact nor damaged, and what it showed before is doubtful, not gone', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.hang = 'all'
    const report = await archive.verify(root, { sample: 4 })
    expect(report.state).toBe('unknown')
    expect(ofVault(report, 'b')).toMatchObject({ verdict: 'unreachable', retrieval: 'none', answered: 0, counts: true })
    expect(report.missing[0]?.reason).toMatch(/b: unreachable since/)
    members.b.faults.hang = undefined
    expect((await archive.verify(root, { sample: 4 })).state).toBe('satisfied')
  })

  it('never uses up tries when nothing else answers', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.unreachable = true
    for (let audit = 0; audit < 5; audit++) {
      expect(ofVault(await archive.verify(root, { sample: 2 }), 'b').verdict, `audit ${audit}`).toBe('unreachable')
    }
  })

  it('on exactly the lost spans is incomplete, and missing at the third audit, because the same spans are asked again', async () => {
    const { archive, members, root, lost } = await stored()
    members.b.faults.hang = [lost]
    expect(ofVault(await archive.verify(root, { sample: 1_000 }), 'b')).toMatchObject({ verdict: 'incomplete', retrieval: 'none' })
    // One draw of 121 blocks would hardly meet the lost one again by chance, twice.
    const second = await archive.verify(root, { sample: 1 })
    expect(ofVault(second, 'b')).toMatchObject({ verdict: 'incomplete' })
    expect(second.state).toBe('unknown')
    const third = await archive.verify(root, { sample: 1 })
    expect(ofVault(third, 'b')).toMatchObject({ verdict: 'missing', counts: false })
    expect(ofVault(third, 'b').detail).toMatch(/stayed silent while others answered/)
    expect(third.state).toBe('damaged')
    expect((await archive.verify(root, { sample: 1 })).state).toBe('damaged')
    members.b.faults.hang = undefined
    expect((await archive.verify(root, { sample: 1 })).state, 'it answers after all').toBe('satisfied')
  })

  it('that outlasts the grace is missing', async () => {
    const { archive, members, root, lost, clock } = await stored()
    members.b.faults.hang = [lost]
    await archive.verify(root, { sample: 1_000 })
    clock.advanceDays(2)
    expect(ofVault(await archive.verify(root, { sample: 1 }), 'b').verdict).toBe('incomplete')
    clock.advanceDays(1)
    expect(ofVault(await archive.verify(root, { sample: 1 }), 'b').verdict).toBe('missing')
  })

  it('broken by a refusal keeps its spans open: the next audit asks for them again', async () => {
    const { archive, members, root, lost } = await stored()
    members.b.faults.hang = [lost]
    expect(ofVault(await archive.verify(root, { sample: 1_000 }), 'b').verdict).toBe('incomplete')
    members.b.faults.denied = 0
    expect(ofVault(await archive.verify(root, { sample: 1 }), 'b').verdict).toBe('denied')
    members.b.faults.denied = undefined
    const after = await archive.verify(root, { sample: 1 })
    expect(ofVault(after, 'b').verdict).toBe('incomplete')
    expect(ofVault(await archive.verify(root, { sample: 1 }), 'b').verdict).toBe('missing')
  })

  it('of an answer that breaks off half-way is not wrong bytes', async () => {
    const { archive, members, root, lost } = await stored()
    members.b.faults.breakOff = { where: [lost], after: 100, times: 1_000 }
    expect(ofVault(await archive.verify(root, { sample: 1_000 }), 'b').verdict).toBe('incomplete')
  })

  it('of a vault that does not even heed its signal does not hold verify up', async () => {
    const { vaults, reopen, root } = await stored()
    const [a, b] = vaults
    if (!a || !b) expect.unreachable()
    const deaf: Vault = { ...b, read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }) }
    const archive = await reopen({ vaults: [a, deaf] })
    const report = await archive.verify(root, { sample: 2 })
    expect(ofVault(report, 'b').verdict).toBe('unreachable')
    expect(ofVault(report, 'a').verdict).toBe('intact')
  })

  it('is cut short where nothing answers at all: a dead vault costs a few time-outs, not one for every block', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.hang = 'all'
    const began = performance.now()
    const report = await archive.verify(root, { level: 'whole' })
    expect(ofVault(report, 'b')).toMatchObject({ verdict: 'unreachable', answered: 0 })
    expect(ofVault(report, 'b').asked).toBeLessThan(20)
    expect(performance.now() - began).toBeLessThan(10 * 200)
  })

  it('on the first and the last blocks does not make a vault look dead: others are asked too', async () => {
    const { archive, members, root, lost } = await stored({ timeoutMs: 40 })
    const end = members.b.store.get(only(contentOf(members.b)))?.byteLength ?? 0
    members.b.faults.hang = [
      { ...lost, offset: 0, length: 20_000 },
      { ...lost, offset: end - 20_000, length: 20_000 },
    ]
    const report = await archive.verify(root, { level: 'whole' })
    expect(ofVault(report, 'b')).toMatchObject({ verdict: 'incomplete', asked: 121 })
  })

  it('is not slowness: a vault that takes its time is intact', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.slow = 100
    expect((await archive.verify(root, { sample: 4 })).state).toBe('satisfied')
  })

  it('ends with the caller: an aborted verify rejects with the reason and records nothing', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.hang = 'all'
    const before = await archive.status(root)
    const verifying = archive.verify(root, { signal: AbortSignal.timeout(50) })
    await expect(verifying).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(ofVault(await archive.status(root), 'b')).toEqual(ofVault(before, 'b'))
  })
})

describe('denied', () => {
  it('midway is denied: not absent, not damaged, and nothing is uploaded for it', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.denied = 2
    const report = await archive.verify(root, { sample: 30 })
    expect(ofVault(report, 'b')).toMatchObject({ verdict: 'denied', counts: true })
    expect(report.state).toBe('unknown')
    const puts = [members.a.faults.calls.put, members.b.faults.calls.put]
    const repaired = await archive.repair(root)
    expect(repaired).toMatchObject({ state: 'unknown', actions: [] })
    expect([members.a.faults.calls.put, members.b.faults.calls.put]).toEqual(puts)
    members.b.faults.denied = undefined
    expect((await archive.verify(root)).state).toBe('satisfied')
  })

  it('stays denied when its evidence has lapsed: unknown, and still no upload', async () => {
    const { archive, members, root, clock } = await stored()
    members.b.faults.denied = 0
    clock.advanceDays(40)
    const puts = members.b.faults.calls.put
    const repaired = await archive.repair(root)
    expect(repaired).toMatchObject({ before: 'unknown', state: 'unknown', actions: [] })
    expect(ofVault(await archive.status(root), 'b')).toMatchObject({ verdict: 'denied', counts: false })
    expect(members.b.faults.calls.put).toBe(puts)
  })
})
