/** A process of its own: `node writer.ts PATH NAME COUNT` puts COUNT objects, two packs each, printing every root that is sealed; `NAME lease` takes a lease and stays. */
import { openCatalog } from '../../src/catalog/open.ts'
import { block, object, sealed, staged } from '../../src/conformance/catalog-fixtures.ts'

const [path = '', name = '', count = ''] = process.argv.slice(2)
const catalog = await openCatalog({ path })
if (count === 'lease') {
  process.stdout.write(`${(await catalog.acquire(name, { ttlMs: 3_600_000 })) ? 'held' : 'refused'}\n`)
  setInterval(() => {}, 1_000)
} else {
  for (let index = 0; index < Number(count); index++) {
    const put = `${name} ${index}`
    const first = await catalog.stagePack(staged(`${put} first`, 40, { owner: put }))
    const second = await catalog.stagePack(staged(`${put} second`, 40, { owner: put }))
    const extents = [
      { start: 0, pack: first, first: 0, count: 40 },
      { start: 40, pack: second, first: 0, count: 40 },
    ]
    await catalog.seal(put, [sealed(`${put} first`, first), sealed(`${put} second`, second)], [object(put, extents)])
    process.stdout.write(`${block(put)}\n`)
  }
  await catalog.close()
}
