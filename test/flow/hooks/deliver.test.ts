import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Archive, ArchiveConfig, HookConfig, WebhookConfig } from '../../../src/contracts.ts'
import { directory } from '../../../src/vaults/directory.ts'
import { fleet, house, noise, tempFolder, testClock } from '../house.ts'
import { type Receiver, receiver } from './receiver.ts'

const hookTo = ({ url }: Receiver, given: Partial<WebhookConfig> = {}): WebhookConfig => ({
  ...{ type: 'webhook', id: 'h', url, allowPrivate: true, minSeverity: 'info', batch: 1 },
  ...given,
})

/** An archive with a hook, a clock of its own, and objects put into it. */
async function told(hooks: readonly HookConfig[], objects: number, config: Partial<ArchiveConfig> = {}) {
  const clock = testClock()
  const home = await house({ clock, random: (byteLength) => new Uint8Array(byteLength).fill(128), ...config, hooks })
  const roots: string[] = []
  for (let index = 0; index < objects; index++) roots.push((await home.archive.put(noise(100, `object ${index}`))).root)
  return { home, clock, roots }
}

const rootsOf = ({ events }: Receiver) => events().map((event) => 'root' in event && event.root)
const stateOf = async (archive: Archive, id = 'h') => (await archive.hooks()).find((hook) => hook.id === id)
const failing = (there: Receiver, status = 500) => there.answer((response) => void response.writeHead(status).end())
const working = (there: Receiver) => there.answer((response) => void response.writeHead(204).end())

