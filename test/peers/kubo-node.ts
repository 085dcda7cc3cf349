/** Kubo daemons of a test's own, to be stopped and started at will; kubo-daemon.sh says how they are set up. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('./kubo-daemon.sh', import.meta.url))

/** The binary; empty where there is none. */
export const KUBO = process.env.PERDURE_KUBO ?? ''

export interface KuboNode {
  readonly api: string
  /** The command line of the node, its standard output. */
  ipfs(...args: readonly string[]): Promise<string>
  stop(): Promise<void>
  /** Again, with the same repository and the same address of its API. */
  start(): Promise<void>
}

/** Running, in that folder, and stopped after the test. With `auth`, `user:password`, only that user is let in. */
export async function startKubo(folder: string, { auth = '' }: { readonly auth?: string } = {}): Promise<KuboNode> {
  const dir = join(folder, 'kubo')
  const port = `${await freePort()}`
  const env = { ...process.env, PERDURE_KUBO: KUBO, KUBO_AUTH: auth }
  const node: KuboNode = {
    api: `http://127.0.0.1:${port}`,
    ipfs: async (...args) => (await run(KUBO, args, { env: { ...env, IPFS_PATH: join(dir, 'repo') }, timeout: 30_000 })).stdout.trim(),
    stop: async () => void (await run('bash', [SCRIPT, 'stop', dir])),
    start: async () => void (await run('bash', [SCRIPT, 'start', dir, port], { env })),
  }
  onTestFinished(node.stop)
  await node.start()
  return node
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
