/** The S3 server that the S3 figures are measured on: one that is there already, or a radosgw of our own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchContext } from './bench.ts'
import { ran, rootFolder } from './processes.ts'

const NAMES = ['radosgw', 'minio', 'versitygw'] as const

export interface S3Server extends AsyncDisposable {
  readonly name: string
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** One that the environment names, as test/peers/run.sh does; else radosgw is started where it is installed; else nothing. */
export async function s3Server(context: BenchContext): Promise<S3Server | undefined> {
  for (const name of NAMES) {
    const found = named(
      name,
      (key) => process.env[`PERDURE_S3_${name.toUpperCase()}_${key}`],
      async () => undefined,
    )
    if (found) return found
  }
  const installed = await ran('radosgw', ['--version'], context).then(
    () => true,
    () => false,
  )
  return installed ? startRadosgw(context) : undefined
}

async function startRadosgw(context: BenchContext): Promise<S3Server | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-radosgw-'))
  const script = join(rootFolder, 'test/peers/radosgw.sh')
  const stop = async () => {
    // Also when the run was interrupted: the servers must not outlive it.
    await ran('bash', [script, 'stop', folder], { signal: new AbortController().signal })
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const { stdout } = await ran('bash', [script, 'start', folder, String(await freePort())], context)
    const settings = new Map(stdout.split('\n').map((line) => [line.slice(3, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
    return named('radosgw', (key) => settings.get(key), stop)
  } catch (error) {
    await stop()
    throw error
  }
}

function named(name: string, setting: (key: string) => string | undefined, stop: () => Promise<void>): S3Server | undefined {
  const endpoint = setting('ENDPOINT')
  const accessKeyId = setting('ACCESS_KEY')
  const secretAccessKey = setting('SECRET_KEY')
  if (!endpoint || !accessKeyId || !secretAccessKey) return undefined
  return { name, endpoint, accessKeyId, secretAccessKey, [Symbol.asyncDispose]: stop }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
