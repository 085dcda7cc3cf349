import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Archive, LogEntry } from '../../src/contracts.ts'
import { canonicalJson } from '../../src/format/log-entry.ts'
import { verifyReceipt } from '../../src/format/receipt.ts'
import { all, contentOf, type Fleet, fleet, house, type Member, noise, only } from './house.ts'
import { indexPacksIn, logIn } from './log-house.ts'

const kinds = async (archive: Archive) => (await all(archive.logEntries())).map(({ entry }) => entry.kind)
const texts = async (archive: Archive) => (await all(archive.logEntries())).map(({ entry }) => canonicalJson(entry))
const seventy = () => Array.from({ length: 70 }, (_, index) => ({ path: `${index}`, content: noise(10, `${index}`) }))
const logOf = ({ store }: Member, archive: Archive) => logIn(indexPacksIn(store), archive.publicKey)

describe('the log', () => {
  it('has an entry of every write, with the packs and the vaults that took them, and no name', async () => {
    const { archive } = await fleet(['a', 'b'])
    const receipt = await archive.put(noise(5_000), { name: 'secret-name.txt', mediaType: 'text/secret' })
    const { index, entry } = only(await all(archive.logEntries()))
    expect(index).toBe(0)
    expect(entry).toEqual({
      version: 1,
      kind: 'write',
      at: expect.stringMatching(/^2026-01-01T/),
      root: receipt.root,
      byteLength: 5_000,
      visibility: 'public',
      state: 'satisfied',
      packCount: 1,
      packs: receipt.packs.map(({ name }) => name),
      vaults: ['a', 'b'],
    })
    expect(JSON.stringify(await texts(archive))).not.toContain('secret')
  })

  it('has entries of repairs and removals in the order in which they came', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(100))
    members.b.store.delete(only(contentOf(members.b)))
    await archive.repair(root)
    expect((await archive.repair(root)).actions, 'nothing to do, nothing to enter').toEqual([])
    await archive.rm(root)
    const entries = (await all(archive.logEntries())).map(({ entry }) => entry)
    expect(entries.map(({ kind }) => kind)).toEqual(['write', 'repair', 'remove'])
    expect(entries[1]).toMatchObject({
      root,
      before: 'damaged',
      state: 'satisfied',
      actionCount: 1,
      actions: [{ vault: 'b', action: 'replace', outcome: 'repaired' }],
    })
  })

  it('takes a batch of puts in one go, and proves each of them in its receipt', async () => {
    const { archive } = await fleet(['a', 'b'])
    await archive.put(noise(10))
    const receipts = await archive.putAll(Array.from({ length: 30 }, (_, index) => ({ path: `${index}`, content: noise(50, `${index}`) })))
    expect(await kinds(archive)).toEqual(Array(31).fill('write'))
    expect(new Set(receipts.map(({ log }) => log?.index))).toEqual(new Set(Array.from({ length: 30 }, (_, index) => index + 1)))
    for (const receipt of receipts) {
      expect(receipt.log).toMatchObject({ size: 31, entry: { kind: 'write', root: receipt.root } })
      expect(await verifyReceipt(receipt, archive.publicKey)).toBe(true)
    }
    expect(await archive.verifyLog({ receipts })).toMatchObject({ valid: true, size: 31, faults: [] })
  })

  it('proves any entry in any later tree, and any beginning', async () => {
    const { archive } = await fleet(['a'], { policy: { copies: 1 } })
    for (let count = 0; count < 9; count++) await archive.put(noise(10, `${count}`))
    expect(await archive.proveInclusion(3, { size: 7 })).toMatchObject({ index: 3, size: 7, entry: { kind: 'write' } })
    expect((await archive.proveInclusion(8)).size).toBe(9)
    expect(await archive.proveConsistency(5)).toMatchObject({ size1: 5, size2: 9 })
    for (const wrong of [
      archive.proveInclusion(9),
      archive.proveInclusion(-1),
      archive.proveInclusion(7, { size: 7 }),
      archive.proveInclusion(0, { size: 10 }),
      archive.proveConsistency(10),
      archive.proveConsistency(0),
    ])
      await expect(wrong).rejects.toMatchObject({ code: 'bad-range' })
  })
})

