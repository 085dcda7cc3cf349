import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { filecoin } from '../../../src/filecoin.ts'
import { packsNow } from '../../../src/vaults/filecoin/known-packs.ts'
import { type FilecoinHouse, startFilecoin } from '../../fakes/filecoin/house.ts'

describe('finding a pack again', () => {
  let house: FilecoinHouse
  beforeAll(async () => {
    house = await startFilecoin({ providers: 1 })
    await house.settle()
  }, 60_000)
  afterAll(() => house.close())

  const opened = () =>
    filecoin({ key: house.clientKey, rpc: house.rpc, chain: house.chain, maxLagMs: Number.MAX_SAFE_INTEGER, wait: async () => undefined })
  it('goes by what was read before, and asks the chain whether it is still there', { timeout: 60_000 }, async () => {
    const packs = await Promise.all([1, 2, 3].map((n) => samplePack({ seed: `found ${n}`, blocks: 1, blockLength: 200 })))
    const [first, second, third] = packs
    if (!first || !second || !third) return expect.fail('there are three packs')
    const other = opened()
    const locators = [await other.put(first), await other.put(second)]
    const vault = opened()
    expect(await vault.locate(first.name)).toBe(locators[0])
    expect(await vault.locate(third.name)).toBeUndefined()
    const third3 = await other.put(third)
    expect(await vault.locate(third.name)).toBe(third3)
    await other.remove?.(locators[0] ?? '')
    expect(await vault.locate(first.name), 'what was removed by somebody else is not found').toBeUndefined()
    expect(await vault.locate(second.name)).toBe(locators[1])
  })

  it('believes nothing of before when a reorganisation gave the numbers anew', { timeout: 60_000 }, async () => {
    const packs = await Promise.all(
      ['gone', 'gone too', 'comes', 'comes too'].map((seed) => samplePack({ seed, blocks: 1, blockLength: 200 })),
    )
    const [gone, goneToo, comes, comesToo] = packs
    if (!gone || !goneToo || !comes || !comesToo) return expect.fail('there are four packs')
    const vault = opened()
    const fork = await house.reorg()
    const lost = [await opened().put(gone), await opened().put(goneToo)]
    expect(await vault.locate(gone.name)).toBe(lost[0])
    await fork.undo()
    const found = [await opened().put(comes), await opened().put(comesToo)]
    const numberOf = (locator: string) => locator.split(':')[2]
    expect(found.map(numberOf), 'the numbers are given again').toEqual(lost.map(numberOf))
    expect(await vault.locate(comes.name)).toBe(found[0])
    expect(await vault.locate(gone.name)).toBeUndefined()
  })
})

it('reads of 250 packs that are known only the last one again, and what came since', async () => {
  const asked: number[] = []
  const cid = CID.parse('bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy')
  const names = await Promise.all(Array.from({ length: 251 }, async (_, n) => (await samplePack({ seed: `${n}`, blocks: 1 })).name))
  let count = 250
  const reader: Parameters<typeof packsNow>[0] = {
    pieces: async function* (dataSetId, { from = 0n } = {}) {
      for (let pieceId = from; pieceId < BigInt(count); pieceId++) yield { dataSetId, pieceId, cid }
    },
    metadataOf: async (_, ids) => {
      asked.push(ids.length)
      return new Map(ids.map((id) => [id, { perdurePack: `${names[Number(id)]}`, perdureKind: 'content' }]))
    },
  }
  const known = new Map()
  expect((await packsNow(reader, 1n, known)).size).toBe(250)
  expect(asked).toEqual([100, 100, 50])
  count++
  const packs = await packsNow(reader, 1n, known)
  expect(asked).toEqual([100, 100, 50, 2])
  expect([packs.size, packs.get(`${names[250]}`)?.pieceId]).toEqual([251, 250n])
})
