/** Imports and dies by SIGKILL at the n-th event of a type: `node import-crash.child.ts FOLDER URL TYPE N`. */
import { join } from 'node:path'
import { createArchive } from '../../src/archive.ts'
import { directory } from '../../src/vaults/directory.ts'

const [folder = '', url = '', type = '', nth = '1'] = process.argv.slice(2)
let seen = 0
const archive = await createArchive({
  path: join(folder, 'archive'),
  vaults: ['a', 'b'].map((id) => directory({ id, at: join(folder, id) })),
})
await archive.import(url, {
  allowPrivate: true,
  onProgress: (event) => {
    if (event.type === type && ++seen === Number(nth)) process.kill(process.pid, 'SIGKILL')
  },
})
