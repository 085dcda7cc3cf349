import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CostsReport, VaultPrices } from '../../src/contracts.ts'
import { recordCost } from '../../src/flow/spending.ts'
import { all, bytesOf, contentOf, files, fleet, house, noise, only, spooled, tempFolder } from './house.ts'

const MIB = 1024 * 1024
const USD: VaultPrices = { currency: 'USD', storagePerGiBMonth: 0.02, egressPerGiB: 0.1, writesPerThousand: 5, readsPerThousand: 0.5 }
const priced = { a: { prices: USD }, b: { prices: { ...USD, currency: 'EUR' } } }
/** A vault that takes a dollar for each MiB, once. */
const DEAR: VaultPrices = { currency: 'USD', storagePerGiBOnce: 1024 }

const of = ({ rows }: CostsReport, vault: string, activity: string) =>
  only(rows.filter((row) => row.vault === vault && row.activity === activity))

describe('costs', () => {
  it('are what was measured at the vaults, by vault, month and activity, apart by currency', async () => {
    const { archive, members, clock } = await fleet(['a', 'b'], { profiles: priced })
    const { root } = await archive.put(noise(3 * MIB))
    const read = members.a.faults.bytesRead
    const put = of(await archive.costs(), 'a', 'put')
    expect(put.readBytes).toBe(read)
    expect(put.writes).toBe(members.a.faults.calls.put)
    expect(put.reads).toBe((members.a.faults.calls.read ?? 0) + (members.a.faults.calls.locate ?? 0) + (members.a.faults.calls.status ?? 0))
    expect(put.storedBytes).toBeGreaterThan(3 * MIB)
    expect(put.measured).toEqual([{ amount: expect.any(Number), currency: 'USD' }])
    clock.advanceDays(40)
    await archive.verify(root)
    await bytesOf(archive.get(root))
    const report = await archive.costs()
    expect(of(report, 'a', 'verify')).toMatchObject({ month: '2026-02', storedBytes: 0, writes: 0 })
    expect(report.rows.some(({ activity }) => activity === 'read')).toBe(true)
    expect(report.months.map(({ month }) => month)).toEqual(['2026-01', '2026-02'])
    expect(report.total.map(({ currency }) => currency)).toEqual(['EUR', 'USD'])
    expect(report.storagePerMonth).toHaveLength(2)
    expect((await archive.costs({ since: '2026-02' })).rows.every(({ month }) => month === '2026-02')).toBe(true)
    await expect(archive.costs({ since: 'soon' })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('are there after the archive was closed, and keep the prices of their time', async () => {
    const world = await fleet(['a', 'b'], { profiles: { a: { prices: DEAR } } })
    await world.archive.put(noise(MIB))
    const before = await world.archive.costs()
    const archive = await world.reopen()
    expect(await archive.costs()).toEqual(before)
    expect(only(of(before, 'a', 'put').measured).amount).toBeGreaterThan(1)
    expect(before.unpriced).toEqual(['b'])
  })

  it('count a refused put as requests, and nothing as stored', async () => {
    const { archive, members } = await fleet(['a', 'b'], { profiles: { a: { prices: DEAR } } })
    members.a.faults.denied = 0
    await archive.put(noise(MIB))
    const row = of(await archive.costs(), 'a', 'put')
    expect(row.storedBytes).toBe(0)
    expect(row.failed).toBeGreaterThan(0)
  })

  it('have what vaults say they charged beside what was measured', async () => {
    const world = await fleet(['a', 'b'])
    const charging = world.vaults.map((vault) =>
      vault.profile.id !== 'a'
        ? vault
        : {
            ...vault,
            put: async (...[pack, options]: Parameters<typeof vault.put>) => {
              options?.onCharge?.({ amount: '0.000000000000000003', currency: 'AR' })
              return vault.put(pack, options)
            },
          },
    )
    const archive = await world.reopen({ vaults: charging })
    await archive.put(noise(1_000))
    const puts = world.members.a.faults.calls.put ?? 0
    expect(of(await archive.costs(), 'a', 'put').reported).toEqual([{ amount: puts * 3e-18, currency: 'AR' }])
  })

  it('add up whatever is done at the same time', async () => {
    const { archive, members } = await fleet(['a', 'b'], { profiles: priced })
    const receipts = await Promise.all(Array.from({ length: 6 }, (_, nth) => archive.put(noise(30_000 + nth, `${nth}`))))
    await Promise.all([all(archive.verifyAll()), ...receipts.map(({ root }) => bytesOf(archive.get(root)))])
    const { rows } = await archive.costs()
    const sum = (pick: 'readBytes' | 'writes') => rows.filter(({ vault }) => vault === 'a').reduce((total, row) => total + row[pick], 0)
    expect(sum('readBytes')).toBe(members.a.faults.bytesRead)
    expect(sum('writes')).toBe(
      (members.a.faults.calls.put ?? 0) + (members.a.faults.calls.remove ?? 0) + (members.a.faults.calls.list ?? 0),
    )
  })

  it('of other verbs are noted by recordCost at the prices of now', async () => {
    const added: unknown[] = []
    const ledger = { record: (...given: unknown[]) => added.push(given), charge: (given: unknown) => added.push(given) }
    const context = { ledger, clock: () => 5, vaults: new Map([['a', { profile: { id: 'a', prices: USD } }]]) }
    recordCost(context as never, { vault: 'a', activity: 'survey', usage: { readBytes: 7 }, charged: { amount: '1', currency: 'FIL' } })
    expect(added).toEqual([['a', 'survey', { readBytes: 7 }, USD], { at: 5, vault: 'a', activity: 'survey', amount: '1', currency: 'FIL' }])
  })
})

describe('limits', () => {
  const limits = { perPut: { amount: 2.5, currency: 'USD' } }
  const dear = { a: { prices: DEAR } }

  it('stop a put before anything is sent; nothing is spent and nothing is lost', async () => {
    const world = await fleet(['a', 'b'], { profiles: dear, limits })
    const bytes = noise(3 * MIB)
    const refused = await world.archive.put(bytes).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'exhausted',
      limit: { limit: 'perPut', currency: 'USD', allowed: 2.5, needed: expect.closeTo(3, 1) },
    })
    expect([...world.members.a.store.keys(), ...world.members.b.store.keys()]).toEqual([])
    expect(world.members.a.faults.calls.put).toBeUndefined()
    expect((await world.archive.costs()).total).toEqual([])
    const { root } = only(await all(world.archive.objects()))
    expect((refused as Error).message).toContain(root)
    expect((await bytesOf(world.archive.get(root))).equals(bytes)).toBe(true)
    const archive = await world.reopen({ limits: { perPut: { amount: 4, currency: 'USD' } } })
    expect(await archive.put(bytes)).toMatchObject({ root, state: 'satisfied' })
  })

  it('let what is below them pass, also what a later put would add', async () => {
    const { archive } = await fleet(['a', 'b'], { profiles: dear, limits })
    expect((await archive.put(noise(2 * MIB))).state).toBe('satisfied')
    expect((await archive.put(noise(2 * MIB, 'other'))).state).toBe('satisfied')
  })

  it('hold for a repair, however urgent, which says what it needs and does what is free', async () => {
    const world = await fleet(['a', 'b', 'c'], { profiles: dear, policy: { copies: 3 } })
    const { root } = await world.archive.put(noise(3 * MIB))
    for (const id of ['a', 'b'] as const) world.members[id].store.delete(only(contentOf(world.members[id])))
    const archive = await world.reopen({ limits })
    await archive.verify(root)
    expect((await archive.repair(root, { plan: true })).exceeds).toMatchObject({ limit: 'perPut' })
    const report = await archive.repair(root)
    expect(report.exceeds).toMatchObject({ limit: 'perPut', needed: expect.closeTo(3, 1) })
    expect(report.actions.map(({ vault, outcome }) => [vault, outcome])).toEqual([
      ['b', 'repaired'],
      ['a', 'failed'],
    ])
    expect(contentOf(world.members.a)).toEqual([])
    // Nor does a put of the same go behind the limit.
    await archive.put(noise(3 * MIB)).catch((error: unknown) => expect(error).toMatchObject({ code: 'exhausted' }))
    expect(contentOf(world.members.a)).toEqual([])
    const richer = await world.reopen({ limits: { perPut: { amount: 4, currency: 'USD' } } })
    expect((await richer.repair(root)).state).toBe('satisfied')
  })

  it('hold where a vault has silently lost what it was believed to hold: that is not stored again on the side', async () => {
    const world = await fleet(['a', 'b'], { profiles: dear })
    await world.archive.put(noise(3 * MIB))
    world.members.a.store.delete(only(contentOf(world.members.a)))
    const archive = await world.reopen({ limits })
    expect(await archive.put(noise(3 * MIB))).toMatchObject({ complete: false })
    expect(contentOf(world.members.a)).toEqual([])
  })

  it('hold for an evacuation, before it begins', async () => {
    const { archive, members } = await fleet(['x', 'b', 'a'], { profiles: dear, limits: { perMonth: { amount: 1, currency: 'USD' } } })
    await archive.put(noise(2 * MIB))
    expect((await archive.evacuate('x', { plan: true })).plan).toMatchObject({
      exceeds: { limit: 'perMonth', needed: expect.closeTo(2, 1) },
      upFront: [{ currency: 'USD' }],
    })
    await expect(archive.evacuate('x')).rejects.toMatchObject({ code: 'exhausted', limit: { limit: 'perMonth' } })
    expect(contentOf(members.a)).toEqual([])
    // It has not begun: the vault still takes packs.
    expect((await archive.put(noise(1_000, 'later'))).replicas.map(({ vault }) => vault)).toContain('x')
  })

  it('hold for everything together, however many puts run at once', async () => {
    const { archive, members } = await fleet(['a', 'b'], { profiles: dear, limits: { perMonth: { amount: 3.5, currency: 'USD' } } })
    members.a.faults.slow = 5
    const puts = await Promise.allSettled(Array.from({ length: 8 }, (_, nth) => archive.put(noise(MIB, `${nth}`))))
    const refused = puts.filter(({ status }) => status === 'rejected')
    for (const one of refused) expect(one).toMatchObject({ reason: { code: 'exhausted', limit: { limit: 'perMonth' } } })
    const stored = [...members.a.store.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0)
    expect(stored).toBeLessThanOrEqual(3.5 * MIB)
    expect(puts.length - refused.length).toBe(3)
    expect(only((await archive.costs()).total).amount).toBeLessThanOrEqual(3.5)
    // What was reserved is free again: the next one is judged by what was spent.
    await expect(archive.put(noise(MIB, 'more'))).rejects.toMatchObject({ limit: { reserved: 0 } })
  })

  it('of the next month begin anew', async () => {
    const { archive, clock } = await fleet(['a', 'b'], { profiles: dear, limits: { perMonth: { amount: 1.5, currency: 'USD' } } })
    await archive.put(noise(MIB))
    await expect(archive.put(noise(MIB, 'second'))).rejects.toMatchObject({ code: 'exhausted' })
    clock.advanceDays(31)
    expect((await archive.put(noise(MIB, 'second'))).state).toBe('satisfied')
  })

  it('that speak of another currency than a vault are refused when the archive is opened', async () => {
    await expect(fleet(['a', 'b'], { profiles: priced, limits })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/EUR/),
    })
  })
})

