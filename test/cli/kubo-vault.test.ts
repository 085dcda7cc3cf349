import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import type { VaultProfile } from '../../src/contracts.ts'
import { fakeKubo } from '../fakes/kubo.ts'
import { noise } from '../flow/house.ts'
import { type Place, place } from './run.ts'

const API = 'http://127.0.0.1:5001'
const variable = (name: string) => `\${${name}}`
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-kubo-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object, env: Record<string, string> = {}) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 'kubo', ...options }] }), { file: join(folder, 'perdure.json'), env })
const profileOf = async (options: object, env?: Record<string, string>): Promise<VaultProfile | undefined> =>
  (await archiveConfig(parse(options, env))).vaults?.[0]?.profile

async function madeNode() {
  const node = await fakeKubo()
  onTestFinished(() => node[Symbol.asyncDispose]())
  return node
}

/** Two disks and the node, all of which the policy wants. */
async function configure({ cwd }: Place, node: object): Promise<void> {
  const disks = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}`, operator: id }))
  const vaults = [...disks, { type: 'kubo', id: 'node', ...node }]
  await writeFile(join(cwd, 'perdure.json'), JSON.stringify({ vaults, policy: { copies: 3, floor: 2, distinct: {} } }))
  await writeFile(join(cwd, 'file.bin'), noise(1000))
}

describe('a Kubo node in a configuration', () => {
  it('needs its API and nothing else, which may come from the environment as a URL or a multiaddr', async () => {
    expect(() => parse({})).toThrow(/vaults\[0\] needs "api"/)
    expect(() => parse({ api: variable('A') })).toThrow(/variable A is not set; vaults\[0\]\.api/)
    expect(await profileOf({ api: variable('A') }, { A: '/ip4/127.0.0.1/tcp/5001' })).toMatchObject({ id: 'kubo', operator: '127.0.0.1' })
    const own = { id: 'cellar', operator: 'me', region: 'eu', jurisdiction: 'de', labels: { rack: '7' } }
    expect(await profileOf({ api: API, gateway: 'http://127.0.0.1:8080', provide: true, timeoutMs: 5_000, ...own })).toMatchObject({
      ...own,
      network: 'ipfs',
    })
  })

  it('refuses mistyped keys and kinds, another network, and what the factory refuses, and shows no secret', async () => {
    expect(() => parse({ api: API, gatway: API })).toThrow(/did you mean gateway\?/)
    expect(() => parse({ api: API, network: 's3' })).toThrow(/unknown key "network"/)
    expect(() => parse({ api: API, provide: 'yes' })).toThrow(/provide must be/)
    expect(() => parse({ api: API, auth: 'Bearer hunter2' })).toThrow(/auth must be/)
    await expect(profileOf({ api: API, auth: { baerer: 'hunter2' } })).rejects.toThrow(/did you mean bearer\?/)
    await expect(profileOf({ api: API, auth: { basic: 7 } })).rejects.toThrow(/auth\.basic must be text/)
    await expect(profileOf({ api: API, auth: {} })).rejects.toThrow(/auth must be \{ bearer: token \}/)
    await expect(profileOf({ api: 'http://node.example:5001', auth: { bearer: 'hunter2' } })).rejects.toThrow(/in clear to another machine/)
    for (const options of [
      { api: 'http://me:hunter2@127.0.0.1:5001' },
      { api: 'http://node.example:5001', auth: { bearer: 'hunter2' } },
      { api: API, auth: { basic: 'hunter2' } },
    ])
      await expect(profileOf(options)).rejects.not.toThrow(/hunter2/)
  })

  it('is put to, verified, repaired and removed from by the commands, its password nowhere in the output', async () => {
    const node = await madeNode()
    await using at = await place()
    await configure(at, { api: node.api, auth: { basic: variable('AUTH') } })
    const env = { AUTH: 'me:hunter2' }
    const put = await at.run(['put', 'file.bin', '--json'], { env })
    expect(put.code, put.stderr).toBe(0)
    const [root = ''] = node.pins
    expect(put.stdout).toContain(root)
    expect(new Set(node.authorizations)).toEqual(new Set([`Basic ${Buffer.from(env.AUTH).toString('base64')}`]))

    node.pins.clear()
    node.gc()
    const lost = await at.run(['verify', '--json'], { env })
    expect(lost.code).toBe(5)
    const repaired = await at.run(['repair'], { env })
    expect(repaired.code, repaired.stderr).toBe(0)
    expect([...node.pins]).toEqual([root])

    node.fault = 'denied'
    const denied = await at.run(['verify', '--json'], { env })
    expect(denied.code).not.toBe(0)
    node.fault = undefined
    const removed = await at.run(['rm', root], { env })
    expect(removed.code, removed.stderr).toBe(0)
    expect([...node.pins]).toEqual([])
    for (const { stdout, stderr } of [put, lost, repaired, denied, removed]) {
      expect(stdout + stderr).not.toContain('hunter2')
      expect(stdout + stderr).not.toContain(Buffer.from(env.AUTH).toString('base64'))
    }
  })

  it('that is down is named by `status`, and is unknown to `verify`, not lost', async () => {
    const node = await fakeKubo()
    await using at = await place()
    await configure(at, { api: node.api, timeoutMs: 2_000 })
    expect((await at.run(['put', 'file.bin'])).code).toBe(0)
    await node[Symbol.asyncDispose]()
    const status = await at.run(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ unopened: [{ vault: 'node', reason: expect.stringContaining(node.api) }] })
    expect((await at.run(['verify'])).code).toBe(4)
  })
})
