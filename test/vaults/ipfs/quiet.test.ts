import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

async function run(child: string): Promise<Record<string, unknown>> {
  const path = fileURLToPath(new URL(child, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', path])
  return JSON.parse(stdout)
}

it('a node binds and calls the loopback interface only, and asks no name of anybody', async () => {
  const { bound, called, asked, came } = await run('./quiet.child.ts')
  expect(bound).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(called).toEqual(['127.0.0.1'])
  expect([asked, came]).toEqual([[], 1000])
})

it('without the optional packages the door opens, and a node that is wanted names every one of them', async () => {
  const { name, code, message } = await run('./bare.child.ts')
  expect([name, code]).toEqual(['VaultError', 'unsupported'])
  for (const wanted of [
    'helia',
    '@helia/libp2p',
    '@helia/bitswap',
    '@helia/unixfs',
    '@libp2p/tcp',
    '@libp2p/noise',
    '@libp2p/yamux',
    '@libp2p/identify',
  ])
    expect(message).toContain(wanted)
})
