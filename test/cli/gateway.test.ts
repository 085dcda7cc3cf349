import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Place, place } from './run.ts'

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))

async function stored(): Promise<{ readonly at: Place; readonly root: string }> {
  const at = await place()
  onTestFinished(() => at[Symbol.asyncDispose]())
  await writeFile(join(at.cwd, 'x.txt'), 'some bytes')
  await at.run(['put', 'x.txt', '--public'])
  const { document } = await at.json(['ls'])
  const [object] = document.objects as readonly { readonly root: string }[]
  return { at, root: object?.root ?? '' }
}

describe('perdure gateway', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('serves until %s ends it, with a line for each request when asked for', async (signal) => {
    const { at, root } = await stored()
    const child = spawn(process.execPath, [BIN, 'gateway', '--json', '--verbose', '--listen', '127.0.0.1:0'], {
      cwd: at.cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const event = async () => JSON.parse((await lines.next()).value ?? 'null') as Readonly<Record<string, unknown>>
    const { type, url } = await event()
    expect(type).toBe('listening')
    expect(await (await fetch(`${url}/ipfs/${root}`)).text()).toBe('some bytes')
    expect(await event()).toEqual({ type: 'answered', method: 'GET', url: `/ipfs/${root}`, status: 200, byteLength: 10 })
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it.each(['0.0.0.0:8080', '[::]:8080', '192.0.2.1:8080'])('refuses %s, which others can reach', async (address) => {
    const { at } = await stored()
    const { code, stderr } = await at.run(['gateway', '--listen', address])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/other machines/)])
  })
})
