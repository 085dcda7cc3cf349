/** A process of its own, without rights: `node unreadable.child.ts FOLDER` puts FOLDER/tree and prints what came of it. */
import { join } from 'node:path'
import { createArchive } from '../../src/archive.ts'

const folder = process.argv[2] ?? ''
await using archive = await createArchive({ path: join(folder, 'archive') })
const outcome = await archive.put(join(folder, 'tree')).catch((error: unknown) => error)
const { objects, packs } = await archive.totals()
const { name, code, message } = outcome as { name?: string; code?: string; message?: string }
process.stdout.write(JSON.stringify({ name, code, message, objects, packs }))
