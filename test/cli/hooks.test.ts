import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { receiver } from '../flow/hooks/receiver.ts'
import { parseExposition } from '../server/exposition.ts'
import { type Place, place } from './run.ts'

/** As a configuration writes it. */
const variable = (name: string) => `\${${name}}`

const SECRET = 'a secret nobody may see'

async function configured(at: Place, hooks: unknown): Promise<void> {
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [{ type: 'directory', id: 'a', at: 'a' }], hooks }))
  await writeFile(join(at.cwd, 'file'), 'content')
}

const webhook = (url: string, given: object = {}) => ({ type: 'webhook', id: 'h', url, allowPrivate: true, minSeverity: 'info', ...given })

describe('a command that changes states', () => {
  it('tells webhooks and commands of it before it ends', async () => {
    await using at = await place()
    const there = await receiver()
    const command = { type: 'command', id: 'run', command: ['./hook.mjs'], minSeverity: 'info' }
    await configured(at, [webhook(there.url, { secret: variable('HOOK_SECRET') }), command])
    await writeFile(
      join(at.cwd, 'hook.mjs'),
      `#!${process.execPath}\nimport { writeFileSync, readFileSync } from 'node:fs'\nwriteFileSync('told', readFileSync(0))`,
      { mode: 0o755 },
    )
    const env = { HOOK_SECRET: SECRET }
    const put = await at.run(['put', 'file', '--public'], { env })
    expect(put.stderr).not.toContain('hook')
    expect(there.events()).toMatchObject([{ type: 'object-put', state: 'degraded' }])
    expect(there.received[0]?.headers['perdure-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/)
    expect(JSON.parse(await readFile(join(at.cwd, 'told'), 'utf8'))).toMatchObject({ hook: 'run', events: [{ type: 'object-put' }] })
    await at.run(['status'], { env })
    expect(there.received).toHaveLength(1)
    expect((await at.run(['hooks', '--json'], { env })).stdout).not.toContain(SECRET)
  })

  it('exits as it would without hooks when one is down, and says so once on standard error', async () => {
    await using at = await place()
    await configured(at, [webhook('http://127.0.0.1:9/')])
    const put = await at.run(['put', 'file', '--public'])
    expect(put.code).toBe(0)
    expect(put.stderr).toContain('The hook h was not told (ECONNREFUSED')
    const { code, document } = await at.json(['hooks'])
    expect([code, document]).toMatchObject([3, { hooks: [{ id: 'h', waiting: 1, failures: 1, target: '127.0.0.1:9' }] }])
  })
})

describe('perdure hooks', () => {
  it('lists, tests and retries', async () => {
    await using at = await place()
    const there = await receiver()
    await configured(at, [webhook(there.url)])
    there.answer((response) => void response.writeHead(503).end())
    await at.run(['put', 'file', '--public'])
    const listed = await at.run(['hooks'])
    expect(listed.stdout).toMatch(
      /fails {2}h {2}webhook {2}127\.0\.0\.1:\d+\n {2}0 delivered, 1 waiting, the oldest since .*\n {2}1 failure since .*HTTP 503; tried again at/,
    )
    const failed = await at.run(['hooks', 'test'])
    expect([failed.code, failed.stdout]).toEqual([1, expect.stringContaining('HTTP 503')])
    there.answer((response) => void response.writeHead(200).end())
    expect((await at.run(['hooks', 'test', 'h'])).code).toBe(0)
    const retried = await at.json(['hooks', 'retry'])
    expect(retried).toEqual({ code: 0, document: { hooks: [{ id: 'h', delivered: 1, waiting: 0, givenUp: 0 }] } })
    expect((await at.run(['hooks'])).code).toBe(0)
    expect((await at.run(['hooks', 'retry', 'nobody'])).code).toBe(2)
    expect((await at.run(['hooks', 'test', 'nobody'])).code).toBe(2)
  })

  it('says how to begin when there are none', async () => {
    await using at = await place()
    expect((await at.run(['hooks'])).stdout).toContain('There are no hooks')
  })
})

describe('hooks in perdure.json', () => {
  const parse = (hook: object, env = {}) =>
    parseConfig(JSON.stringify({ hooks: [hook] }), { file: '/etc/perdure/perdure.json', env }).hooks?.[0]

  it('have their variables filled in, and paths from the file’s own folder', () => {
    expect(parse({ type: 'webhook', id: 'h', url: variable('URL'), caFile: 'ca.pem' }, { URL: 'https://x/' })).toMatchObject({
      url: 'https://x/',
      caFile: '/etc/perdure/ca.pem',
    })
    expect(parse({ type: 'command', id: 'h', command: ['./notify', './a'] })).toMatchObject({ command: ['/etc/perdure/notify', './a'] })
    expect(parse({ type: 'command', id: 'h', command: ['notify', `$${variable('A')}`] })).toMatchObject({
      command: ['notify', variable('A')],
    })
  })

  it.each([
    [
      'a variable among the arguments',
      { type: 'command', id: 'h', command: ['x', `--token=${variable('TOKEN')}`] },
      'name the variable in "env"',
    ],
    ['an unknown key', { type: 'webhook', id: 'h', uri: 'x' }, 'did you mean url'],
    ['a function', { type: 'webhook', id: 'h', url: 'x', lookup: 'x' }, 'unknown key'],
    ['an unknown type', { type: 'mail', id: 'h' }, 'webhook or command'],
  ])('with %s are refused', (_, hook, said) => {
    expect(() => parse(hook, { TOKEN: SECRET })).toThrow(said)
    expect(() => parse(hook, { TOKEN: SECRET })).not.toThrow(SECRET)
  })
})

describe('perdure metrics', () => {
  it('prints what a scraper reads, also in a document', async () => {
    await using at = await place()
    await configured(at, [])
    await at.run(['put', 'file', '--public'])
    const printed = await at.run(['metrics', '--quiet'])
    expect([printed.code, parseExposition(printed.stdout).length > 10]).toEqual([0, true])
    const { document } = await at.json(['metrics', '--format', 'openmetrics'])
    expect(parseExposition(String(document.metrics), 'openmetrics').length).toBeGreaterThan(10)
  })

  it('writes a file that is whole at every moment, and leaves nothing behind when it cannot', async () => {
    await using at = await place()
    await mkdir(join(at.cwd, 'collector'))
    await writeFile(join(at.cwd, 'collector', 'perdure.prom'), 'old')
    const first = await at.run(['metrics', '--textfile', 'collector/perdure.prom'])
    expect(first.code).toBe(0)
    expect(parseExposition(await readFile(join(at.cwd, 'collector', 'perdure.prom'), 'utf8')).length).toBeGreaterThan(5)
    expect(await readdir(join(at.cwd, 'collector'))).toEqual(['perdure.prom'])
    await mkdir(join(at.cwd, 'collector', 'folder.prom'))
    expect((await at.run(['metrics', '--textfile', 'collector/folder.prom'])).code).toBe(2)
    expect((await at.run(['metrics', '--textfile', 'nowhere/perdure.prom'])).code).toBe(2)
    expect((await at.run(['metrics', '--textfile', 'collector/perdure.txt'])).code).toBe(2)
    expect(await readdir(join(at.cwd, 'collector'))).toEqual(['folder.prom', 'perdure.prom'])
  })
})
