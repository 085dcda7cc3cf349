/** Retention, renewal and restores on the command line, over buckets on the fake S3 server. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endRestores } from '../fakes/s3/cold.ts'
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../fakes/s3/server.ts'
import { type Place, place } from './run.ts'

const DAY_MS = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString()
const dayIn = (days: number) => inDays(days).slice(0, 10)

/** A folder with a file `x` and a configuration of one bucket. */
async function withBucket(rules: FakeS3Options = {}, options: object = {}): Promise<{ at: Place; fake: FakeS3 }> {
  const fake = await startFakeS3(rules)
  const at = await place()
  onTestFinished(async () => {
    await fake.close()
    await at[Symbol.asyncDispose]()
  })
  const { endpoint, bucket, accessKeyId, secretAccessKey } = fake
  const vault = { type: 's3', id: 'bucket', endpoint, bucket, accessKeyId, secretAccessKey, ...options }
  const policy = { copies: 1, overrides: { bucket: { accept: ['listed', 'sampled', 'whole'], maxAgeDays: 30 } } }
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [vault], policy }))
  await writeFile(join(at.cwd, 'x'), 'some bytes')
  return { at, fake }
}

const contentOf = ({ store }: FakeS3) => [...store].filter(([key]) => key.startsWith('packs/')).map(([, versions]) => versions.at(-1))

describe('put --retain-until', () => {
  it('locks, shows it in put and status, and rm names the date', async () => {
    const { at, fake } = await withBucket({ objectLock: true })
    const put = await at.run(['put', 'x', '--public', '--retain-until', dayIn(40), '--retain-mode', 'compliance', '--legal-hold'])
    expect([put.code, put.stderr]).toEqual([0, ''])
    expect(put.stdout).toContain(`retained until ${dayIn(40)}T00:00:00.000Z (compliance), with a legal hold`)
    expect(contentOf(fake)).toMatchObject([{ retention: { mode: 'COMPLIANCE', until: Date.parse(dayIn(40)) }, legalHold: true }])
    const [, root = ''] = /satisfied {2}(\S+)/.exec(put.stdout) ?? []
    expect((await at.run(['status', root])).stdout).toContain('retained until')
    expect((await at.json(['receipt', 'show', root])).document).toMatchObject({ retain: { mode: 'compliance', legalHold: true } })
    expect((await at.run(['rm', root])).stdout).toContain(`retains it until ${dayIn(40)}`)
    expect(contentOf(fake)).toHaveLength(1)
  })

  it('is a usage error without a date, with one that is none, with one that has passed, and where nothing can lock', async () => {
    const { at } = await withBucket()
    for (const args of [['--legal-hold'], ['--retain-mode', 'governance'], ['--retain-until', 'soon'], ['--retain-until', '2030-02-30']])
      expect((await at.run(['put', 'x', ...args])).code, args.join(' ')).toBe(2)
    const past = await at.run(['put', 'x', '--retain-until', '2020-01-01'])
    expect([past.code, past.stderr]).toEqual([2, expect.stringMatching(/2020-01-01.*has passed/)])
    const lockless = await at.run(['put', 'x', '--retain-until', dayIn(3)])
    expect([lockless.code, lockless.stderr]).toEqual([2, expect.stringMatching(/Object Lock/)])
    expect((await at.json(['ls'])).document).toMatchObject({ objects: [] })
  })
})

describe('renew', () => {
  it('exits 3 with a plan that has work, 0 when it is done or nothing lapses, 3 on a refusal and 4 on silence', async () => {
    const { at, fake } = await withBucket({ objectLock: true }, { lock: { mode: 'GOVERNANCE', days: 30 } })
    await at.run(['put', 'x'])
    expect((await at.json(['renew'])).document).toEqual({ planned: false, actions: [], lasting: 2 })
    const far = ['--until', inDays(90)]
    const plan = await at.run(['renew', '--plan', ...far])
    expect([plan.code, plan.stdout]).toEqual([3, expect.stringMatching(/planned {2}pack .* in bucket from .* to /)])
    expect(fake.faults.counts.PutObjectRetention).toBeUndefined()
    fake.faults.only = ({ op }) => op === 'PutObjectRetention'
    fake.faults.denied = 0
    const denied = await at.run(['renew', ...far])
    expect([denied.code, denied.stdout]).toEqual([3, expect.stringMatching(/failed {2}.*grant this key/)])
    fake.faults.denied = undefined
    fake.faults.slowDown = { times: 2 }
    expect((await at.run(['renew', ...far])).code).toBe(4)
    const { code, document } = await at.json(['renew', ...far])
    expect([code, document]).toMatchObject([0, { lasting: 0, actions: [{ outcome: 'renewed' }, { outcome: 'renewed' }] }])
    const done = await at.run(['renew', ...far.slice(0, 1), inDays(89)])
    expect([done.code, done.stdout]).toEqual([0, '2 replicas last long enough\n'])
  })

  it('has nothing to do where nothing has a term', async () => {
    const { at } = await withBucket()
    const { code, stdout } = await at.run(['renew'])
    expect([code, stdout]).toEqual([0, 'Nothing here has a term or a lock.\n'])
  })
})

describe('thaw', () => {
  it('exits 4 while a restore is under way and 0 when it can be read; get says before that to thaw', async () => {
    const { at, fake } = await withBucket({}, { storageClass: 'DEEP_ARCHIVE' })
    const { document } = await at.json(['put', 'x'])
    const root = String(document.root)
    const early = await at.run(['cat', root])
    expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/perdure thaw/)])
    const begun = await at.run(['thaw', root, '--days', '3', '--tier', 'bulk'])
    expect([begun.code, begun.stdout]).toEqual([4, expect.stringMatching(/thawing {2}pack .*\nA restore takes/)])
    expect((await at.run(['thaw', root])).code).toBe(4)
    endRestores(fake.store)
    const done = await at.run(['thaw', root, '--days', '3'])
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/readable until .*\nIt can be read now/)])
    expect((await at.run(['cat', root])).stdout).toBe('some bytes')
    expect((await at.json(['verify', root])).document).toMatchObject({ objects: [{ replicas: [{ verdict: 'intact' }] }] })
    expect(fake.faults.counts.RestoreObject).toBe(1)
  })

  it('exits 3 when the store refuses, and refuses a tier it does not know', async () => {
    const { at } = await withBucket({ restores: false }, { storageClass: 'GLACIER' })
    const { document } = await at.json(['put', 'x'])
    const refused = await at.run(['thaw', String(document.root)])
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringMatching(/failed.*NotImplemented/)])
    expect((await at.run(['thaw', String(document.root), '--tier', 'quick'])).code).toBe(2)
  })
})
