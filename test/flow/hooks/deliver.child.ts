/** `node deliver.child.ts FOLDER URL announce|deliver`: announces two events and dies, or dies when the first has been sent and nothing noted of it. */
import { join } from 'node:path'
import { createArchive } from '../../../src/archive.ts'
import { openCatalog } from '../../../src/catalog/open.ts'
import { directory } from '../../../src/vaults/directory.ts'

const [folder = '', url = '', mode = ''] = process.argv.slice(2)
const die = async () => process.kill(process.pid, 'SIGKILL')

const archive = await createArchive({
  path: join(folder, 'archive'),
  vaults: [directory({ id: 'a', at: join(folder, 'a') })],
  hooks: [{ type: 'webhook', id: 'h', url, allowPrivate: true, minSeverity: 'info', batch: 1 }],
})
if (mode === 'announce') {
  for (const text of ['one', 'two']) await archive.put(Buffer.from(text))
  await die()
}
await archive.close()
const catalog = await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })
const dying = await createArchive({
  path: join(folder, 'archive'),
  vaults: [directory({ id: 'a', at: join(folder, 'a') })],
  catalog: { ...catalog, delivered: die as never },
  hooks: [{ type: 'webhook', id: 'h', url, allowPrivate: true, minSeverity: 'info', batch: 1 }],
})
await dying.deliverHooks()
