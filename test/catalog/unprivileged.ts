/** A process of its own: `node unprivileged.ts PATH` opens the catalog as nobody, writes, and prints what came of it. */
import { openCatalog } from '../../src/catalog/open.ts'
import { staged } from '../../src/conformance/catalog-fixtures.ts'

const NOBODY = 65_534
process.setgid?.(NOBODY)
process.setuid?.(NOBODY)
try {
  const catalog = await openCatalog({ path: process.argv[2] ?? '' })
  await catalog.stagePack(staged('a', 1))
  process.stdout.write('written\n')
} catch (error) {
  process.stdout.write(error instanceof Error && 'code' in error ? `${error.name} ${error.code}\n` : `${error}\n`)
}
