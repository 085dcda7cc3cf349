/** Evacuates `a` and dies by SIGKILL at the n-th counted call: `node evacuate-crash.child.ts FOLDER N before|after`. N = 0 lives and prints the number of calls. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { createArchive } from '../../src/archive.ts'
import { openCatalog } from '../../src/catalog/open.ts'
import type { Catalog, Vault } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'

const [folder = '', nth = '0', moment = 'before'] = process.argv.slice(2)
const WRITES: ReadonlySet<string | symbol> = new Set([
  'beginEvacuation',
  'saveFates',
  'updateEvacuation',
  'addIndexPack',
  'intend',
  'placed',
  'dropReplica',
  'recordEvidence',
  'setStates',
  'unspooled',
  'spooled',
  'acquire',
])
let calls = 0

function counted<Args extends unknown[], Result>(
  name: string,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const mine = ++calls
    const die = () => {
      if (mine === Number(nth)) process.kill(process.pid, 'SIGKILL')
    }
    if (moment === 'before') die()
    const result = await work(...args)
    if (name.startsWith('put ')) appendFileSync(join(folder, 'uploads.log'), `${name} ${String((args[0] as { name: unknown }).name)}\n`)
    if (moment === 'after') die()
    return result
  }
}

const watchedCatalog = (catalog: Catalog): Catalog =>
  new Proxy(catalog, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      return WRITES.has(key) && typeof value === 'function'
        ? counted(String(key), value.bind(target) as (...args: unknown[]) => Promise<unknown>)
        : value
    },
  })

const watchedVault = (vault: Vault): Vault => ({
  ...vault,
  put: counted(`put ${vault.profile.id}`, vault.put),
  locate: counted('locate', vault.locate),
  status: counted('status', vault.status),
  ...(vault.remove && { remove: counted('remove', vault.remove) }),
})

const archive = await createArchive({
  path: join(folder, 'archive'),
  vaults: ['a', 'b', 'c'].map((id) => watchedVault(directory({ id, at: join(folder, id), operator: id }))),
  catalog: watchedCatalog(await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })),
  maxPackBytes: 400_000,
})
const { state } = await archive.evacuate('a', { remove: true })
process.stdout.write(`${JSON.stringify({ calls, state })}\n`)
await archive.close()