describe('a receipt with a proof', () => {
  it('does not hold when its entry, its proof or its checkpoint is another one, even signed anew', async () => {
    const { archive, reopen } = await house()
    await archive.put(noise(10))
    const other = await archive.put(noise(20))
    const receipt = await archive.put(noise(30))
    const { log } = receipt
    if (!log || !other.log) expect.unreachable()
    expect(await verifyReceipt(receipt, archive.publicKey)).toBe(true)
    const { signReceipt } = await import('../../src/format/receipt.ts')
    const { archiveKey } = await import('../../src/flow/keys.ts')
    const key = await archiveKey(archive.path, () => new Uint8Array(32))
    const { signature: _, archive: __, ...statement } = receipt
    const signed = async (bent: object) =>
      verifyReceipt(await signReceipt({ ...statement, log: { ...log, ...bent } as typeof log }, key), archive.publicKey)
    expect(await signed({})).toBe(true)
    expect(await signed({ index: 1 })).toBe(false)
    expect(await signed({ size: 4 })).toBe(false)
    expect(await signed({ proof: log.proof.slice(1) })).toBe(false)
    expect(await signed({ entry: { ...log.entry, state: 'lost' } })).toBe(false)
    expect(await signed({ checkpoint: other.log.checkpoint })).toBe(false)
    expect(await signed({ ...other.log }), 'of another object').toBe(false)
    await reopen()
  })
})

describe('the log in the vaults', () => {
  it('is whole in every one of them after each put, in few index packs more than there are puts', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    for (let count = 1; count <= 67; count++) {
      await archive.put(noise(10, `${count}`))
      if (count % 30 !== 0 && count < 64) continue
      for (const member of [members.a, members.b]) {
        const found = await logOf(member, archive)
        expect(found.gap).toBeUndefined()
        expect(found.entries, `after ${count} puts`).toEqual(await texts(archive))
        expect(found.packs).toBeLessThanOrEqual(count + Math.ceil(count / 64))
      }
    }
    expect((await logOf(members.a, archive)).note).toBe(await archive.logCheckpoint())
  })

  it('is brought to where it lacks by publishLog, which does nothing when all have it', async () => {
    const { archive, members } = await fleet(['a', 'b'], { policy: { copies: 1 } })
    members.b.faults.unreachable = true
    await archive.putAll(seventy(), { until: 'accepted' })
    expect(await archive.publishLog()).toMatchObject({ size: 70, failed: ['b'] })
    members.b.faults.unreachable = undefined
    expect(await archive.publishLog()).toEqual({ size: 70, published: ['b'], failed: [] })
    expect((await logOf(members.b, archive)).entries).toEqual(await texts(archive))
    const before = [...members.a.store.keys(), ...members.b.store.keys()]
    expect(await archive.publishLog()).toEqual({ size: 70, published: [], failed: [] })
    expect([...members.a.store.keys(), ...members.b.store.keys()]).toEqual(before)
  })

  it('published alone, gives way to what is published next', async () => {
    const built = await fleet(['a', 'b'])
    const { archive, members } = built
    const { root } = await archive.put(noise(10))
    const count = () => indexPacksIn(members.a.store).length
    for (let round = 0; round < 5; round++) {
      await enter(built, { kind: 'audit', checks: 0, checksRoot: '', vaults: { a: { intact: round } }, surveys: [] })
      expect(await archive.publishLog()).toMatchObject({ published: ['a', 'b'] })
    }
    expect(count(), 'the record and the newest checkpoint').toBe(2)
    await archive.put(noise(10), { name: 'again' })
    expect(count(), 'the new record carries it').toBe(1)
    expect((await logOf(members.b, archive)).entries).toEqual(await texts(archive))
    expect(root).toBeDefined()
  })

  it('does not leave a vault that failed to take what supersedes it', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(10))
    members.b.faults.putFails = 1
    await archive.put(noise(10), { name: 'again' })
    expect((await logOf(members.a, archive)).size).toBe(2)
    expect((await logOf(members.b, archive)).size, 'the older one is all that it has').toBe(1)
    await archive.put(noise(10), { name: 'once more' })
    expect((await logOf(members.b, archive)).entries).toEqual(await texts(archive))
    expect(indexPacksIn(members.b.store)).toHaveLength(1)
  })

  it('stays whole in every vault, whichever of them fails meanwhile, once they could be reached', { timeout: 120_000 }, async () => {
    const step = fc.constantFrom('put', 'again', 'rm', 'repair', 'a down', 'b down', 'up', 'publish')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const built = await fleet(['a', 'b'], { policy: { copies: 1, floor: 1 } })
        const { archive, members } = built
        const roots: string[] = []
        for (const [index, one] of steps.entries()) await apply(built, { one, index, roots })
        members.a.faults.unreachable = undefined
        members.b.faults.unreachable = undefined
        await archive.publishLog()
        for (const member of [members.a, members.b]) expect((await logOf(member, archive)).entries).toEqual(await texts(archive))
        expect(await archive.checkHistory()).toMatchObject({ verdict: 'consistent' })
        expect(await archive.verifyLog()).toMatchObject({ valid: true })
        await archive.close()
      }),
      { numRuns: 15 },
    )
  })
})