describe('what waits for a hook', () => {
  it('is delivered in the order of events, once, and as it was announced', async () => {
    const there = await receiver()
    const { home, roots } = await told([hookTo(there)], 3)
    expect(there.received).toEqual([])
    expect(await home.archive.deliverHooks()).toEqual({ hooks: [{ id: 'h', delivered: 3, waiting: 0, givenUp: 0 }] })
    expect(rootsOf(there)).toEqual(roots)
    expect(JSON.parse(there.received[0]?.body ?? '')).toMatchObject({ version: 1, archive: home.archive.publicKey, hook: 'h' })
    expect(await home.archive.deliverHooks()).toMatchObject({ hooks: [{ delivered: 0 }] })
    expect(there.received).toHaveLength(3)
  })

  it('goes together where the hook takes several at once', async () => {
    const there = await receiver()
    const { home, roots } = await told([hookTo(there, { batch: 2 })], 3)
    await home.archive.deliverHooks()
    expect(there.received.map(({ events }) => events.length)).toEqual([2, 1])
    expect(rootsOf(there)).toEqual(roots)
  })

  it('is only what the hook asked for', async () => {
    const there = await receiver()
    const severe = hookTo(there, { minSeverity: undefined })
    const { home, roots } = await told([severe, hookTo(there, { id: 'removed', events: ['object-removed'] })], 1)
    await home.archive.rm(roots[0] ?? '')
    await home.archive.deliverHooks()
    expect(there.received.map(({ body }) => JSON.parse(body).hook)).toEqual(['removed'])
  })

  it('survives the end of the process that announced it', async () => {
    const there = await receiver()
    const { home, roots } = await told([hookTo(there)], 2)
    const archive = await home.reopen()
    await archive.deliverHooks()
    expect(rootsOf(there)).toEqual(roots)
  })

  it('waits on while the receiver is down, is tried again ever later, and then arrives in order', async () => {
    const there = await receiver()
    const { home, clock, roots } = await told([hookTo(there)], 3)
    failing(there)
    const waits: number[] = []
    for (let round = 0; round < 4; round++) {
      const [done] = (await home.archive.deliverHooks()).hooks
      expect(done).toMatchObject({ delivered: 0, waiting: 3, failure: 'HTTP 500' })
      const { retryAt = '' } = (await stateOf(home.archive)) ?? {}
      waits.push(Math.round((Date.parse(retryAt) - clock()) / 1_000))
      // Too early: nobody is asked.
      await home.archive.deliverHooks()
      clock.advanceDays((Date.parse(retryAt) - clock()) / 86_400_000 + 0.0001)
    }
    expect(there.received).toHaveLength(4)
    for (const [index, wait] of waits.entries()) expect(wait / (22.5 * 2 ** index)).toBeCloseTo(1, 1)
    working(there)
    const archive = await home.reopen()
    expect((await archive.deliverHooks()).hooks).toMatchObject([{ delivered: 3, waiting: 0 }])
    expect(rootsOf(there).slice(4)).toEqual(roots)
    expect(await stateOf(archive)).toMatchObject({ failures: 0, delivered: 3 })
  })

  it('is sent at once when asked for, and when the clock jumped back by a year', async () => {
    const there = await receiver()
    const { home, clock } = await told([hookTo(there)], 1)
    failing(there)
    await home.archive.deliverHooks()
    await home.archive.deliverHooks({ now: true })
    expect(there.received).toHaveLength(2)
    clock.advanceDays(-365)
    await home.archive.deliverHooks()
    expect(there.received).toHaveLength(3)
  })

  it('rests as long as the receiver asks', async () => {
    const there = await receiver()
    const { home, clock } = await told([hookTo(there)], 1)
    there.answer((response) => void response.writeHead(429, { 'retry-after': '3600' }).end())
    await home.archive.deliverHooks()
    clock.advanceDays(0.04)
    await home.archive.deliverHooks()
    expect(there.received).toHaveLength(1)
    clock.advanceDays(0.003)
    await home.archive.deliverHooks()
    expect(there.received).toHaveLength(2)
  })

  it('is given up after its days, loudly, and not when the machine merely slept', async () => {
    const [there, other] = [await receiver(), await receiver()]
    const hooks = [hookTo(there, { giveUpDays: 3 }), hookTo(other, { id: 'other', events: ['hook-gave-up'] })]
    const { home, clock } = await told(hooks, 2)
    failing(there)
    clock.advanceDays(10)
    for (let tries = 1; tries < 5; tries++) {
      expect((await home.archive.deliverHooks()).hooks[0]).toMatchObject({ givenUp: 0, waiting: 2 })
      clock.advanceDays(1)
    }
    expect((await home.archive.deliverHooks()).hooks[0]).toMatchObject({ givenUp: 2, waiting: 0, failure: 'HTTP 500' })
    expect(await stateOf(home.archive)).toMatchObject({ givenUp: 2, waiting: 0 })
    await home.archive.deliverHooks()
    expect(other.events()).toMatchObject([{ type: 'hook-gave-up', hook: 'h', events: 2 }])
  })

  it('does not hold up the others for ever when the receiver refuses one of them', async () => {
    const there = await receiver()
    const { home, clock, roots } = await told([hookTo(there, { batch: 20 })], 3)
    there.answer((response, { body }) => void response.writeHead(body.includes(roots[0] ?? '') ? 422 : 204).end())
    for (let tries = 0; tries < 8; tries++) {
      await home.archive.deliverHooks()
      clock.advanceDays(1 / 3)
    }
    await home.archive.deliverHooks({ now: true })
    expect(rootsOf(there).slice(-2)).toEqual(roots.slice(1))
    expect(await stateOf(home.archive)).toMatchObject({ delivered: 2, givenUp: 1, waiting: 0 })
  })

  it('is bounded: the least severe and oldest are dropped, and counted', async () => {
    const there = await receiver()
    const { home, roots } = await told([hookTo(there, { maxWaiting: 2 })], 3)
    expect(await stateOf(home.archive)).toMatchObject({ waiting: 2, dropped: 1 })
    await home.archive.deliverHooks()
    expect(rootsOf(there)).toEqual(roots.slice(1))
  })

  it('of a hook that is configured no longer is shown, and forgotten after a while', async () => {
    const there = await receiver()
    const { home, clock } = await told([hookTo(there)], 1)
    const archive = await home.reopen({ hooks: [] })
    expect(await archive.hooks()).toMatchObject([{ id: 'h', type: 'unconfigured', waiting: 1 }])
    await archive.deliverHooks()
    clock.advanceDays(8)
    await archive.deliverHooks()
    expect(await archive.hooks()).toMatchObject([{ id: 'h', waiting: 0, givenUp: 1 }])
    expect(there.received).toEqual([])
  })
})

describe('the work that events tell of', () => {
  it('is neither failed nor held up by hooks that are down, hang, or lead inside', async () => {
    const there = await receiver()
    there.answer(() => undefined)
    const inside: HookConfig = { type: 'webhook', id: 'inside', url: 'https://localhost/', minSeverity: 'info' }
    const { home } = await told([hookTo(there), inside, { type: 'command', id: 'none', command: ['/nowhere'], minSeverity: 'info' }], 1)
    const { hooks } = await home.archive.deliverHooks({ withinMs: 300 })
    expect(hooks).toMatchObject([
      { id: 'h', delivered: 0, waiting: 1, failure: expect.stringContaining('no answer within') },
      { id: 'inside', waiting: 1, failure: expect.stringContaining('private network') },
      { id: 'none', waiting: 1, failure: expect.stringContaining('no such program') },
    ])
  })

  it('ends at once when it is cancelled, and what was being sent neither counts as sent nor as failed', async () => {
    const there = await receiver()
    const { home } = await told([hookTo(there)], 1)
    const stop = new AbortController()
    there.answer(() => stop.abort(new RangeError('stopped')))
    expect(await home.archive.deliverHooks({ signal: stop.signal })).toMatchObject({ hooks: [{ delivered: 0, waiting: 1 }] })
    expect(await stateOf(home.archive)).toMatchObject({ failures: 0, waiting: 1 })
  })

  it('returns in time from a receiver that is slow for each of many', async () => {
    const there = await receiver()
    const { home } = await told([hookTo(there)], 6)
    there.answer((response) => void setTimeout(() => response.writeHead(204).end(), 200))
    const [done] = (await home.archive.deliverHooks({ withinMs: 500 })).hooks
    expect((done?.delivered ?? 0) + (done?.waiting ?? 0)).toBe(6)
    expect(done?.waiting).toBeGreaterThan(0)
  })
})

