import { describe, expect, it, onTestFinished } from 'vitest'
import { fakeLotus, GENESIS, runsOf } from './lotus.ts'

async function node() {
  const lotus = await fakeLotus()
  onTestFinished(() => lotus[Symbol.asyncDispose]())
  const post = async (method: string, ...params: unknown[]) =>
    fetch(lotus.url, { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 3, method: `Filecoin.${method}`, params }) })
  const ask = async (method: string, ...params: unknown[]) => (await post(method, ...params)).json()
  return { lotus, post, ask }
}

describe('the fake Lotus node', () => {
  it('answers with the id of the question, and dates its head by the genesis', async () => {
    const { lotus, ask } = await node()
    lotus.epoch = 10
    expect(await ask('ChainHead')).toMatchObject({ jsonrpc: '2.0', id: 3, result: { Height: 10, Blocks: [{ Timestamp: GENESIS + 300 }] } })
  })

  it('says null of a claim and a sector that are not there, and an error of a deal', async () => {
    const { ask } = await node()
    expect(await ask('StateGetClaim', 'f01', 5, [])).toMatchObject({ result: null })
    expect(await ask('StateSectorGetInfo', 'f01', 5, [])).toMatchObject({ result: null })
    expect(await ask('StateMarketStorageDeal', 99, [])).toMatchObject({
      error: { code: 1, message: expect.stringMatching(/^deal 99 not found/) },
    })
  })

  it('knows no other method', async () => {
    const { post } = await node()
    expect((await post('WalletList')).status).toBe(500)
  })

  it('writes sets as runs, those outside first', () => {
    expect(runsOf([])).toEqual([0])
    expect(runsOf([5])).toEqual([5, 1])
    expect(runsOf([0, 1, 4])).toEqual([0, 2, 2, 1])
  })

  it('keeps a terminated sector among all and out of the living', async () => {
    const { lotus, ask } = await node()
    lotus.sectors.set('f01/5', { activation: 1, expiration: 9, state: 'terminated' })
    lotus.sectors.set('f01/7', { activation: 1, expiration: 9, state: 'recovering' })
    const { result } = (await ask('StateMinerPartitions', 'f01', 11, [])) as { result: object[] }
    expect(result[1]).toEqual({
      AllSectors: [5, 1, 1, 1],
      FaultySectors: [7, 1],
      RecoveringSectors: [7, 1],
      LiveSectors: [7, 1],
      ActiveSectors: [0],
    })
  })
})
