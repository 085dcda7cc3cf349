import { execFileSync, spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Archive, HealthOptions } from '../../src/contracts.ts'
import { renderMetrics } from '../../src/flow/metrics-text.ts'
import { type ServeMetricsOptions, serveMetrics } from '../../src/server/metrics.ts'
import { contentOf, fleet, noise } from '../flow/house.ts'
import { type ParsedSample, parseExposition } from './exposition.ts'

const DAY = 86_400

const LABELS = { x: 'back\\slash, "quotes"\nand {lines}, é', y: '' }

const sampled = (samples: readonly ParsedSample[], name: string, labels: Readonly<Record<string, string>> = {}) =>
  samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value

const scraped = async (archive: Archive) => parseExposition(await archive.metrics())

describe('the text', () => {
  const families = [
    {
      name: 'a_b',
      type: 'gauge' as const,
      help: 'back\\slash, "quotes"\nand lines',
      samples: [{ labels: LABELS, value: 1.5e-7 }, { value: -3 }],
    },
    { name: 'c', type: 'counter' as const, help: 'c', samples: [{ value: 1e21 }] },
    { name: 'nothing', type: 'gauge' as const, help: 'left out', samples: [] },
  ]

  it.each(['prometheus', 'openmetrics'] as const)('of %s comes back as it was, whatever is in the labels', (format) => {
    expect(parseExposition(renderMetrics(families, format), format)).toEqual([
      { name: 'a_b', labels: LABELS, value: 1.5e-7 },
      { name: 'a_b', labels: {}, value: -3 },
      { name: 'c_total', labels: {}, value: 1e21 },
    ])
  })

  it('is what promtool accepts', async (context) => {
    if (spawnSync('promtool', ['--version']).error) {
      console.warn('SKIPPED: promtool is not on this machine, so its opinion of the metrics was not asked for')
      context.skip()
    }
    const { archive } = await fleet(['a', 'b'])
    await archive.put(noise(1_000))
    execFileSync('promtool', ['check', 'metrics'], { input: await archive.metrics() })
  })

  it.each([
    ['a family twice', '# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n# TYPE a gauge\na 2\n'],
    ['a series twice', '# HELP a x\n# TYPE a gauge\na{b="1",c="2"} 1\na{c="2",b="1"} 1\n'],
    ['a sample without a type', 'a 1\n'],
    ['a number that is none', '# HELP a x\n# TYPE a gauge\na undefined\n'],
    ['a label that does not end', '# HELP a x\n# TYPE a gauge\na{b="1} 1\n'],
    ['a label with a bad escape', '# HELP a x\n# TYPE a gauge\na{b="\\x"} 1\n'],
    ['a counter without its ending', '# HELP a x\n# TYPE a counter\na 1\n'],
    ['no last line feed', '# HELP a x\n# TYPE a gauge\na 1'],
  ])('with %s is refused by the reader of these tests', (_, text) => {
    expect(() => parseExposition(text)).toThrow()
  })
})