async function apply(
  { archive, members }: Fleet<'a' | 'b'>,
  { one, index, roots }: { one: string; index: number; roots: string[] },
): Promise<void> {
  if (one === 'put') roots.push((await archive.put(noise(10, `${index}`), { until: 'accepted' })).root)
  const root = roots.at(-1)
  if (one === 'again' && root) await archive.putAll([{ path: 'x', content: noise(10, `${index} more`) }])
  if (one === 'rm' && root) await archive.rm(roots.pop() ?? '')
  if (one === 'repair' && root) await archive.repair(root)
  if (one.endsWith('down')) members[one === 'a down' ? 'a' : 'b'].faults.unreachable = true
  if (one === 'up') for (const member of [members.a, members.b]) member.faults.unreachable = undefined
  if (one === 'publish') await archive.publishLog()
}

/** Enters something that no verb here enters, as another part would. */
async function enter(
  built: Fleet<'a' | 'b'>,
  entry: Parameters<typeof import('../../src/flow/log.ts').appendLog>[1][number],
): Promise<void> {
  const { openCatalog } = await import('../../src/catalog/open.ts')
  const { appendLog } = await import('../../src/flow/log.ts')
  const catalog = await openCatalog({ path: join(built.folder, 'archive', 'catalog.sqlite') })
  await appendLog({ catalog, clock: built.clock }, [entry])
  await catalog.close()
}

/** The catalog of an archive as files that can be put back, with what lies beside it or alone. */
async function rollback(built: { readonly folder: string; readonly archive: Archive; reopen(): Promise<Archive> }) {
  const at = join(built.folder, 'archive', 'catalog.sqlite')
  await built.reopen()
  await cp(at, `${at}.old`)
  for (const end of ['-wal', '-shm']) await cp(`${at}${end}`, `${at}.old${end}`, { force: true }).catch(() => undefined)
  return async ({ whole = true } = {}) => {
    await built.archive.close()
    for (const end of ['', '-wal', '-shm']) await rm(`${at}${end}`, { force: true })
    if (whole) await rm(join(built.folder, 'archive', 'log.checkpoint'))
    for (const end of ['', '-wal', '-shm']) await cp(`${at}.old${end}`, `${at}${end}`).catch(() => undefined)
    return built.reopen()
  }
}

