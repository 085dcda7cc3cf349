/** Whole processes, timed from spawn to exit. */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { PerdureError } from '../src/errors.ts'
import type { BenchContext } from './bench.ts'
import type { Usage } from './children/usage.ts'

const STDERR_SHOWN = 2_000

export interface Ran {
  readonly ms: number
  readonly stdout: string
}

/** Runs a program to its end. Throws when it fails; when the signal aborts, after it was killed and is gone. */
export async function ran(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { signal, env } = options
  signal.throwIfAborted()
  const startedAt = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    const out = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
    let endedAt = startedAt
    child.once('exit', () => (endedAt = performance.now()))
    const ended = await new Promise<string | number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, killedBy) => resolve(code ?? killedBy))
    })
    signal.throwIfAborted()
    if (ended === 0) return { ms: endedAt - startedAt, stdout: out.stdout }
    const line = [command, ...args].join(' ').slice(0, 300)
    throw new PerdureError('child-failed', `${line} ended with ${ended}: ${out.stderr.trim().slice(-STDERR_SHOWN)}`)
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

export interface RunOptions {
  readonly signal: AbortSignal
  readonly env?: Readonly<Record<string, string>>
}

/** Arguments for node: a script of `children/`, as plain JavaScript, because stripping types at start would be timed as if it were the library's. */
export function childScript(context: BenchContext, name: 'verb' | 'usage' | 'catalog' | 's3' | 'arweave'): Promise<string> {
  return plainScript(context, new URL(`children/${name}.ts`, import.meta.url), name)
}

/** A file as plain JavaScript. It lies outside the checkout: of everything but node it may import types alone. */
export async function plainScript(context: BenchContext, source: URL, name: string): Promise<string> {
  const folder = context.scratch.disk ?? context.scratch.memory ?? process.cwd()
  const path = join(folder, `${name}.mjs`)
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2024, verbatimModuleSyntax: true }
  await writeFile(path, ts.transpileModule(await readFile(source, 'utf8'), { compilerOptions }).outputText)
  return path
}

/** Runs node, and afterwards says what the process used. The report costs some milliseconds: not for timing. */
export async function measured(context: BenchContext, args: readonly string[]): Promise<Ran & { readonly usage: Usage }> {
  const script = await childScript(context, 'usage')
  const report = join(dirname(script), 'usage.json')
  const { signal } = context
  const done = await ran(process.execPath, ['--import', script, ...args], { signal, env: { PERDURE_BENCH_USAGE: report } })
  return { ...done, usage: JSON.parse(await readFile(report, 'utf8')) as Usage }
}

/** The peer's own script, run by the same node as ours. */
export function ipfsCar(...args: readonly string[]): readonly string[] {
  const entry = createRequire(import.meta.url).resolve('ipfs-car')
  return [join(dirname(entry), 'bin.js'), ...args]
}

export const rootFolder = fileURLToPath(new URL('..', import.meta.url))
