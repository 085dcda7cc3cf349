/** A chain of its own for each caller: anvil, as npm brings it, on a free port of the loopback interface. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'

export const CHAIN_ID = 31_415_926
/** Of Filecoin, in seconds. */
export const EPOCH_SECONDS = 30

export interface Anvil {
  readonly url: string
  /** Sends to the node itself and throws what it refuses. */
  rpc<T>(method: string, params?: readonly unknown[]): Promise<T>
  close(): Promise<void>
}

/** Blocks are mined when a transaction comes, 30 seconds apart by their own clock, the first of them at `genesis` (seconds since 1970). */
export async function startAnvil(genesis: number): Promise<Anvil> {
  const child = spawn(
    binary(),
    [
      ...['--host', '127.0.0.1', '--port', '0', '--chain-id', `${CHAIN_ID}`, '--timestamp', `${genesis}`, '--accounts', '60'],
      ...['--hardfork', 'cancun', '--gas-limit', '100000000000', '--block-base-fee-per-gas', '1000000', '--disable-code-size-limit'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const url = await listening(child)
  const rpc = <T>(method: string, params: readonly unknown[] = []) => call<T>(url, method, params)
  await rpc('anvil_setBlockTimestampInterval', [EPOCH_SECONDS])
  return {
    url,
    rpc,
    async close() {
      process.off('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      kill()
      await gone
    },
  }
}

function binary(): string {
  const system = process.platform === 'win32' ? 'win32' : process.platform
  const here = createRequire(import.meta.url)
  const anvil = createRequire(here.resolve('@foundry-rs/anvil/package.json'))
  return anvil.resolve(`@foundry-rs/anvil-${system}-${process.arch === 'x64' ? 'amd64' : process.arch}/bin/anvil`)
}

/** What it prints is read for as long as it runs: a full pipe would stop it. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    let isUp = false
    child.once('error', reject)
    child.once('exit', () => reject(new Error('anvil ended before it listened')))
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (isUp) return
      said = `${said}${text}`.slice(-100_000)
      const address = /^Listening on (\S+)/m.exec(said)?.[1]
      if (address === undefined) return
      isUp = true
      resolve(`http://${address}`)
    })
  })
}

async function call<T>(url: string, method: string, params: readonly unknown[]): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  const answer = (await response.json()) as { result?: T; error?: { message: string; data?: unknown } }
  if (answer.error) throw new ChainRefusal(method, answer.error.message, answer.error.data)
  return answer.result as T
}

/** What the node refused, with the data of a revert. */
export class ChainRefusal extends Error {
  override readonly name = 'ChainRefusal'
  readonly revert: unknown

  constructor(method: string, message: string, revert: unknown) {
    super(`${method}: ${message}`)
    this.revert = revert
  }
}
