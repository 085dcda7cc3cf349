/** Where the keys come from: options, a function, the AWS credential chain; and sessions that end midway. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { assertHolds, assertNothing } from '../../../src/conformance/vault-context.ts'
import type { S3Credentials } from '../../../src/vaults/s3.ts'
import { heal } from '../../fakes/s3/faults.ts'
import type { FakeS3 } from '../../fakes/s3/server.ts'
import { fakeS3, journalInMemory, openedOn, PART_BYTES, vaultOn } from './on-fake.ts'

const CHILD = fileURLToPath(new URL('./open.child.ts', import.meta.url))
const TEN_PARTS = { seed: 'ten parts', blocks: 1, blockLength: 10 * PART_BYTES - 200 }
const run = promisify(execFile)
const none = { accessKeyId: undefined, secretAccessKey: undefined } as const

const sessionOf = ({ accessKeyId, secretAccessKey, sessionToken }: FakeS3): S3Credentials => ({
  accessKeyId,
  secretAccessKey,
  sessionToken,
})
const keysOf = ({ accessKeyId, secretAccessKey }: FakeS3): S3Credentials => ({ accessKeyId, secretAccessKey })

/** Opens a vault in a process whose environment is this and nothing else. */
async function openedWith(fake: FakeS3, env: Readonly<Record<string, string>>): Promise<unknown> {
  const home = await mkdtemp(join(tmpdir(), 'perdure-aws-'))
  onTestFinished(() => rm(home, { recursive: true }))
  // The chain ends with the metadata service of the machine, which no test may ask.
  const bare = { PATH: process.env.PATH ?? '', HOME: home, AWS_EC2_METADATA_DISABLED: 'true' }
  const { stdout } = await run(process.execPath, [CHILD, fake.bucket, fake.endpoint], { env: { ...bare, ...env } })
  return JSON.parse(stdout)
}

describe('without keys the AWS credential chain is used', () => {
  const works = { labels: { checksums: 'sha256', 'conditional-put': 'yes' } }

  it('from the environment, session included', async () => {
    const fake = await fakeS3()
    const { accessKeyId, secretAccessKey, sessionToken } = fake
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
    expect(await openedWith(fake, env)).toEqual(works)
    expect(await openedWith(fake, { ...env, AWS_SESSION_TOKEN: sessionToken })).toEqual(works)
    expect(await openedWith(fake, { ...env, AWS_SESSION_TOKEN: 'another' })).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/session has ended; get new credentials/),
    })
  })

  it('from a profile in the shared credentials file', async () => {
    const fake = await fakeS3()
    const folder = await mkdtemp(join(tmpdir(), 'perdure-aws-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'credentials')
    const profile = (name: string, secret: string) =>
      `[${name}]\naws_access_key_id = ${fake.accessKeyId}\naws_secret_access_key = ${secret}\n`
    await writeFile(file, profile('default', 'wrong') + profile('archive', fake.secretAccessKey))
    expect(await openedWith(fake, { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'archive' })).toEqual(works)
    expect(await openedWith(fake, { AWS_SHARED_CREDENTIALS_FILE: file })).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/check the access key and the secret key/),
    })
  })

  it('and where it has none, denied says what to give', async () => {
    const fake = await fakeS3()
    expect(await openedWith(fake, {})).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/no credentials were found; give accessKeyId/),
    })
    expect(fake.faults.log).toEqual([])
  })
})

describe('a function that gives credentials', () => {
  it('is asked once, and again before what it gave expires', async () => {
    const fake = await fakeS3()
    let asked = 0
    const vault = await openedOn(fake, { ...none, credentials: async () => ({ ...sessionOf(fake), asked: ++asked }) })
    await vault.locate((await samplePack()).name)
    expect(asked).toBe(1)

    let ending = 0
    const soon = async () => ({ ...sessionOf(fake), expiration: new Date(Date.now() + (ending++ === 0 ? 1_000 : 3_600_000)) })
    const other = await openedOn(fake, { ...none, credentials: soon })
    await other.locate((await samplePack()).name)
    expect(ending, 'the first was about to expire, the second is good for an hour').toBe(2)
  })

  it('that fails is denied or unreachable, never absence', async () => {
    const fake = await fakeS3()
    const failing = vaultOn(fake, { ...none, credentials: () => Promise.reject(new Error('the token service is down')) })
    await expect(failing.locate((await samplePack()).name)).rejects.toMatchObject({ code: expect.stringMatching(/denied|unreachable/) })
  })
})

describe('a session that ends midway through ten parts', () => {
  const midway = (fake: FakeS3) => Object.assign(fake.faults, { only: ({ op }: { op: string }) => op === 'UploadPart', expireSession: 6 })
  const parts = ({ faults }: FakeS3) => faults.counts.UploadPart ?? 0

  it('is denied; another process with new keys sends the four that are missing', async () => {
    const fake = await fakeS3()
    const pack = await samplePack(TEN_PARTS)
    const journal = journalInMemory()
    const vault = await openedOn(fake, { sessionToken: fake.sessionToken, partsInFlight: 1 })
    midway(fake)
    const said = { code: 'denied', message: expect.stringMatching(/session has ended; get new credentials and run the command again/) }
    await expect(vault.put(pack, { journal })).rejects.toMatchObject(said)
    fake.faults.only = undefined
    fake.faults.expireSession = 0
    await expect(vault.locate(pack.name), 'an ended session is not absence').rejects.toMatchObject(said)
    await expect(vault.put(pack, { journal })).rejects.toMatchObject(said)
    const before = parts(fake)
    const next = await openedOn(fake)
    await assertNothing(next, pack)
    await assertHolds(next, await next.put(pack, { journal }), pack)
    expect(parts(fake) - before).toBe(4)
    expect(fake.uploads.size).toBe(0)
  })

  it('is asked for anew of the function, though it had not said when it ends, and the same vault goes on', async () => {
    const fake = await fakeS3()
    const pack = await samplePack(TEN_PARTS)
    const journal = journalInMemory()
    let current = sessionOf(fake)
    const vault = await openedOn(fake, { ...none, credentials: async () => current, partsInFlight: 4 })
    midway(fake)
    await expect(vault.put(pack, { journal })).rejects.toMatchObject({ code: 'denied' })
    current = keysOf(fake)
    const there = [...fake.uploads.values()].reduce((sum, upload) => sum + upload.parts.size, 0)
    expect(there).toBe(6)
    const before = parts(fake)
    await assertHolds(vault, await vault.put(pack, { journal }), pack)
    expect(parts(fake) - before).toBe(10 - there)
    heal(fake.faults)
  })
})
