import Sqlite from 'better-sqlite3'
import { CompiledQuery } from 'kysely'
import { expect, it } from 'vitest'
import { connect } from '../../src/catalog/sqlite.ts'
import { block, putOne, staged } from '../../src/conformance/catalog-fixtures.ts'
import { child, freshPath, open } from './fixtures.ts'

it('a process killed in the middle of many puts leaves whole objects, and staged packs that can be dropped', async () => {
  const path = await freshPath()
  for (let round = 0; round < 3; round++) {
    const writer = child('writer.ts', [path, `round ${round}`, '100000'])
    const printed: string[] = []
    for (let lines = 0; lines < 5 + 7 * round; lines++) printed.push(await writer.line())
    await new Promise((resolve) => setTimeout(resolve, 3 * round))
    writer.kill()
    expect(await writer.ended).toBe('SIGKILL')
    const catalog = await open({ path })
    const known = new Set((await catalog.objects()).map(({ root }) => root.toString()))
    for (const root of printed) expect(known).toContain(root)
    for (const { id, blockCount } of await catalog.objects()) {
      expect(blockCount).toBe(80)
      const packs = await catalog.packsOf(id)
      expect(packs).toHaveLength(2)
      for (const pack of packs) expect(await catalog.tocOf(pack.id)).toBeInstanceOf(Uint8Array)
    }
    expect(await catalog.packs()).toHaveLength(2 * known.size)
    for (const owner of await catalog.stagedOwners()) await catalog.dropStaged(owner)
    expect(await catalog.stagedOwners()).toEqual([])
    expect(await catalog.garbage()).toEqual([])
    await catalog.close()
  }
  const check = new Sqlite(path, { readonly: true })
  expect(check.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(check.pragma('foreign_key_check')).toEqual([])
  check.close()
})

it('two processes that make and fill one catalog at once lose nothing', async () => {
  const path = await freshPath()
  const writers = ['a', 'b'].map((name) => child('writer.ts', [path, name, '25']))
  expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0])
  const catalog = await open({ path })
  expect(await catalog.objects()).toHaveLength(50)
  for (const name of ['a', 'b'])
    for (let index = 0; index < 25; index++) expect(await catalog.object(block(`${name} ${index}`))).toBeDefined()
})

it('several opens of a path that is not there yet end with one schema', async () => {
  const path = await freshPath()
  const all = await Promise.all(Array.from({ length: 6 }, () => open({ path })))
  await Promise.all(all.map((catalog, index) => putOne(catalog, `object ${index}`)))
  for (const catalog of all) expect(await catalog.objects()).toHaveLength(6)
})

it('a writer that another one blocks waits, and gives up with advice', async () => {
  const path = await freshPath()
  const patient = await open({ path, busyTimeoutMs: 5_000 })
  const hasty = await open({ path, busyTimeoutMs: 50 })
  const blocker = new Sqlite(path)
  blocker.exec('begin immediate')
  const waiting = patient.stagePack(staged('patient', 1))
  await expect(hasty.stagePack(staged('hasty', 1))).rejects.toMatchObject({
    name: 'CatalogError',
    code: 'locked',
    message: expect.stringMatching(/another process.*try again/),
  })
  expect(await hasty.objects()).toEqual([])
  blocker.exec('rollback')
  blocker.close()
  expect(await waiting).toBeGreaterThan(0)
})

it('every connection is durable and checks references, also the one after the next', async () => {
  const path = await freshPath()
  for (let round = 0; round < 2; round++) {
    const { db, close } = await connect({ path })
    const pragma = async (name: string) =>
      Object.values((await db.executeQuery<object>(CompiledQuery.raw(`pragma ${name}`))).rows[0] ?? {})[0]
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    expect(await pragma('journal_mode')).toBe('wal')
    await close()
  }
})

it('the lease of a killed process is taken over at once, that of a living one is not', async () => {
  const path = await freshPath()
  const holder = child('writer.ts', [path, 'pack 1', 'lease'])
  expect(await holder.line()).toBe('held')
  const catalog = await open({ path })
  expect(await catalog.acquire('pack 1', { ttlMs: 1_000 })).toBeUndefined()
  holder.kill()
  await holder.ended
  expect(await catalog.acquire('pack 1', { ttlMs: 1_000 })).toBeDefined()
})
