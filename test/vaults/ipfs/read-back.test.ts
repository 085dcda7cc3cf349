import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { keyOf } from '../../fakes/pinning/blocks.ts'
import { gatewayHangs } from '../../fakes/pinning/lies.ts'
import { pinningHouse } from '../../fakes/pinning-house.ts'
import { noise } from '../../flow/house.ts'

const BYTES = 5 * 1024 * 1024
/** Blocks of 256 KiB, and a node over them. */
const BLOCKS = 21

const reads = (log: readonly string[]) => log.filter((line) => line.startsWith('GET /ipfs/'))

describe('what a service has pinned is read back', () => {
  it('whole, each block once, a few at a time', async () => {
    let [now, most] = [0, 0]
    const asked: string[] = []
    const house = await pinningHouse(
      {},
      {
        gateway: {
          async block(cid) {
            asked.push(keyOf(cid))
            most = Math.max(most, ++now)
            // Others may begin meanwhile.
            await sleep(1)
            now--
            return house.fake.blocks.get(keyOf(cid))?.bytes ?? Promise.reject(new Error('it is not kept'))
          },
        },
      },
    )
    const { state } = await house.archive.put(noise(BYTES), { profile: 'unixfs-v0-2015' })
    expect(state).toBe('satisfied')
    expect(asked).toHaveLength(BLOCKS)
    expect(new Set(asked)).toEqual(new Set(house.fake.blocks.keys()))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
  })

  it('not at all where acceptance is all that is waited for, and then it is no copy yet', async () => {
    const { archive, fake } = await pinningHouse()
    const receipt = await archive.put(noise(BYTES), { profile: 'unixfs-v0-2015', until: 'accepted' })
    expect(reads(fake.log)).toEqual([])
    expect(receipt.replicas.filter(({ vault, counts }) => vault === 'ipfs' && counts)).toEqual([])
    expect(receipt.state).not.toBe('satisfied')
    expect((await archive.verify(receipt.root)).state).toBe('satisfied')
  })

  it('until the caller stops, whose reason the put rejects with', async () => {
    const { archive, fake } = await pinningHouse(gatewayHangs(), {}, { timeoutMs: 60_000 })
    const stop = new AbortController()
    const put = archive.put(noise(BYTES), { profile: 'unixfs-v0-2015', signal: stop.signal })
    const rejected = expect(put).rejects.toThrow('enough')
    await expect.poll(() => reads(fake.log).length, { timeout: 20_000 }).toBe(4)
    stop.abort(new Error('enough'))
    await rejected
    // Nothing was asked after that.
    expect(reads(fake.log)).toHaveLength(4)
  })
})
