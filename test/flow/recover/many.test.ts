import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { directory } from '../../../src/vaults/directory.ts'
import { tempFolder } from '../house.ts'
import { fillVault, KEY } from './many.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./many-child.ts', import.meta.url))

it('recovers 10,000 objects from 500 index packs in a heap of 64 MiB', { timeout: 300_000 }, async () => {
  const folder = await tempFolder()
  const vault = directory({ id: 'a', at: join(folder, 'a') })
  await vault.open?.()
  await fillVault(vault, { objects: 10_000, objectsPerPack: 100, recordsPerIndexPack: 20 })
  const { stdout } = await run(process.execPath, ['--max-old-space-size=64', CHILD, folder, KEY])
  const said = JSON.parse(stdout) as Record<string, number>
  console.info(`recovered 10,000 objects in ${said.seconds?.toFixed(1)} s, largest resident size ${said.megabytes?.toFixed(0)} MiB`)
  expect(said).toMatchObject({ restored: 10_000, packs: 100, incomplete: 0 })
})
