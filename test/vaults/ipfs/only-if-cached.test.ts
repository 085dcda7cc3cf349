import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Vault } from '../../../src/contracts.ts'
import { addressOf, RAW } from '../../../src/format/address.ts'
import { pinningService, raceGateways, trustlessGateway } from '../../../src/ipfs.ts'
import { fakePinning, pinningHouse, vaultAt } from '../../fakes/pinning-house.ts'
import { bytesOf, noise } from '../../flow/house.ts'

/** A gateway that has nothing at hand and gets everything from elsewhere, where it is not told to leave that. */
async function recursive(elsewhere: ReadonlyMap<string, Uint8Array>, { whenTold = 412 as number | 'ignores' } = {}) {
  const log: string[] = []
  const server = createServer((request, response) => {
    const told = request.headers['cache-control'] === 'only-if-cached'
    const cid = /^\/ipfs\/(\w+)/.exec(request.url ?? '')?.[1] ?? ''
    log.push(told ? `${cid} only if cached` : cid)
    if (told && whenTold !== 'ignores') return void response.writeHead(whenTold).end()
    const bytes = elsewhere.get(cid)
    response.writeHead(bytes ? 200 : 404, { 'content-type': 'application/vnd.ipld.raw' }).end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, log }
}

const BYTES = noise(100)
const CID = addressOf(BYTES, RAW)
const ELSEWHERE = new Map([[`${CID}`, BYTES]])
const at = `ipfs:${CID}`

const read = (vault: Vault, audit: boolean) => bytesOf(vault.read(at, { cid: CID, offset: 0, length: 100 }, { audit }))

async function vaultWith(gateway: Parameters<typeof pinningService>[0]['gateway'], onlyIfCached?: 'auto') {
  return vaultAt(await fakePinning(), { gateway, onlyIfCached })
}

describe('audits by `onlyIfCached`', () => {
  it('take a block that the gateway would have to fetch for absent, and warm no cache; other reads get it', async () => {
    const { url, log } = await recursive(ELSEWHERE)
    const vault = await vaultWith(url, 'auto')
    await expect(read(vault, true)).rejects.toMatchObject({ code: 'absent' })
    await expect(read(vault, true)).rejects.toMatchObject({ code: 'absent' })
    // Found out once, by a block that nobody has.
    expect(log).toHaveLength(3)
    expect(log[0]).not.toContain(`${CID}`)
    expect(log.every((line) => line.endsWith('only if cached'))).toBe(true)
    expect(vault.readsFrom?.(at).doubt).toContain('fetched nothing')
    expect(await read(vault, false)).toEqual(BYTES)
  })

  it('are no stricter where it was not asked for, and say that a cache may have answered', async () => {
    const { url, log } = await recursive(ELSEWHERE)
    const vault = await vaultWith(url)
    expect(await read(vault, true)).toEqual(BYTES)
    expect(log).toEqual([`${CID}`])
    expect(vault.readsFrom?.(at).doubt).toContain('a cache may have answered')
  })

  it.each([404, 504, 'ignores'] as const)('are as usual with a gateway that answers %s to a block that nobody has', async (whenTold) => {
    const { url, log } = await recursive(ELSEWHERE, { whenTold })
    const vault = await vaultWith(url, 'auto')
    expect(await read(vault, true)).toEqual(BYTES)
    expect(log.at(-1)).toBe(`${CID}`)
    expect(vault.readsFrom?.(at).doubt).toContain('a cache may have answered')
  })

  it('are as usual with gateways that cannot be asked whether they keep to it', async () => {
    const { url } = await recursive(ELSEWHERE)
    const vault = await vaultWith(raceGateways([trustlessGateway(url, { allowPrivate: true })]), 'auto')
    expect(await read(vault, true)).toEqual(BYTES)
    expect(vault.readsFrom?.(at).doubt).toContain('a cache may have answered')
  })

  it('pass at a service whose gateway has its blocks at hand, and leave less in doubt', async () => {
    const { archive } = await pinningHouse({}, { onlyIfCached: 'auto' })
    const receipt = await archive.put(noise(1000))
    expect(receipt.state).toBe('satisfied')
    const { state, replicas } = await archive.verify(receipt.root)
    expect(state).toBe('satisfied')
    expect(replicas.find(({ vault }) => vault === 'ipfs')?.detail).toMatch(/had them at hand and fetched nothing/)
  })

  it('of other values are refused', () => {
    expect(() => pinningService({ preset: 'pinata', token: 't', onlyIfCached: 'always' as 'auto' })).toThrow(/onlyIfCached is `auto`/)
  })
})

it('a gateway that is gone keeps to nothing, and a caller that stops is told its reason', async () => {
  const gateway = trustlessGateway('http://127.0.0.1:1', { allowPrivate: true })
  expect(await gateway.keepsToCache()).toBe(false)
  await expect(gateway.keepsToCache({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
})
