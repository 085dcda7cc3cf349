/** Recovers from a directory vault and says what it took: `node many-child.ts FOLDER [KEY]`. */
import { join } from 'node:path'
import { recoverArchive } from '../../../src/archive.ts'
import { directory } from '../../../src/vaults/directory.ts'

const [folder = '', key] = process.argv.slice(2)
const started = performance.now()
const vaults = [directory({ id: 'a', at: join(folder, 'a') })]
const { restored, packs, incomplete } = await recoverArchive({ path: join(folder, 'archive'), vaults }, { key })
const seconds = (performance.now() - started) / 1000
const megabytes = process.resourceUsage().maxRSS / 1024
process.stdout.write(`${JSON.stringify({ restored, packs, incomplete: incomplete.count, seconds, megabytes })}\n`)
