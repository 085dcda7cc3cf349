import { describe, expect, it } from 'vitest'
import type { LotusFault } from '../../fakes/lotus.ts'
import { codeOf } from '../code-of.ts'
import { DEAL, PROVIDER, watched } from './on-fake.ts'

const FAULTS: readonly { readonly what: string; readonly fault: LotusFault; readonly code: string }[] = [
  { what: '401', fault: { type: 'status', status: 401 }, code: 'denied' },
  { what: '403', fault: { type: 'status', status: 403 }, code: 'denied' },
  { what: '404', fault: { type: 'status', status: 404 }, code: 'unreachable' },
  { what: '429', fault: { type: 'status', status: 429 }, code: 'unreachable' },
  { what: '502', fault: { type: 'status', status: 502 }, code: 'unreachable' },
  { what: 'a web page', fault: { type: 'html' }, code: 'unreachable' },
  { what: 'an error', fault: { type: 'error', message: 'loading tipset: not found' }, code: 'unreachable' },
  { what: 'an answer to another question', fault: { type: 'other-id' }, code: 'unreachable' },
  { what: 'a cut connection', fault: { type: 'reset' }, code: 'unreachable' },
  { what: 'more than 4 MiB', fault: { type: 'huge', byteLength: 5 * 1024 * 1024 }, code: 'unreachable' },
  {
    what: 'a head without a date',
    fault: { type: 'result', method: 'ChainHead', result: { Height: 1, Cids: [{}], Blocks: [] } },
    code: 'unreachable',
  },
  { what: 'a claim of another shape', fault: { type: 'result', method: 'StateGetClaim', result: {} }, code: 'unreachable' },
  {
    what: 'a claim for what is no piece',
    fault: {
      type: 'result',
      method: 'StateGetClaim',
      result: { Provider: 1234, Data: { '/': 'bafkqaaa' }, Size: 4096, TermMax: 2_000_000, TermStart: 4_900_000, Sector: 7 },
    },
    code: 'unreachable',
  },
  { what: 'a claim in a list', fault: { type: 'result', method: 'StateGetClaim', result: [] }, code: 'unreachable' },
  { what: 'no partitions', fault: { type: 'result', method: 'StateMinerPartitions', result: null }, code: 'unreachable' },
  {
    what: 'partitions whose sets are no runs',
    fault: { type: 'result', method: 'StateMinerPartitions', result: [{}, { AllSectors: [7, 1], LiveSectors: 'all' }] },
    code: 'unreachable',
  },
  {
    what: 'another sector',
    fault: { type: 'result', method: 'StateSectorGetInfo', result: { SectorNumber: 8, Activation: 1, Expiration: 9_000_000 } },
    code: 'unreachable',
  },
  {
    what: 'an error about the sector',
    fault: { type: 'error', message: 'sector not found', method: 'StateSectorGetInfo' },
    code: 'unreachable',
  },
]

describe('a Lotus node that answers with', () => {
  it.each(FAULTS)('$what is $code, and never absence', async ({ fault, code }) => {
    const { lotus, vaultOf, pack } = await watched()
    const vault = vaultOf()
    const at = (await vault.locate(pack.name)) ?? ''
    expect(await vault.status(at)).toBe('held')
    lotus.fault = fault
    expect(await codeOf(vault.status(at))).toBe(code)
    expect(await codeOf(vault.attest?.(at, { name: pack.name, seed: new Uint8Array(32) }))).toBe(code)
    expect(await codeOf(vault.retention?.(at))).toBe(code)
  })

  it('a redirect is not followed: nobody else gets the token', async () => {
    const { lotus, vaultOf, pack } = await watched()
    const other = await watched()
    const vault = vaultOf({ token: 'for-this-node-only' })
    lotus.fault = { type: 'status', status: 307, headers: { location: other.lotus.url } }
    expect(await codeOf(vault.status((await vault.locate(pack.name)) ?? ''))).toBe('unreachable')
    expect(other.lotus.asked).toEqual([])
  })

  it('nothing is unreachable when the time is over', async () => {
    const { lotus, vaultOf, pack } = await watched()
    const vault = vaultOf({ timeoutMs: 50 })
    lotus.fault = { type: 'silent' }
    const at = (await vault.locate(pack.name)) ?? ''
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('within 50 ms') })
  })

  it('429 passes on how long it wants to be left alone', async () => {
    const { lotus, vaultOf, pack } = await watched()
    const vault = vaultOf()
    lotus.fault = { type: 'status', status: 429, headers: { 'retry-after': '7' } }
    await expect(vault.status((await vault.locate(pack.name)) ?? '')).rejects.toMatchObject({ retryAfterMs: 7000 })
  })

  it('another error about a deal than that there is none is unreachable', async () => {
    const { lotus, vaultOf, listed, pack } = await watched()
    const vault = vaultOf({ deals: [listed.deal] })
    const at = (await vault.locate(pack.name)) ?? ''
    for (const message of ['deal 9 not found', `deal ${DEAL}0 not found`, 'actor not found', `no deal ${DEAL}`]) {
      lotus.fault = { type: 'error', message, method: 'StateMarketStorageDeal' }
      expect(await codeOf(vault.status(at))).toBe('unreachable')
    }
    lotus.fault = { type: 'error', message: `failed to get deal: deal ${DEAL} not found`, method: 'StateMarketStorageDeal' }
    expect(await vault.status(at)).toBe('absent')
  })
})

describe('the head of a node', () => {
  it('that lags, or is ahead of our clock, is not believed: what it does not know may be there', async () => {
    const { lotus, vaultOf, pack, dateOf } = await watched()
    const now = { at: dateOf(lotus.epoch) + 9 * 60_000 }
    const vault = vaultOf({ clock: () => now.at })
    const at = (await vault.locate(pack.name)) ?? ''
    lotus.claims.delete(`${PROVIDER}/5`)
    expect(await vault.status(at)).toBe('absent')
    now.at += 2 * 60_000
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('11 minutes behind') })
    now.at -= 24 * 60_000
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('ahead of this clock') })
  })

  it('of another chain is refused at once', async () => {
    const { vaultOf } = await watched()
    await expect(vaultOf({ genesis: 1_667_326_380 }).open?.()).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('another chain'),
    })
    expect(await vaultOf().open?.()).toMatchObject({ id: 'filecoin-deal', network: 'filecoin', term: 'renewable' })
  })
})

describe('what is sent', () => {
  it('carries the token, which no error shows, nor a key in the URL', async () => {
    const { lotus, vaultOf } = await watched()
    lotus.token = 'a-token-that-may-read'
    expect(await codeOf(vaultOf().open?.())).toBe('denied')
    expect(await codeOf(vaultOf({ token: lotus.token }).open?.())).toBe('succeeded')
    const wrong = vaultOf({ token: 'some-other-token', rpc: `${lotus.url}?key=in-the-url` })
    const error: unknown = await wrong.open?.().catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('HTTP 401')
    expect(String(error)).not.toMatch(/some-other-token|in-the-url/)
  })

  it('stops for a signal, with its reason', async () => {
    const { lotus, vaultOf, pack } = await watched()
    const vault = vaultOf()
    const at = (await vault.locate(pack.name)) ?? ''
    lotus.fault = { type: 'silent' }
    const stop = new AbortController()
    const reason = new Error('enough')
    const waiting = vault.status(at, { signal: stop.signal })
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})
