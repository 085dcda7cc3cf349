import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MAX_INSTALLED_BYTES = 60_000_000
const MAX_IMPORT_MS = 150
const RUNS = 5

describe('the core', () => {
  it('installs in at most 60 MB, dependencies of dependencies included', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock
    const production = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    const sized = production.map(([path]) => ({ path, bytes: apparentBytes(join(ROOT, path)) }))
    const total = sized.reduce((sum, { bytes }) => sum + bytes, 0)
    const largest = sized.sort((a, b) => b.bytes - a.bytes).slice(0, 3)
    console.info(
      `installed: ${megabytes(total)} in ${sized.length} packages; ${largest.map(({ path, bytes }) => `${path.replace(/.*node_modules\//, '')} ${megabytes(bytes)}`).join(', ')}`,
    )
    expect(total).toBeGreaterThan(1_000_000)
    expect(total).toBeLessThanOrEqual(MAX_INSTALLED_BYTES)
  })

  it('is imported within 150 ms over the bare start of Node', async () => {
    const entry = await builtEntry()
    const bare = fastest(['--input-type=module', '-e', ''])
    const imported = fastest(['--input-type=module', '-e', `import ${JSON.stringify(entry)}`])
    console.info(`import: ${(imported - bare).toFixed(0)} ms (${imported.toFixed(0)} ms, of which Node's bare start ${bare.toFixed(0)} ms)`)
    expect(imported - bare).toBeLessThanOrEqual(MAX_IMPORT_MS)
  })
})

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** Sizes as `ls` shows them; nested node_modules are listed by the lock file on their own, and packages of other platforms are not there. */
function apparentBytes(path: string): number {
  if (!existsSync(path)) return 0
  const stats = lstatSync(path)
  if (!stats.isDirectory()) return stats.isFile() ? stats.size : 0
  return readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .reduce((sum, name) => sum + apparentBytes(join(path, name)), 0)
}

/** The entry as it is published, dependencies left outside, built afresh so that a stale dist cannot answer for it. */
async function builtEntry(): Promise<string> {
  const outdir = join(ROOT, 'node_modules/.cache/perdure-size')
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'node22', splitting: true, packages: 'external' } as const
  await build({ ...options, entryPoints: [join(ROOT, 'src/index.ts')], outdir, outExtension: { '.js': '.mjs' } })
  return `file://${join(outdir, 'index.mjs')}`
}

/** The least of several runs in milliseconds: on a busy machine all the others measure its neighbours. */
function fastest(args: readonly string[]): number {
  const times = Array.from({ length: RUNS }, () => {
    const started = performance.now()
    execFileSync(process.execPath, args)
    return performance.now() - started
  })
  return Math.min(...times)
}