describe('several processes', () => {
  it('do not deliver to one hook side by side', async () => {
    const there = await receiver()
    const { home, clock, roots } = await told([hookTo(there)], 2)
    const other = await house({ path: join(home.folder, 'archive'), vaults: home.vaults, hooks: [hookTo(there)], clock })
    let inside: unknown
    there.answer((response) => {
      if (there.received.length > 1) return void response.writeHead(204).end()
      other.archive.deliverHooks().then((report) => {
        inside = report
        response.writeHead(204).end()
      })
    })
    await home.archive.deliverHooks()
    expect(inside).toMatchObject({ hooks: [{ busy: true, delivered: 0 }] })
    expect(rootsOf(there)).toEqual(roots)
  })

  it('that died between announcing and delivering, or in the middle of it, lose nothing and the next goes on', async () => {
    const folder = await tempFolder()
    const there = await receiver()
    const script = fileURLToPath(new URL('deliver.child.ts', import.meta.url))
    const run = (mode: string) =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, [script, folder, there.url, mode], { stdio: 'inherit' })
        child.once('exit', (code, signal) => resolve(signal ?? code))
      })
    expect(await run('announce')).toBe('SIGKILL')
    expect(there.received).toEqual([])
    expect(await run('deliver')).toBe('SIGKILL')
    const before = there.received.length
    expect(before).toBe(1)
    const vaults = [directory({ id: 'a', at: join(folder, 'a') })]
    const { archive } = await house({ path: join(folder, 'archive'), vaults, hooks: [hookTo(there)] })
    expect(await archive.deliverHooks()).toMatchObject({ hooks: [{ delivered: 2, waiting: 0 }] })
    const ids = there.events().map(({ id }) => id)
    // At least once: the one that was on its way comes again, under the same id.
    expect(ids[1]).toBe(ids[0])
    expect(new Set(ids).size).toBe(2)
  })
})

describe('hooks that could not work', () => {
  const base = { type: 'webhook', id: 'h', url: 'https://example.org/' } as const
  it.each([
    ['no id', { ...base, id: '' }],
    ['no url', { ...base, url: 'example.org' }],
    ['no TLS', { ...base, url: 'http://example.org/' }],
    ['a password in the url', { ...base, url: 'https://a:b@example.org/' }],
    ['an address inside', { ...base, url: 'https://[::1]/' }],
    ['a short secret', { ...base, secret: 'short' }],
    ['a header of ours', { ...base, headers: { 'Content-Length': '1' } }],
    ['a header with a line in it', { ...base, headers: { 'X-A': 'a\r\nX-B: b' } }],
    ['an event that is none', { ...base, events: ['state-change'] }],
    ['a severity that is none', { ...base, minSeverity: 'bad' }],
    ['no time at all', { ...base, timeoutMs: 0 }],
    ['nothing to run', { type: 'command', id: 'h', command: [] }],
    ['a secret key as an argument', { type: 'command', id: 'h', command: ['x', `AGE-SECRET-KEY-1${'Q'.repeat(58)}`] }],
    ['a variable of ours', { type: 'command', id: 'h', command: ['x'], env: ['PERDURE_IDENTITY'] }],
    ['no type', { id: 'h' }],
  ])('are refused when the archive is opened: %s', async (_, hook) => {
    const error = await house({ hooks: [hook as unknown as HookConfig] }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'invalid', name: 'ConfigError' })
    expect(String(error)).not.toContain('QQQQ')
  })

  it('are refused when two have one id', async () => {
    await expect(house({ hooks: [base, base] })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('show no more of their address than its host', async () => {
    const { archive } = await fleet(['a', 'b'], { hooks: [{ ...base, url: 'https://example.org/services/SECRET?token=SECRET' }] })
    expect(JSON.stringify(await archive.hooks())).not.toContain('SECRET')
  })
})

it('a hook is tested past the outbox, and says why it fails', async () => {
  const there = await receiver()
  const { home } = await told([hookTo(there)], 1)
  expect(await home.archive.testHook('h')).toMatchObject({ id: 'h', ok: true })
  expect(there.events()).toMatchObject([{ type: 'hook-tested', hook: 'h' }])
  failing(there, 503)
  expect(await home.archive.testHook('h')).toMatchObject({ ok: false, detail: 'HTTP 503' })
  await expect(home.archive.testHook('other')).rejects.toMatchObject({ code: 'not-found' })
  expect(await stateOf(home.archive)).toMatchObject({ waiting: 1, failures: 0 })
})
