/** What it costs to import the core entry and to open an archive, beside node doing nothing; and what its dependencies weigh. */
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newArchive } from './archives.ts'
import type { Bench, BenchContext, Row } from './bench.ts'
import { ran, rootFolder } from './processes.ts'
import { alternate, milliseconds } from './times.ts'

const ROUNDS = 9
const MOST_MS = 150
const MOST_MB = 60

export const bench: Bench = async (context) => [...(await starts(context)), await weight()]

async function starts(context: BenchContext): Promise<readonly Row[]> {
  const script = (text: string) => ran(process.execPath, ['--input-type=module', '-e', text], context)
  const importing = `const at = performance.now(); await import(${JSON.stringify(context.door)}); process.stdout.write(String(performance.now() - at))`
  const folder = context.scratch.memory ?? context.scratch.disk ?? rootFolder
  const archive = await newArchive(context, folder)
  await archive.run('open')
  const { bare, inside, opened } = await alternate(ROUNDS, {
    bare: async () => (await script('')).ms,
    inside: async () => Number((await script(importing)).stdout),
    opened: async () => (await archive.run('open')).ms,
  })
  await archive.remove()
  const beside = `${milliseconds(bare)} bare node`
  return [
    { figure: 'import of the core entry', perdure: milliseconds(inside), wanted: `<= ${MOST_MS} ms`, met: inside.median <= MOST_MS },
    { figure: 'process: import, open, close', perdure: milliseconds(opened), peer: beside, ratio: bare.median / opened.median },
  ]
}

/** Apparent bytes of the production dependencies that are installed, without the optional ones of other platforms. */
async function weight(): Promise<Row> {
  const lock = JSON.parse(await readFile(join(rootFolder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>
  }
  const wanted = Object.entries(lock.packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  let total = 0
  for (const [path] of wanted) total += await bytesIn(join(rootFolder, path))
  const mb = total / 1e6
  return {
    figure: `installed weight of ${wanted.length} dependencies`,
    perdure: `${mb.toFixed(1)} MB`,
    wanted: `<= ${MOST_MB} MB`,
    met: mb <= MOST_MB,
  }
}

/** A package's own files; packages nested in it are named in the lock file by themselves. */
async function bytesIn(folder: string): Promise<number> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => [])
  let total = 0
  for (const entry of found) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) total += (await lstat(path)).size
    else if (entry.name !== 'node_modules') total += await bytesIn(path)
  }
  return total
}
