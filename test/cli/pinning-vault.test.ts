import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import type { VaultProfile } from '../../src/contracts.ts'
import { fakePinning, pinsAt } from '../fakes/pinning-house.ts'
import { noise } from '../flow/house.ts'
import { place } from './run.ts'

const variable = (name: string) => `\${${name}}`
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-pinning-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object, env: Record<string, string> = {}) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 'pinning', ...options }] }), { file: join(folder, 'perdure.json'), env })
const profileOf = async (options: object, env?: Record<string, string>): Promise<VaultProfile | undefined> =>
  (await archiveConfig(parse(options, env))).vaults?.[0]?.profile

describe('a pinning service in a configuration', () => {
  it('needs its token, which comes from the environment', async () => {
    expect(() => parse({ preset: 'pinata' })).toThrow(/vaults\[0\] needs "token"/)
    expect(() => parse({ preset: 'pinata', token: variable('T') })).toThrow(/variable T is not set; vaults\[0\]\.token/)
    expect(parse({ preset: 'pinata', token: variable('T') }, { T: 'secret' }).vaults?.[0]?.options).toMatchObject({ token: 'secret' })
    expect(await profileOf({ preset: 'pinata', token: 't', region: 'eu', maxPackBytes: 1e6 })).toMatchObject({
      id: 'pinata',
      network: 'ipfs',
      operator: 'pinata',
      region: 'eu',
      maxPackBytes: 1e6,
    })
  })

  it('refuses a mistyped key, another network, lists of what is no text, and what the factory refuses', async () => {
    expect(() => parse({ token: 't', endpont: 'https://pins.example.org' })).toThrow(/did you mean endpoint\?/)
    expect(() => parse({ token: 't', network: 's3' })).toThrow(/unknown key "network"/)
    expect(() => parse({ token: 't', origins: '/ip4/203.0.113.7/tcp/4001' })).toThrow(/origins must be a list/)
    for (const key of ['origins', 'listen', 'delegates'])
      await expect(profileOf({ preset: 'pinata', token: 't', [key]: [7] })).rejects.toThrow(
        new RegExp(`${key} must be a list of multiaddrs`),
      )
    await expect(profileOf({ token: 't' })).rejects.toThrow(/no endpoint; set it/)
  })

  it('is put to, verified and removed from by the commands, its token nowhere in the output', async () => {
    const fake = await fakePinning()
    await using at = await place()
    const { endpoint, gateway } = fake
    const pins = {
      type: 'pinning',
      id: 'pins',
      endpoint,
      gateway,
      token: variable('T'),
      allowPrivate: true,
      listen: ['/ip4/127.0.0.1/tcp/0'],
    }
    const disks = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}`, operator: id }))
    await writeFile(
      join(at.cwd, 'perdure.json'),
      JSON.stringify({ vaults: [...disks, pins], policy: { copies: 3, floor: 2, distinct: {} } }),
    )
    await writeFile(join(at.cwd, 'file.bin'), noise(1000))
    const env = { T: fake.token }
    const put = await at.run(['put', 'file.bin', '--json'], { env })
    expect(put.code, put.stderr).toBe(0)
    const [pin] = await pinsAt(fake)
    expect(pin).toMatchObject({ status: 'pinned' })
    const verified = await at.run(['verify', '--json'], { env })
    expect(verified.code, verified.stderr).toBe(0)
    const root = pin?.pin.cid ?? ''
    const removed = await at.run(['rm', root], { env })
    expect(removed.code, removed.stderr).toBe(0)
    expect(await pinsAt(fake)).toEqual([])
    for (const { stdout, stderr } of [put, verified, removed]) expect(stdout + stderr).not.toContain(fake.token)
  })

  it('whose token is refused is named by `vault list` and `status` without it', async () => {
    const fake = await fakePinning()
    await using at = await place()
    const pins = { type: 'pinning', id: 'pins', endpoint: fake.endpoint, token: 'hunter2', allowPrivate: true }
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [pins, { type: 'directory', id: 'disk', at: './disk' }] }))
    await writeFile(join(at.cwd, 'file.txt'), 'kept all the same')
    await at.run(['put', 'file.txt'])
    const status = await at.run(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ unopened: [{ vault: 'pins', reason: expect.stringMatching(/401.*token/) }] })
    const listed = await at.run(['vault', 'list'])
    expect(listed.stdout).toContain('pins')
    expect(status.stdout + status.stderr + listed.stdout + listed.stderr).not.toContain('hunter2')
  })
})
