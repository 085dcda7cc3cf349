/** The catalog's own benches, each run in a process that can be ended and leaves nothing behind. */
import type { Bench, Row } from './bench.ts'
import type { Row as CatalogRow } from './catalog.ts'
import { childScript, ran } from './processes.ts'

const benchOf =
  (module: string): Bench =>
  async (context) => {
    const { scratch, signal, quick } = context
    const folder = scratch.disk ?? scratch.memory
    if (folder === undefined) return []
    const script = await childScript(context, 'catalog')
    const count = quick ? 20_000 : 1_000_000
    const args = [script, new URL(module, import.meta.url).href, String(count)]
    const { stdout } = await ran(process.execPath, args, { signal, env: { TMPDIR: folder } })
    return (JSON.parse(stdout) as readonly CatalogRow[]).map(({ figure, value, peer }): Row => {
      return { figure, perdure: value, ...(peer !== undefined && { peer }) }
    })
  }

export const bench = benchOf('catalog.ts')
export const watchBench = benchOf('watch.ts')
