import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import { catalogCases } from '../../src/conformance/catalog.ts'
import type { Catalog } from '../../src/contracts.ts'

let folder: string
const opened = new Map<Catalog, string>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-catalog-'))
})

afterAll(async () => {
  for (const catalog of opened.keys()) await catalog.close()
  await rm(folder, { recursive: true })
})

async function open(path = join(folder, `${opened.size}.sqlite`)): Promise<Catalog> {
  const catalog = await openCatalog({ path })
  opened.set(catalog, path)
  return catalog
}

async function reopen(catalog: Catalog): Promise<Catalog> {
  await catalog.close()
  return await open(opened.get(catalog))
}

describe('the catalog in SQLite', () => {
  for (const { name, run } of catalogCases) it(name, () => run({ open: () => open(), reopen }))
})
