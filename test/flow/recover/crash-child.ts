/** Recovers and dies by SIGKILL at the n-th counted call: `node crash-child.ts FOLDER N before|after [KEY]`. N = 0 lives and prints the number of calls. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { recoverArchive } from '../../../src/archive.ts'
import { openCatalog } from '../../../src/catalog/open.ts'
import type { Catalog, Vault } from '../../../src/contracts.ts'
import { directory } from '../../../src/vaults/directory.ts'

const [folder = '', nth = '0', moment = 'before', key] = process.argv.slice(2)
const WRITES: ReadonlySet<string | symbol> = new Set([
  'acquire',
  'setRecoveryNote',
  'beginListing',
  'stageListed',
  'stageFound',
  'restorePacks',
  'restoreReplicas',
  'restoreObjects',
  'restoreIndexPacks',
  'settleIndexPacks',
  'restoreShred',
  'setStates',
  'endRecovery',
  'addIndexPack',
  'beginShred',
  'saveCertificate',
  'intend',
  'placed',
  'dropReplica',
  'recordEvidence',
  'unspooled',
  'spooled',
])
let calls = 0

function counted<Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const mine = ++calls
    if (moment === 'before' && mine === Number(nth)) process.kill(process.pid, 'SIGKILL')
    const result = await work(...args)
    if (moment === 'after' && mine === Number(nth)) process.kill(process.pid, 'SIGKILL')
    return result
  }
}

const watchedCatalog = (catalog: Catalog): Catalog =>
  new Proxy(catalog, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      return WRITES.has(name) && typeof value === 'function'
        ? counted(value.bind(target) as (...args: unknown[]) => Promise<unknown>)
        : value
    },
  })

const watchedVault = (vault: Vault): Vault => ({
  ...vault,
  put: counted(vault.put),
  locate: counted(vault.locate),
  ...(vault.remove && { remove: counted(vault.remove) }),
})

mkdirSync(join(folder, 'archive'), { recursive: true })
await recoverArchive(
  {
    path: join(folder, 'archive'),
    vaults: ['a', 'b'].map((id) => watchedVault(directory({ id, at: join(folder, id) }))),
    catalog: watchedCatalog(await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })),
    identities: [process.env.PERDURE_TEST_IDENTITY ?? ''],
  },
  { key },
)
process.stdout.write(`${JSON.stringify({ calls })}\n`)