describe('metrics', () => {
  it('of an empty archive hold no evidence, and no number where nothing is known', async () => {
    const { archive } = await fleet(['a', 'b'])
    const samples = await scraped(archive)
    expect(sampled(samples, 'perdure_objects', { state: 'satisfied' })).toBe(0)
    expect(sampled(samples, 'perdure_vault_open', { vault: 'a' })).toBe(1)
    expect(samples.some(({ name }) => name.startsWith('perdure_evidence_oldest') || name.startsWith('perdure_cycle'))).toBe(false)
    parseExposition(await archive.metrics({ format: 'openmetrics' }), 'openmetrics')
  })

  it('tell truly how old evidence is: silence makes it no younger, and a listing is none', async () => {
    const { archive, members, clock } = await fleet(['a', 'b'], { profiles: { b: { cold: true } } })
    const putAt = clock() / 1_000
    await archive.put(noise(5_000))
    clock.advanceDays(40)
    members.a.faults.hang = 'all'
    for await (const _ of archive.verifyAll());
    const samples = await scraped(archive)
    const oldest = sampled(samples, 'perdure_evidence_oldest_timestamp_seconds', { vault: 'a' }) ?? 0
    expect(Math.abs(oldest - putAt)).toBeLessThan(DAY)
    expect(sampled(samples, 'perdure_evidence_oldest_timestamp_seconds', { vault: 'b' })).toBeUndefined()
    expect(sampled(samples, 'perdure_evidence_absent', { vault: 'b' })).toBeGreaterThan(0)
    expect(sampled(samples, 'perdure_evidence_absent', { vault: 'a' })).toBe(0)
    expect([1, 30, 90].map((days) => sampled(samples, 'perdure_evidence_within', { vault: 'a', days: String(days) }))).toEqual([
      0,
      0,
      oneOf(samples),
    ])
    expect(sampled(samples, 'perdure_objects', { state: 'unknown' })).toBe(1)
  })

  it('never count evidence as younger than it is', async () => {
    const { archive, clock } = await fleet(['a', 'b'])
    clock.advanceDays(0.95)
    await archive.put(noise(5_000))
    clock.advanceDays(1.04)
    const within = async (days: number) => sampled(await scraped(archive), 'perdure_evidence_within', { vault: 'a', days: String(days) })
    expect([(await within(1)) === oneOf(await scraped(archive)), (await within(7)) === oneOf(await scraped(archive))]).toEqual([
      false,
      true,
    ])
  })

  it('tell what surveys state, what is thought of vaults, and what audits may read', async () => {
    const { archive, members } = await fleet(['a', 'b'], { audit: { budget: { bytes: 1_000_000 } } })
    await archive.put(noise(5_000))
    expect((await scraped(archive)).some(({ name }) => name.startsWith('perdure_survey'))).toBe(false)
    const { bound, confidence } = await archive.survey('a')
    const samples = await scraped(archive)
    expect(sampled(samples, 'perdure_survey_loss_bound', { vault: 'a', confidence: String(confidence) })).toBe(bound)
    expect(sampled(samples, 'perdure_survey_open', { vault: 'a' })).toBe(0)
    expect(sampled(samples, 'perdure_vault_quarantined', { vault: 'a' })).toBe(0)
    expect(sampled(samples, 'perdure_vault_score', { vault: 'a', kind: 'integrity' })).toBeGreaterThan(0.5)
    expect(sampled(samples, 'perdure_audit_spent_bytes', { vault: 'a', purpose: 'survey' })).toBeGreaterThan(0)
    expect(sampled(samples, 'perdure_audit_budget_bytes')).toBe(1_000_000)
    const [at = ''] = contentOf(members.a)
    members.a.store.set(at, noise(6_000, 'other'))
    await archive.survey('a')
    expect(sampled(await scraped(archive), 'perdure_vault_quarantined', { vault: 'a' })).toBe(1)
  })

  it('count damage, events, and the outbox', async () => {
    const hook = { type: 'webhook', id: 'h', url: 'https://example.invalid/' } as const
    const { archive, members } = await fleet(['a', 'b'], { hooks: [hook] })
    await archive.put(noise(5_000))
    const [at = ''] = contentOf(members.a)
    members.a.store.set(at, noise(6_000, 'other'))
    for await (const _ of archive.verifyAll());
    const samples = await scraped(archive)
    expect(sampled(samples, 'perdure_vault_replicas', { vault: 'a', verdict: 'damaged' })).toBe(1)
    expect(sampled(samples, 'perdure_events_total', { type: 'replica-damaged' })).toBe(1)
    expect(sampled(samples, 'perdure_hook_waiting', { hook: 'h' })).toBe(3)
    expect(sampled(samples, 'perdure_objects', { state: 'damaged' })).toBe(1)
  })
})

/** Replicas of content in vault a. */
const oneOf = (samples: readonly ParsedSample[]) =>
  samples
    .filter(({ name, labels }) => name === 'perdure_vault_replicas' && labels.vault === 'a' && labels.verdict !== 'none')
    .reduce((sum, { value }) => sum + value, 0)

interface Answer {
  readonly status: number
  readonly body: string
  readonly type: string
}

async function serving(given: Partial<ServeMetricsOptions> & { readonly archive?: Pick<Archive, 'metrics' | 'health'> } = {}) {
  const { archive = (await fleet(['a', 'b'])).archive, ...options } = given
  const server = await serveMetrics(archive, { port: 0, ...options })
  onTestFinished(() => server.close())
  const ask = (path: string, { method = 'GET', headers = {}, body = '' } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const asked = request(`${server.url}${path}`, { method, headers }, (response) => {
        let text = ''
        response.on('data', (bytes) => (text += bytes))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, type: String(response.headers['content-type']) }))
      })
      asked.on('error', reject)
      asked.end(body)
    })
  return { server, ask, archive }
}