describe('estimate', () => {
  it('of a public source counts what a put then stores, to the byte, and stores nothing', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'], { profiles: dearAndFree() })
    const source = await files(await tempFolder(), {
      'one.bin': noise(3 * MIB, 'one'),
      'same.bin': noise(3 * MIB, 'one'),
      'sub/two.txt': 'two',
    })
    const found = await archive.estimate(source)
    expect(found).toMatchObject({ files: 3, byteLength: 6 * MIB + 3, exact: true, unmet: [] })
    expect([await spooled(folder), members.a.store.size, await all(archive.objects())]).toEqual([[], 0, []])
    const receipt = await archive.put(source)
    expect(found.newBytes).toBe(receipt.packs.reduce((sum, { byteLength }) => sum + byteLength, 0))
    expect(found.packs).toBe(receipt.packs.length)
    const spent = only((await archive.costs()).total).amount
    // The index pack is estimated, the content is not.
    expect(only(found.upFront).amount).toBeGreaterThan(spent * 0.99)
    expect(only(found.upFront).amount).toBeLessThan(spent * 1.01)
    const again = await archive.estimate(source)
    expect(again).toMatchObject({ newBytes: 0, packs: 0, blocks: 0 })
  })

  it('by sizes alone is never less than what is stored', async () => {
    const { archive } = await fleet(['a', 'b'])
    const contents = Object.fromEntries(
      Array.from({ length: 60 }, (_, nth) => [`folder ${nth % 7}/file ${nth}`, noise(nth * 9_000, `${nth}`)]),
    )
    const source = await files(await tempFolder(), contents)
    const quick = await archive.estimate(source, { quick: true })
    const exact = await archive.estimate(source)
    expect(quick).toMatchObject({ exact: false, files: 60, byteLength: exact.byteLength })
    expect(quick.newBytes).toBeGreaterThanOrEqual(exact.newBytes)
    expect(quick.newBytes).toBeLessThan(exact.newBytes * 1.1)
    expect(quick.blocks).toBeGreaterThanOrEqual(exact.blocks)
  })

  it('of sealed content is an upper bound that is close', async () => {
    const { recipient, identity } = (await import('./sealed/keys.ts')).alice
    const { archive } = await fleet(['a', 'b'], { recipients: [recipient], identities: [identity] })
    const source = await files(await tempFolder(), { 'large.bin': noise(5 * MIB), 'a.txt': 'a', 'b/c.txt': 'c' })
    const found = await archive.estimate(source)
    const { packs } = await archive.put(source)
    const stored = packs.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(found.exact).toBe(false)
    expect(found.newBytes).toBeGreaterThanOrEqual(stored)
    expect(found.newBytes).toBeLessThan(stored * 1.02)
  })

  it('says which limit would forbid the put, and what the policy lacks', async () => {
    const { archive } = await fleet(['a', 'b'], {
      profiles: { a: { prices: DEAR } },
      policy: { copies: 3 },
      limits: { perPut: { amount: 1, currency: 'USD' } },
    })
    const found = await archive.estimate(noise(2 * MIB))
    expect(found).toMatchObject({ exceeds: { limit: 'perPut' }, unmet: [{ constraint: 'copies' }] })
    expect(found.vaults.find(({ vault }) => vault === 'b')).toMatchObject({ basis: 'unknown' })
  })

  it('asks vaults that quote, and goes by their prices when they do not answer', async () => {
    const world = await fleet(['a', 'b'], { profiles: { a: { prices: DEAR } } })
    const quoting = (answer: () => Promise<never> | Promise<{ amount: string; currency: string; per: 'once' }>) =>
      world.vaults.map((vault) => (vault.profile.id === 'a' ? { ...vault, quote: answer } : vault))
    const one = await world.reopen({ vaults: quoting(async () => ({ amount: '9', currency: 'USD', per: 'once' })) })
    expect((await one.estimate(noise(MIB))).vaults[0]).toMatchObject({ basis: 'quote', upFront: { storage: 9 } })
    const { VaultError } = await import('../../src/errors.ts')
    const silent = await world.reopen({ vaults: quoting(() => Promise.reject(new VaultError('unreachable', 'a', 'silence'))) })
    expect((await silent.estimate(noise(MIB))).vaults[0]).toMatchObject({ basis: 'prices', upFront: { storage: expect.closeTo(1, 1) } })
  })
})

function dearAndFree() {
  return { a: { prices: DEAR } }
}

it('a vault refuses prices that are none, and S3 packs in parts count as several requests', async () => {
  const { directory } = await import('../../src/vaults/directory.ts')
  const { s3 } = await import('../../src/vaults/s3.ts')
  for (const prices of [
    { currency: 'dollars' },
    { currency: 'USD', egress: 1 },
    { currency: 'USD', egressPerGiB: -1 },
    { currency: 'USD', egressPerGiB: Number.NaN },
    7,
  ])
    for (const make of [
      () => directory({ at: '/nowhere', prices: prices as never }),
      () => s3({ bucket: 'some-bucket', prices: prices as never }),
    ])
      expect(make).toThrow(expect.objectContaining({ code: 'invalid', message: expect.stringMatching(/prices/) }))
  expect(s3({ bucket: 'some-bucket', prices: USD }).profile).toMatchObject({ prices: USD, partBytes: 8 * MIB })
  const { folder } = await house()
  expect(await readdir(join(folder))).toContain('archive')
})
