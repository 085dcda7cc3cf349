/** Extended attributes by the package that users install, compared with `getfattr` and `setfattr`. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, it } from 'vitest'
import type { XattrFunctions } from '../../src/contracts.ts'
import { realXattrs, toolXattrs } from '../flow/sealed/xattr-real.ts'

const folder = process.env.PERDURE_FS_XATTR
const functions = folder ? ((await import(pathToFileURL(join(folder, 'index.js')).href)) as XattrFunctions) : undefined
const tools = await promisify(execFile)('getfattr', ['--version']).then(
  () => true,
  () => false,
)
if (!functions) console.warn('SKIPPED: fs-xattr is not here; extended attributes of real files were not tested')
if (!tools) console.warn('SKIPPED: getfattr and setfattr are not here; extended attributes were not compared with them')

if (functions) realXattrs(functions)
else it.skip('extended attributes of real files', () => undefined)

describe.skipIf(!functions || !tools)('extended attributes', () => {
  if (functions) toolXattrs(functions)
})
