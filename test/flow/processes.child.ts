/** A process of its own: `node processes.child.ts FOLDER NAME COUNT` puts COUNT files into the archive there, half of them shared by every process; prints the receipts' roots and states. */
import { createCipheriv, createHash } from 'node:crypto'
import { join } from 'node:path'
import { createArchive } from '../../src/archive.ts'
import { directory } from '../../src/vaults/directory.ts'

const [folder = '', name = '', count = ''] = process.argv.slice(2)
const noise = (seed: string) =>
  createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(200_000))
await using archive = await createArchive({
  path: join(folder, 'archive'),
  vaults: ['a', 'b'].map((id) => directory({ id, at: join(folder, id) })),
})
for (let index = 0; index < Number(count); index++) {
  const receipt = await archive.put(noise(index % 2 === 0 ? `shared ${index}` : `${name} ${index}`))
  process.stdout.write(`${JSON.stringify({ root: receipt.root, state: receipt.state, key: receipt.archive })}\n`)
}
