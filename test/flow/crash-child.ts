/** Runs one verb and dies by SIGKILL at the n-th counted call: `node crash-child.ts FOLDER VERB N before|after`. N = 0 lives and prints the number of calls. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createArchive } from '../../src/archive.ts'
import { openCatalog } from '../../src/catalog/open.ts'
import type { Catalog, Vault } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'

/** Of the identity that the test reads with. */
const RECIPIENT = process.env.PERDURE_TEST_RECIPIENT ?? ''

const [folder = '', verb = '', nth = '0', moment = 'before'] = process.argv.slice(2)
const WRITES: ReadonlySet<string | symbol> = new Set([
  'stagePack',
  'seal',
  'addIndexPack',
  'intend',
  'placed',
  'dropReplica',
  'recordEvidence',
  'setStates',
  'saveReceipts',
  'unspooled',
  'spooled',
  'acquire',
  'beginShred',
  'saveCertificate',
  'setMark',
  'pauseVault',
  'resumeVault',
  'hasten',
  'appendLog',
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

mkdirSync(join(folder, 'archive'), { recursive: true })
const archive = await createArchive({
  path: join(folder, 'archive'),
  vaults: ['a', 'b'].map((id) => watchedVault(directory({ id, at: join(folder, id) }))),
  catalog: watchedCatalog(await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })),
  maxPackBytes: 700_000,
  identities: verb === 'recipients' ? [process.env.PERDURE_TEST_IDENTITY ?? ''] : undefined,
  // What was put just now is due for its audit.
  ...(verb === 'watch' && { clock: () => Date.now() + 23 * 86_400_000 }),
  ...(verb === 'put-sealed' && { recipients: [RECIPIENT] }),
})
if (verb === 'put' || verb === 'put-sealed') {
  const receipt = await archive.put(join(folder, 'tree'))
  process.stdout.write(`${JSON.stringify({ calls, root: receipt.root, state: receipt.state })}\n`)
} else if (verb === 'recipients') {
  for await (const { root } of archive.objects()) {
    const { receipt } = await archive.changeRecipients(root, { set: [process.env.PERDURE_TEST_RECIPIENT ?? ''] })
    process.stdout.write(`${JSON.stringify({ calls, root: receipt?.root, state: receipt?.state })}\n`)
  }
} else if (verb === 'shred') {
  for await (const { root } of archive.objects()) {
    const { state } = await archive.shred(root)
    process.stdout.write(`${JSON.stringify({ calls, root, state })}\n`)
  }
} else if (verb === 'watch') {
  const { last } = await archive.watch({ once: true })
  process.stdout.write(`${JSON.stringify({ calls, state: last?.state })}\n`)
} else {
  for await (const report of archive.repairAll())
    process.stdout.write(`${JSON.stringify({ calls, root: report.root, state: report.state })}\n`)
}
await archive.close()