describe('the server', () => {
  it('gives metrics in the format asked for, and nothing else than metrics and health', async () => {
    const { ask } = await serving()
    const plain = await ask('/metrics')
    expect(plain).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
    expect(parseExposition(plain.body).length).toBeGreaterThan(10)
    const open = await ask('/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0, text/plain' } })
    expect(open.type).toContain('openmetrics')
    parseExposition(open.body, 'openmetrics')
    for (const path of ['/', '/metrics/', '/metricsx', '/health/x', `/metrics?${'x'.repeat(300)}`])
      expect((await ask(path)).status).toBe(404)
    for (const method of ['POST', 'PUT']) expect((await ask('/metrics', { method, body: 'x' })).status).toBe(405)
    expect((await ask('/metrics', { method: 'DELETE' })).status).toBe(405)
    expect(await ask('/metrics', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect((await ask('/metrics?x=1')).status).toBe(200)
  })

  it('answers to nobody who calls it by another name, as a page of a name that leads here would', async () => {
    const { ask } = await serving()
    for (const host of ['evil.example', 'evil.example:9', '127.0.0.1.evil.example', '8.8.8.8'])
      expect((await ask('/metrics', { headers: { host } })).status).toBe(403)
    for (const host of ['localhost', 'localhost:9', '127.0.0.1', '127.0.0.2:9', '[::1]:9'])
      expect((await ask('/metrics', { headers: { host } })).status).toBe(200)
    const open = await serving({ allowRemote: true })
    expect((await open.ask('/metrics', { headers: { host: 'monitoring.example' } })).status).toBe(200)
  })

  it.each(['0.0.0.0', '::', '192.168.1.1', 'example.org', '127.example.org', ''])(
    'does not listen on %j unless it is allowed',
    async (host) => {
      const { archive } = await fleet(['a', 'b'])
      await expect(serveMetrics(archive, { host, port: 0 })).rejects.toMatchObject({ code: 'invalid' })
    },
  )

  it('listens beyond this machine when it is allowed, and on IPv6', async () => {
    expect((await serving({ host: '0.0.0.0', allowRemote: true })).server.url).toContain('0.0.0.0')
    const six = await serving({ host: '::1' })
    expect((await six.ask('/metrics')).status).toBe(200)
  })

  it('says so when the port is taken', async () => {
    const { server, archive } = await serving()
    const port = Number(new URL(server.url).port)
    await expect(serveMetrics(archive, { port })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('another program'),
    })
  })

  it('refuses headers beyond a limit, and does not fall over what is no HTTP', async () => {
    const { ask, server } = await serving()
    expect((await ask('/metrics', { headers: { 'x-long': 'x'.repeat(10_000) } })).status).toBe(431)
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.write('\u0000\u0001 nonsense\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve).resume())
    expect((await ask('/health')).status).toBe(200)
  })

  it('answers 503 without a reason when the catalog does not answer', async () => {
    const archive = { metrics: () => Promise.reject(new Error('/secret/path')), health: () => Promise.reject(new Error('/secret/path')) }
    const { ask } = await serving({ archive })
    for (const path of ['/metrics', '/health']) {
      const { status, body } = await ask(path)
      expect([status, body.includes('secret')]).toEqual([503, false])
    }
  })

  it('ends with its signal, and at once when told, though a client keeps its connection', async () => {
    const stop = new AbortController()
    const { server, ask } = await serving({ signal: stop.signal })
    await ask('/metrics')
    stop.abort()
    await server.close()
    await expect(ask('/metrics')).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN/) })
    await expect(serving({ signal: AbortSignal.abort(new RangeError('stopped')) })).rejects.toThrow('stopped')
  })
})

describe('health', () => {
  it('is well while nothing is at risk, and failing with the reason when something is', async () => {
    const { archive, members } = await fleet(['a', 'b'], { policy: { copies: 2, floor: 2 } })
    const { ask } = await serving({ archive })
    const { root } = await archive.put(noise(500))
    expect(await ask('/health')).toMatchObject({ status: 200, type: 'application/json' })
    for (const at of contentOf(members.b)) members.b.store.delete(at)
    await archive.verify(root)
    const failing = await ask('/health')
    expect(failing.status).toBe(503)
    expect(JSON.parse(failing.body)).toMatchObject({ status: 'failing', state: 'at-risk', reasons: ['1 objects are at-risk'] })
  })

  it('fails when no cycle has come round in time: never since the start, or too long ago', async () => {
    const { archive, clock } = await fleet(['a', 'b'])
    const healthAt = async (options: HealthOptions) => (await archive.health(options)).reasons
    expect(await healthAt({})).toEqual([])
    const startedAt = clock()
    expect(await healthAt({ startedAt, maxCycleAgeMs: 1_000_000 })).toEqual([])
    clock.advanceDays(1)
    expect(await healthAt({ startedAt, maxCycleAgeMs: 1_000_000 })).toEqual(['no cycle has finished since the start'])
    expect(await healthAt({})).toEqual([])
  })
})
