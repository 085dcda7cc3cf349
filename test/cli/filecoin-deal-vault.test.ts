import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/cli/config.ts'
import { archiveConfig } from '../../src/cli/open.ts'
import { pieceOf } from '../../src/commp.ts'
import { directory } from '../../src/vaults/directory.ts'
import { fakeLotus, GENESIS } from '../fakes/lotus.ts'
import { noise } from '../flow/house.ts'
import { CLAIM, onChain, PROVIDER } from '../vaults/filecoin-deal/on-fake.ts'
import { place } from './run.ts'

const TOKEN = 'a-token-that-may-only-read'
const RPC = 'https://node.example/rpc/v1'
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-deal-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const parse = (options: object, env: Record<string, string> = {}) =>
  parseConfig(JSON.stringify({ vaults: [{ type: 'filecoin-deal', ...options }] }), { file: join(folder, 'perdure.json'), env })
const profileOf = async (options: object) => (await archiveConfig(parse(options))).vaults?.[0]?.profile

describe('watched Filecoin deals in a configuration', () => {
  it('need a node and a list, and say of themselves what they are', async () => {
    expect(() => parse({ deals: 'deals.json' })).toThrow(/vaults\[0\] needs "rpc"/)
    expect(() => parse({ rpc: RPC })).toThrow(/vaults\[0\] needs "deals"/)
    expect(parse({ rpc: RPC, deals: 'deals.json' }).vaults?.[0]?.options).toMatchObject({ deals: join(folder, 'deals.json') })
    expect(await profileOf({ rpc: RPC, deals: 'deals.json' })).toMatchObject({
      id: 'filecoin-deal',
      network: 'filecoin',
      operator: 'filecoin',
      term: 'renewable',
      canForget: false,
      cold: true,
      paid: true,
    })
  })

  it('refuse mistyped keys and kinds, and what the factory refuses', async () => {
    const sound = { rpc: RPC, deals: 'deals.json' }
    expect(() => parse({ ...sound, horizonDay: 3 })).toThrow(/did you mean horizonDays\?/)
    expect(() => parse({ ...sound, deals: [] })).toThrow(/deals must be a path/)
    expect(() => parse({ ...sound, network: 's3' })).toThrow(/unknown key "network"/)
    await expect(profileOf({ ...sound, rpc: 'node.example' })).rejects.toThrow(/`rpc` must be/)
    await expect(profileOf({ ...sound, termDays: 0 })).rejects.toThrow(/termDays/)
  })

  it('are taken on by repair and counted by verify, and no output shows the token', async () => {
    const lotus = await fakeLotus()
    const at = await place()
    onTestFinished(async () => {
      await lotus[Symbol.asyncDispose]()
      await at[Symbol.asyncDispose]()
    })
    lotus.token = TOKEN
    lotus.epoch = Math.floor((Date.now() / 1000 - GENESIS) / 30)
    const vaults = [
      { type: 'directory', id: 'disk', at: './disk', operator: 'me' },
      { type: 'filecoin-deal', rpc: lotus.url, deals: 'deals.json', token: TOKEN },
    ]
    const overrides = { 'filecoin-deal': { accept: ['proven'], maxAgeDays: 30 } }
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, policy: { copies: 2, floor: 2, distinct: {}, overrides } }))
    await writeFile(join(at.cwd, 'deals.json'), '[]')
    await writeFile(join(at.cwd, 'file.bin'), noise(100_000))
    const outputs: string[] = []
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await at.run(args)
      outputs.push(stdout, stderr)
      return { code, text: `${stdout}${stderr}` }
    }
    expect((await run('put', 'file.bin')).text).toMatch(/only watches deals/)
    const disk = directory({ id: 'disk', at: join(at.cwd, 'disk') })
    const listed: object[] = []
    for await (const { name, at: locator, byteLength, kind } of disk.list?.({ kind: 'content' }) ?? []) {
      const { v1, pieceByteLength } = await pieceOf(disk.read(locator, { cid: name, offset: 0, length: byteLength }))
      onChain(lotus, { v1: v1.toString(), size: pieceByteLength })
      listed.push({ pack: name.toString(), pieceCid: v1.toString(), byteLength, kind, claim: { provider: PROVIDER, id: CLAIM } })
    }
    await writeFile(join(at.cwd, 'deals.json'), JSON.stringify(listed))
    await run('repair')
    expect((await run('verify')).code).toBe(0)
    expect((await run('status')).text).toContain('filecoin-deal')
    lotus.fault = { type: 'status', status: 403 }
    await run('verify')
    expect(outputs.join('')).not.toContain(TOKEN)
  })
})
