/** A process without any key: verifies, repairs and lists, and says what came of trying to read. `node auditor.child.ts FOLDER ROOT` */
import { join } from 'node:path'
import { createArchive } from '../../../src/archive.ts'
import { directory } from '../../../src/vaults/directory.ts'

const [folder = '', root = ''] = process.argv.slice(2)
const vaults = ['a', 'b'].map((id) => directory({ id, at: join(folder, id) }))
const archive = await createArchive({ path: join(folder, 'archive'), vaults, mustExist: true })

const codeOf = async (work: () => Promise<unknown>): Promise<unknown> =>
  work().then(
    () => 'done',
    (error: unknown) => (error as { readonly code?: unknown }).code,
  )
const drained = async (stream: AsyncIterable<unknown>) => {
  for await (const _ of stream);
}

const before = (await archive.verify(root, { level: 'whole' })).state
const repaired = (await archive.repair(root)).state
const after = (await archive.verify(root, { level: 'whole' })).state
const names: unknown[] = []
for await (const { name, sealed } of archive.objects()) names.push({ name: name ?? null, sealed })
const pruned = (await archive.prune()).removed.length
const checked = (await archive.testVault('a')).ok
const refused = [
  await codeOf(() => drained(archive.get(root, { path: 'letters/mother.txt' }))),
  await codeOf(() => drained(archive.get(root, { path: 'x', range: { offset: 0, length: 1 } }))),
  await codeOf(() => drained(archive.entries(root))),
  await codeOf(() => archive.restore(root, join(folder, 'stolen'))),
]
await archive.close()
process.stdout.write(JSON.stringify({ before, repaired, after, names, pruned, checked, refused }))