describe('a catalog that was put back to an older one', () => {
  it('is noticed by what the vaults hold, and by a checkpoint from outside; nothing is entered or published until the user acts', async () => {
    const built = await house()
    const { root } = await built.archive.put(noise(10))
    const putBack = await rollback(built)
    await built.archive.put(noise(20))
    await built.archive.put(noise(30))
    expect(await built.archive.checkHistory()).toMatchObject({ verdict: 'consistent', size: 3, vaults: [{ unknown: 0 }, { unknown: 0 }] })
    const outside = await built.archive.logCheckpoint()
    const archive = await putBack()
    const report = await archive.checkHistory()
    expect(report).toMatchObject({
      verdict: 'rolled-back',
      size: 1,
      vaults: [{ vault: 'a', verdict: 'rolled-back', listed: 3, unknown: 2 }, { vault: 'b' }],
    })
    expect(report.evidence.map(({ size }) => size)).toContain(3)
    expect(await archive.checkAgainst(outside)).toMatchObject({ verdict: 'rolled-back', size: 3 })
    const before = await texts(archive)
    const refused = { name: 'ArchiveError', code: 'rolled-back', message: expect.stringContaining('perdure recover') }
    await expect(archive.put(noise(40))).rejects.toMatchObject(refused)
    await expect(archive.putAll([{ path: 'x', content: noise(40) }])).rejects.toMatchObject(refused)
    await expect(archive.rm(root)).rejects.toMatchObject(refused)
    await expect(archive.repair(root)).rejects.toMatchObject(refused)
    await expect(archive.publishLog()).rejects.toMatchObject(refused)
    await expect(archive.renew()).rejects.toMatchObject(refused)
    expect(await texts(archive)).toEqual(before)
    expect(await all(archive.objects())).toHaveLength(1)
    expect((await archive.verify(root)).state, 'reading and verifying go on').toBe('satisfied')
  })

  it('alone is noticed before anything is entered, by the checkpoint beside it, and accepted when the user says so', async () => {
    const built = await fleet(['a', 'b'])
    await built.archive.put(noise(10))
    const putBack = await rollback(built)
    await built.archive.put(noise(20))
    const archive = await putBack({ whole: false })
    const asked = new Set(built.members.a.store.keys())
    await expect(archive.put(noise(30))).rejects.toMatchObject({ code: 'rolled-back', message: expect.stringContaining('2 entries') })
    expect(new Set(built.members.a.store.keys())).toEqual(asked)
    const { acceptHistory } = await import('../../src/flow/log-alarm.ts')
    const { openCatalog } = await import('../../src/catalog/open.ts')
    const catalog = await openCatalog({ path: join(built.folder, 'archive', 'catalog.sqlite') })
    await acceptHistory({ path: archive.path, catalog, clock: built.clock })
    await catalog.close()
    expect((await archive.put(noise(30))).state).toBe('satisfied')
    expect(await archive.checkHistory(), 'the vaults know better').toMatchObject({ verdict: 'forked' })
  })

  it('and wrote on since is a fork, which two signed checkpoints prove', async () => {
    const built = await house()
    await built.archive.put(noise(10))
    const putBack = await rollback(built)
    await built.archive.put(noise(20))
    const outside = await built.archive.logCheckpoint()
    const archive = await putBack()
    await archive.put(noise(30))
    expect(await archive.checkHistory()).toMatchObject({ verdict: 'forked', vaults: [{ verdict: 'forked' }, { verdict: 'forked' }] })
    expect(await archive.checkAgainst(outside)).toMatchObject({ verdict: 'forked', size: 2 })
    await expect(archive.put(noise(40))).rejects.toMatchObject({ code: 'forked' })
  })

  it('and wrote less than was lost is a fork as well, where the entries in the vaults reach back', async () => {
    const built = await house()
    await built.archive.put(noise(10))
    const putBack = await rollback(built)
    for (const seed of ['x', 'y', 'z']) await built.archive.put(noise(20, seed))
    const archive = await putBack()
    await archive.put(noise(30))
    expect(await archive.checkHistory()).toMatchObject({ verdict: 'forked' })
  })

  it('is restored from the vaults, entry for entry, and then goes on', async () => {
    const built = await fleet(['a', 'b'])
    await built.archive.put(noise(10))
    const putBack = await rollback(built)
    await built.archive.putAll(seventy())
    await built.archive.put(noise(20))
    const entries = await texts(built.archive)
    const found = await logOf(built.members.b, built.archive)
    const archive = await putBack()
    await archive.checkHistory()
    await restoreInto(built, found)
    expect(await texts(archive)).toEqual(entries)
    expect(await archive.verifyLog({ checkpoints: [found.note] })).toMatchObject({ valid: true, size: 72 })
    await archive.put(noise(99))
    expect(await texts(archive)).toHaveLength(73)
  })

  it('is not restored over other entries, nor from bent ones', async () => {
    const built = await fleet(['a', 'b'])
    await built.archive.put(noise(10))
    const putBack = await rollback(built)
    await built.archive.put(noise(20))
    const found = await logOf(built.members.b, built.archive)
    const archive = await putBack()
    const bent = { ...found, load: async (cid: unknown) => bend(await found.load(cid)) }
    await expect(restoreInto(built, bent)).rejects.toMatchObject({ code: expect.stringMatching(/hash-mismatch|malformed/) })
    expect(await texts(archive)).toHaveLength(1)
    await archive.put(noise(30))
    await expect(restoreInto(built, found)).rejects.toMatchObject({ code: 'forked' })
  })
})

