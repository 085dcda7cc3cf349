import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import type { VaultProfile } from '../../src/contracts.ts'
import { place } from './run.ts'

const variable = (name: string) => `\${${name}}`
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-s3-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object, env: Record<string, string> = {}) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 's3', ...options }] }), { file: join(folder, 'perdure.json'), env })
const profileOf = async (options: object, env?: Record<string, string>): Promise<VaultProfile | undefined> =>
  (await archiveConfig(parse(options, env))).vaults?.[0]?.profile

describe('an S3 vault in a configuration', () => {
  it('needs its bucket and nothing else', async () => {
    expect(() => parse({})).toThrow(/vaults\[0\] needs "bucket"/)
    expect(await profileOf({ bucket: 'my.Media' })).toMatchObject({ id: 'my-media', network: 's3', operator: 'aws' })
  })

  it('takes its endpoint and keys from the environment', () => {
    const keys = { endpoint: variable('E'), accessKeyId: variable('A'), secretAccessKey: variable('S') }
    const { vaults } = parse({ bucket: 'media', ...keys }, { E: 'https://s3.example.org', A: 'key', S: 'secret' })
    expect(vaults?.[0]?.options).toMatchObject({ endpoint: 'https://s3.example.org', accessKeyId: 'key', secretAccessKey: 'secret' })
    expect(() => parse({ bucket: 'media', ...keys }, { E: 'https://s3.example.org', A: 'key' })).toThrow(
      /variable S is not set; vaults\[0\]\.secretAccessKey/,
    )
  })

  it('is of the network and operator of its preset, so that unlike networks can be told apart', async () => {
    const keys = { accessKeyId: 'key', secretAccessKey: 'secret' }
    expect(await profileOf({ bucket: 'media', preset: 'storj', ...keys })).toMatchObject({ network: 'storj', operator: 'storj' })
    expect(await profileOf({ bucket: 'media', preset: 'storj', operator: 'us', network: 'mine', ...keys })).toMatchObject({
      network: 'mine',
      operator: 'us',
    })
    await expect(profileOf({ bucket: 'media', preset: 'storjj' })).rejects.toThrow(/storjj.*storj/)
  })

  it('refuses a mistyped key, in the lock too: a lock that is silently left out protects nothing', async () => {
    expect(() => parse({ bucket: 'media', endpont: 'https://s3.example.org' })).toThrow(/did you mean endpoint\?/)
    expect(() => parse({ bucket: 'media', ca: 'PEM' })).toThrow(/unknown key "ca"/)
    await expect(profileOf({ bucket: 'media', lock: { mode: 'GOVERNANCE', day: 7 } })).rejects.toThrow(/did you mean days\?/)
    await expect(profileOf({ bucket: 'media', lock: { mode: 'GOVERNANCE', days: '7' } })).rejects.toThrow(/lock\.days must be a number/)
    expect(await profileOf({ bucket: 'media', lock: { mode: 'GOVERNANCE', days: 7 } })).toMatchObject({ canForget: false })
  })

  it('reads its certificate authority from a file beside the configuration, and says which file is missing', async () => {
    await writeFile(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\n')
    expect(await profileOf({ bucket: 'media', caFile: 'ca.pem' })).toMatchObject({ id: 'media' })
    await expect(profileOf({ bucket: 'media', caFile: 'other.pem' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(join(folder, 'other.pem')),
    })
  })

  it('is listed by `vault list` without a request, its secret nowhere in the output', async () => {
    await using at = await place()
    const vault = {
      type: 's3',
      id: 'media',
      bucket: 'media',
      endpoint: 'http://127.0.0.1:9',
      accessKeyId: 'AK',
      secretAccessKey: 'hunter2',
    }
    const other = { type: 'directory', id: 'disk', at: './disk' }
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [vault, other] }))
    const { code, stdout, stderr } = await at.run(['vault', 'list', '--json'])
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('"media"')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  it('that cannot be opened is named by `status`, `explain` and `vault test`, and the disk beside it is used', async () => {
    await using at = await place()
    const vault = { type: 's3', id: 'media', bucket: 'media', endpoint: 'http://127.0.0.1:9', accessKeyId: 'AK', secretAccessKey: 'SK' }
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [vault, { type: 'directory', id: 'disk', at: './disk' }] }))
    await writeFile(join(at.cwd, 'file.txt'), 'kept all the same')
    expect((await at.run(['put', 'file.txt'])).code).toBe(3)
    const status = await at.run(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ unopened: [{ vault: 'media', reason: expect.stringMatching(/ECONNREFUSED/) }] })
    expect((await at.run(['status'])).stdout).toMatch(/not open +media: .*ECONNREFUSED/)
    expect((await at.run(['explain'])).stdout).toMatch(/could not be opened: vault media/)
    const test = await at.run(['vault', 'test'])
    expect(test.code).toBe(1)
    expect(test.stdout).toMatch(/fails +media\n.*✗ open .*ECONNREFUSED/)
    expect(test.stdout).toMatch(/works +disk/)
  })
})
