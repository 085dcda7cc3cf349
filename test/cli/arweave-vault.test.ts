import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import type { VaultProfile } from '../../src/contracts.ts'
import { arweaveChain } from '../fakes/arweave/chain.ts'
import { testKey } from '../fakes/arweave/key.ts'
import { arweaveNode } from '../fakes/arweave/node.ts'
import { noise } from '../flow/house.ts'
import { place } from './run.ts'

const GATEWAYS = ['https://one.example', 'https://two.example', 'https://three.example']
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-arweave-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 'arweave', ...options }] }), { file: join(folder, 'perdure.json'), env: {} })
const profileOf = async (options: object): Promise<VaultProfile | undefined> => (await archiveConfig(parse(options))).vaults?.[0]?.profile

/** A configuration of one disk and Arweave, three gateways of it, in a folder of its own; the wallet lies beside it. */
async function configured({ winston = 10n ** 15n, more = {} }: { readonly winston?: bigint; readonly more?: object } = {}) {
  const chain = arweaveChain()
  const nodes = await Promise.all([1, 2, 3].map(() => arweaveNode(chain)))
  const at = await place()
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await at[Symbol.asyncDispose]()
  })
  const key = testKey()
  chain.fund(key.address, winston)
  const vaults = [
    { type: 'directory', id: 'disk', at: './disk', operator: 'me' },
    { type: 'arweave', id: 'weave', key: 'wallet.json', gateways: nodes.map(({ url }) => url), ...more },
  ]
  await writeFile(join(at.cwd, 'wallet.json'), JSON.stringify(key.jwk))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, policy: { copies: 2, floor: 2, distinct: {} } }))
  await writeFile(join(at.cwd, 'file.bin'), noise(300_000))
  return { chain, nodes, key, at }
}

describe('an Arweave vault in a configuration', () => {
  it('needs a wallet and gateways, and says of itself what it is', async () => {
    expect(() => parse({ gateways: GATEWAYS })).toThrow(/vaults\[0\] needs "key"/)
    expect(() => parse({ key: 'w.json' })).toThrow(/vaults\[0\] needs "gateways"/)
    expect(await profileOf({ key: 'w.json', gateways: GATEWAYS })).toMatchObject({
      id: 'arweave',
      network: 'arweave',
      operator: 'arweave',
      term: 'perpetual',
      canForget: false,
      paid: true,
    })
  })

  it('refuses mistyped keys and kinds, and what the factory refuses', async () => {
    const sound = { key: 'w.json', gateways: GATEWAYS }
    expect(() => parse({ ...sound, maxprice: '1' })).toThrow(/did you mean maxPrice\?/)
    expect(() => parse({ ...sound, maxPrice: 1 })).toThrow(/maxPrice must be text/)
    expect(() => parse({ ...sound, network: 's3' })).toThrow(/unknown key "network"/)
    await expect(profileOf({ ...sound, gateways: [1] })).rejects.toThrow(/gateways must be a list of origins, each a text/)
    await expect(profileOf({ ...sound, bundler: { uri: 'x' } })).rejects.toThrow(/did you mean url\?/)
    await expect(profileOf({ ...sound, gateways: [] })).rejects.toThrow(/gateways.*is empty/)
    await expect(profileOf({ ...sound, maxPrice: 'much' })).rejects.toThrow(/maxPrice must be a sum of AR/)
  })

  it('tells what its wallet has', async () => {
    const { at, key } = await configured({ winston: 1_250_000_000_000n })
    expect(await at.run(['arweave', 'balance'])).toMatchObject({ code: 0, stdout: expect.stringMatching(`weave +${key.address} +1.25 AR`) })
    expect(await at.json(['arweave', 'balance', 'weave'])).toEqual({
      code: 0,
      document: expect.objectContaining({ wallets: [{ vault: 'weave', address: key.address, balance: '1.25' }] }),
    })
    const unknown = await at.run(['arweave', 'balance', 'disk'])
    expect(unknown.code).not.toBe(0)
    expect(unknown.stderr).toContain('no vault of type arweave is called disk')
  })

  it('takes a file, which is on the way until it is mined, then verified, and no output shows the key', async () => {
    const { at, chain, key } = await configured()
    const outputs: string[] = []
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await at.run(args)
      outputs.push(stdout, stderr)
      return { code, stdout }
    }
    expect((await run('put', 'file.bin', '--until', 'accepted')).code).toBe(0)
    expect(chain.payments).toHaveLength(1)
    expect((await run('verify')).code).toBe(4)
    chain.mine(12)
    expect((await run('verify')).code).toBe(0)
    expect((await run('status')).stdout).toContain('weave')
    for (const secret of [key.jwk.d, key.jwk.p, key.jwk.q]) expect(outputs.join('')).not.toContain(secret)
  })

  it('with too little in the wallet costs nothing and says what is missing', async () => {
    const { at, chain } = await configured({ winston: 5n })
    const { code, stdout, stderr } = await at.run(['put', 'file.bin'])
    expect(code).toBe(3)
    expect(`${stdout}${stderr}`).toMatch(/send it 0\.\d+ AR more/)
    expect(chain.payments).toHaveLength(0)
  })
})
