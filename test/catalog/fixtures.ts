import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type CatalogOptions, openCatalog } from '../../src/catalog/open.ts'
import type { Catalog } from '../../src/contracts.ts'

/** A path for a catalog in a folder that goes away with the test. */
export async function freshPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-catalog-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'catalog.sqlite')
}

/** Opens a catalog that is closed when the test ends. */
export async function open(options: CatalogOptions): Promise<Catalog> {
  const catalog = await openCatalog(options)
  onTestFinished(() => catalog.close())
  return catalog
}

export interface Child {
  /** Resolves to the next line it prints. */
  line(): Promise<string>
  readonly pid: number
  kill(): void
  /** Resolves to the exit code, or the signal. */
  readonly ended: Promise<number | string | null>
}

/** Runs a script of this folder in a Node of its own; it is killed when the test ends. */
export function child(script: string, args: readonly string[]): Child {
  const running = spawn(process.execPath, [new URL(script, import.meta.url).pathname, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = async function* () {
    let rest = ''
    for await (const piece of running.stdout) {
      const parts = (rest + String(piece)).split('\n')
      rest = parts.pop() ?? ''
      yield* parts
    }
  }
  const out = lines()
  const kill = () => running.kill('SIGKILL')
  onTestFinished(() => void kill())
  return {
    line: async () => (await out.next()).value ?? '',
    pid: running.pid ?? 0,
    kill,
    ended: new Promise((resolve) => running.once('exit', (code, signal) => resolve(code ?? signal))),
  }
}
