/** arlocal in a process of its own, with what a test asks of it beside the vault. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./arlocal.child.ts', import.meta.url))

/** The folder of the package; empty where there is none. */
export const ARLOCAL = process.env.PERDURE_ARLOCAL ?? ''

export interface ArlocalNode {
  readonly origin: string
  /** Status and text of an answer. */
  ask(path: string, method?: 'GET' | 'DELETE'): Promise<{ readonly status: number; readonly text: string }>
  mine(blocks: number): Promise<void>
  mint(address: string, winston: bigint): Promise<void>
  close(): Promise<void>
}

/** Listens on loopback alone; its files are in a folder of its own, which goes with it. */
export async function startArlocal(): Promise<ArlocalNode> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-arlocal-'))
  const child = fork(CHILD, [ARLOCAL, folder], { cwd: folder, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let said = ''
  child.stderr?.on('data', (piece: Buffer) => {
    said = `${said}${piece}`.slice(-4_000)
  })
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    await rm(folder, { recursive: true, force: true })
  }
  const gone = once(child, 'exit').then(() => undefined)
  const started = await Promise.race([once(child, 'message'), gone])
  if (!started) {
    await close()
    throw new Error(`arlocal does not start: ${said}`)
  }
  const [{ port }] = started as [{ readonly port: number }]
  const origin = `http://127.0.0.1:${port}`
  const ask: ArlocalNode['ask'] = async (path, method = 'GET') => {
    const response = await fetch(`${origin}${path}`, { method })
    return { status: response.status, text: await response.text() }
  }
  const done = async (path: string) => {
    const { status, text } = await ask(path)
    if (status !== 200) throw new Error(`arlocal answers ${path} with ${status}: ${text} ${said}`)
  }
  return {
    origin,
    ask,
    mine: (blocks) => done(`/mine/${blocks}`),
    mint: (address, winston) => done(`/mint/${address}/${winston}`),
    close,
  }
}
