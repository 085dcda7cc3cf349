import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MainOptions, main } from '../../src/cli/main.ts'
import { capture } from './capture.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Place extends AsyncDisposable {
  readonly cwd: string
  /** Runs one command line in this folder, in this process. */
  run(args: readonly string[], options?: MainOptions): Promise<Outcome>
  /** The same with `--json`, parsed. */
  json(args: readonly string[], options?: MainOptions): Promise<{ readonly code: number; readonly document: Record<string, unknown> }>
}

/** A folder of its own, gone at the end of the scope. */
export async function place(): Promise<Place> {
  const cwd = await mkdtemp(join(tmpdir(), 'perdure-cli-'))
  const run: Place['run'] = async (args, options) => {
    const stdout = capture()
    const stderr = capture()
    const code = await main(args, { cwd, env: {}, stdout, stderr, ...options })
    return { code, stdout: stdout.text(), stderr: stderr.text() }
  }
  return {
    cwd,
    run,
    json: async (args, options) => {
      const { code, stdout } = await run([...args, '--json'], options)
      return { code, document: JSON.parse(stdout) }
    },
    [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }),
  }
}
