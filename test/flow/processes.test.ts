import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { directory } from '../../src/vaults/directory.ts'
import { all, bytesOf, spooled, tempFolder } from './house.ts'
import { logInFolder } from './log-house.ts'

const CHILD = fileURLToPath(new URL('./processes.child.ts', import.meta.url))

interface Said {
  readonly root: string
  readonly state: string
  readonly key: string
}

it('two processes put into one new archive at once: one key, every object there, no pack twice, nothing left', async () => {
  const folder = await tempFolder()
  const runs = await Promise.all(['one', 'two'].map((name) => promisify(execFile)(process.execPath, [CHILD, folder, name, '6'])))
  const said = runs.flatMap(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Said),
  )
  expect(said).toHaveLength(12)
  expect(new Set(said.map(({ key }) => key)).size).toBe(1)
  const roots = new Set(said.map(({ root }) => root))
  expect(roots.size, 'three shared, three of each').toBe(9)
  const vaults = ['a', 'b'].map((id) => directory({ id, at: join(folder, id) }))
  await using archive = await createArchive({ path: join(folder, 'archive'), vaults, mustExist: true })
  expect(new Set((await all(archive.objects())).map(({ root }) => root))).toEqual(roots)
  for await (const report of archive.repairAll()) expect(report).toMatchObject({ state: 'satisfied' })
  for await (const report of archive.verifyAll({ level: 'whole' })) expect(report.state).toBe('satisfied')
  for (const root of roots) expect((await bytesOf(archive.get(root))).byteLength).toBe(200_000)
  expect(await archive.verifyLog(), 'one log, no entry lost').toMatchObject({ valid: true, size: 12, faults: [] })
  expect(await archive.checkHistory()).toMatchObject({ verdict: 'consistent' })
  await archive.publishLog()
  for (const { id } of archive.vaults)
    expect(await logInFolder(join(folder, id), archive.publicKey)).toMatchObject({ size: 12, gap: undefined })
  expect(await archive.totals()).toMatchObject({ objects: 9, spooledBytes: 0 })
  expect(await spooled(folder)).toEqual([])
})