const bend = (bytes: Uint8Array) => bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte))

async function restoreInto(built: Fleet<'a' | 'b'>, found: Awaited<ReturnType<typeof logIn>>): Promise<void> {
  const { openCatalog } = await import('../../src/catalog/open.ts')
  const { restoreLog } = await import('../../src/flow/log-restore.ts')
  const { fromMultikey } = await import('../../src/format/sign.ts')
  const catalog = await openCatalog({ path: join(built.folder, 'archive', 'catalog.sqlite') })
  try {
    await restoreLog({ catalog, clock: built.clock, publicKey: fromMultikey(built.archive.publicKey) }, found.chain, found.load)
  } finally {
    await catalog.close()
  }
}

describe('checkHistory', () => {
  it('says unknown when no vault answers, and consistent when one does', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(10))
    members.a.faults.unreachable = true
    expect(await archive.checkHistory()).toMatchObject({
      verdict: 'consistent',
      vaults: [{ verdict: 'unreachable' }, { verdict: 'consistent' }],
    })
    members.b.faults.unreachable = true
    expect(await archive.checkHistory()).toMatchObject({ verdict: 'unknown' })
    await archive.checkAgainst(await archive.logCheckpoint())
    expect(await kinds(archive)).toEqual(['write'])
  })

  it('passes over index packs of other archives, and over bytes that are none', async () => {
    const mine = await fleet(['a', 'b'])
    const other = await fleet(['a', 'b'])
    await mine.archive.put(noise(10))
    for (const seed of ['1', '2', '3']) await other.archive.put(noise(10, seed))
    for (const [at, bytes] of other.members.a.store) if (at.startsWith('index/')) mine.members.a.store.set(at, bytes)
    const [first = ''] = [...other.members.a.store.keys()].filter((at) => at.startsWith('index/'))
    mine.members.a.store.set(first, noise(300))
    expect(await mine.archive.checkHistory()).toMatchObject({
      verdict: 'consistent',
      vaults: [{ unknown: 3 }, { unknown: 0 }],
      evidence: [],
    })
  })

  it('finds a foreign checkpoint foreign, and raises no alarm for it', async () => {
    const mine = await fleet(['a', 'b'])
    const other = await fleet(['a', 'b'])
    await mine.archive.put(noise(10))
    await other.archive.put(noise(20))
    expect(await mine.archive.checkAgainst(await other.archive.logCheckpoint())).toMatchObject({ verdict: 'foreign' })
    expect(await mine.archive.checkAgainst('nonsense')).toMatchObject({ verdict: 'foreign' })
    await mine.archive.put(noise(30))
  })
})

it('a changed catalog is found by verifyLog: an entry flipped, dropped or moved', async () => {
  const { archive, folder } = await house()
  for (let count = 0; count < 5; count++) await archive.put(noise(10, `${count}`))
  const entries = (await all(archive.logEntries())).map(({ entry }) => entry)
  expect(await archive.verifyLog()).toMatchObject({ valid: true })
  const { default: Sqlite } = await import('better-sqlite3')
  const spoil = async (statement: string, back: string) => {
    const db = new Sqlite(join(folder, 'archive', 'catalog.sqlite'))
    db.exec(statement)
    const verdict = await archive.verifyLog()
    db.exec(back)
    db.close()
    return verdict.valid
  }
  const text = (entry: LogEntry | undefined) => `cast('${canonicalJson(entry)}' as blob)`
  const put = (index: number, entry: LogEntry | undefined) => `update log_entries set bytes = ${text(entry)} where position = ${index}`
  expect(await spoil(put(2, { ...entries[2], state: 'lost' } as LogEntry), put(2, entries[2]))).toBe(false)
  expect(await spoil(`${put(1, entries[2])};${put(2, entries[1])}`, `${put(1, entries[1])};${put(2, entries[2])}`)).toBe(false)
  expect(
    await spoil('update log_entries set position = 99 where position = 3', 'update log_entries set position = 3 where position = 99'),
  ).toBe(false)
  expect(await spoil("update log_nodes set hash = x'00' where level = 2", 'select 1')).toBe(false)
})
