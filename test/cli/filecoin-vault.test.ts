import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import type { VaultProfile } from '../../src/contracts.ts'
import { place } from './run.ts'

const RPC = 'https://node.example/rpc/v1'
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-filecoin-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 'filecoin', ...options }] }), { file: join(folder, 'perdure.json'), env: {} })
const profileOf = async (options: object): Promise<VaultProfile | undefined> => (await archiveConfig(parse(options))).vaults?.[0]?.profile

async function configured(options: object) {
  const at = await place()
  onTestFinished(() => at[Symbol.asyncDispose]())
  const vaults = [
    { type: 'directory', id: 'disk', at: './disk', operator: 'me' },
    { type: 'filecoin', id: 'deals', ...options },
  ]
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, policy: { copies: 2, floor: 2, distinct: {} } }))
  return at
}

describe('a Filecoin vault in a configuration', () => {
  it('needs a key and a node, and says of itself what it is', async () => {
    expect(() => parse({ rpc: RPC })).toThrow(/vaults\[0\] needs "key"/)
    expect(() => parse({ key: 'payer.key' })).toThrow(/vaults\[0\] needs "rpc"/)
    expect(await profileOf({ key: 'payer.key', rpc: RPC })).toMatchObject({
      id: 'filecoin',
      network: 'filecoin',
      operator: 'filecoin',
      term: 'renewable',
      termDays: 60,
      canForget: false,
      paid: true,
      maxPackBytes: 1_065_353_216,
    })
  })

  it('refuses mistyped keys and kinds, and what the factory refuses', async () => {
    const sound = { key: 'payer.key', rpc: RPC }
    expect(() => parse({ ...sound, provider: ['1'] })).toThrow(/did you mean providers\?/)
    expect(() => parse({ ...sound, maxPrice: 1 })).toThrow(/maxPrice must be text/)
    expect(() => parse({ ...sound, network: 's3' })).toThrow(/unknown key "network"/)
    await expect(profileOf({ ...sound, rpc: 'ftp://node' })).rejects.toThrow(/rpc.*is no http\(s\) URL/)
    await expect(profileOf({ ...sound, chain: 'testnet' })).rejects.toThrow(/there are mainnet and calibration/)
    await expect(profileOf({ ...sound, providers: ['first'] })).rejects.toThrow(/providers: .*is no number on the chain/)
    await expect(profileOf({ ...sound, maxPrice: 'much' })).rejects.toThrow(/maxPrice must be a sum of USDFC/)
    await expect(profileOf({ ...sound, maxPackBytes: 2_000_000_000 })).rejects.toThrow(/largest piece/)
    await expect(profileOf({ ...sound, horizonDays: -1 })).rejects.toThrow(/horizonDays/)
    await expect(profileOf({ ...sound, termDays: 0 })).rejects.toThrow(/termDays/)
  })

  it('says whose balance it cannot tell, and why', async () => {
    const at = await configured({ key: 'payer.key', rpc: RPC })
    const unknown = await at.run(['filecoin', 'balance', 'disk'])
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no vault of type filecoin is called disk')])
    const keyless = await at.run(['filecoin', 'balance'])
    expect([keyless.code, keyless.stderr]).toEqual([1, expect.stringContaining('payer.key does not exist')])
    const nothing = await at.run(['filecoin', 'fund'])
    expect(nothing.code).toBe(2)
  })

  it('never shows a key that lies where its path should be', async () => {
    const digits = 'ab'.repeat(32)
    const at = await configured({ key: './payer.key', rpc: 'http://127.0.0.1:9/rpc' })
    await writeFile(join(at.cwd, 'payer.key'), `0x${digits}\n`)
    const outputs: string[] = []
    for (const args of [
      ['filecoin', 'balance'],
      ['filecoin', 'fund', '5'],
      ['vault', 'test', 'deals'],
      ['filecoin', 'balance', '--json'],
    ]) {
      const { code, stdout, stderr } = await at.run(args)
      expect(code, args.join(' ')).not.toBe(0)
      outputs.push(stdout, stderr)
    }
    expect(outputs.join('\n').toLowerCase()).not.toContain(digits)
    expect(outputs.join('\n')).toMatch(/127\.0\.0\.1:9/)
  })
})
