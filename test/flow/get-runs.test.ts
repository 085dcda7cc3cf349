import { describe, expect, it } from 'vitest'
import { bytesOf, contentOf, fleet, noise, only } from './house.ts'

const MIB = 1024 * 1024

describe('neighbouring blocks', () => {
  it('travel together: a file of 24 leaves takes a few reads, and not a byte that is not its own', async () => {
    const { archive, members } = await fleet(['a', 'b'], { timeoutMs: 10_000 })
    const { root } = await archive.put(noise(24 * MIB))
    const before = { reads: readsOf(members), bytes: bytesReadOf(members) }
    expect((await bytesOf(archive.get(root))).equals(noise(24 * MIB))).toBe(true)
    expect(readsOf(members) - before.reads).toBeLessThanOrEqual(6)
    expect(bytesReadOf(members) - before.bytes).toBeLessThan(24 * MIB + 10_000)
  })

  it('are asked for one by one where a vault reads by CID', async () => {
    const { archive, members } = await fleet(['a'], {
      timeoutMs: 10_000,
      policy: { copies: 1, floor: 1 },
      profiles: { a: { addressing: 'cid' } },
    })
    const { root } = await archive.put(noise(6 * MIB))
    const before = readsOf(members)
    expect((await bytesOf(archive.get(root))).equals(noise(6 * MIB))).toBe(true)
    expect(readsOf(members) - before).toBe(7)
  })

  it('of one CID each get bytes of their own: what is written over one is not seen in another', async () => {
    const { archive } = await fleet(['a', 'b'], { timeoutMs: 10_000 })
    const leaf = noise(MIB)
    const content = Buffer.concat([leaf, noise(MIB, 'other'), leaf, leaf])
    const { root } = await archive.put(content)
    const kept: Uint8Array[] = []
    for await (const piece of archive.get(root)) {
      kept.push(Uint8Array.from(piece))
      piece.fill(0)
    }
    expect(Buffer.concat(kept).equals(content)).toBe(true)
  })

  it.each([
    ['flips a bit of one', { flip: { where: 'all', offset: 5 * MIB } }],
    ['breaks off in the middle', { breakOff: { where: 'all', after: 3 * MIB + 7, times: 1 } }],
    ['ends early', { truncate: { where: 'all', length: 4 * MIB } }],
  ] as const)('arrive whole when the best replica %s of them, the others are not read again', async (_, fault) => {
    for (const faultyOne of ['a', 'b'] as const) {
      const { archive, members } = await fleet(['a', 'b'], { timeoutMs: 2_000 })
      const { root } = await archive.put(noise(8 * MIB))
      Object.assign(members[faultyOne].faults, fault)
      const before = bytesReadOf(members)
      expect((await bytesOf(archive.get(root))).equals(noise(8 * MIB)), `with the fault in ${faultyOne}`).toBe(true)
      expect(bytesReadOf(members) - before).toBeLessThan(14 * MIB)
    }
  })

  it('keep wrong bytes as evidence against the block that is wrong', async () => {
    const { archive, members } = await fleet(['a'], { timeoutMs: 2_000, policy: { copies: 1, floor: 1 } })
    const { root } = await archive.put(noise(8 * MIB))
    const at = only(contentOf(members.a))
    members.a.faults.flip = { where: [at], offset: 5 * MIB }
    await expect(bytesOf(archive.get(root))).rejects.toMatchObject({ code: 'unavailable' })
    const { replicas } = await archive.status(root)
    expect(replicas[0]).toMatchObject({ verdict: 'damaged', asked: 1, answered: 1 })
  })
})

type Members = Awaited<ReturnType<typeof fleet<'a'>>>['members']

const readsOf = (members: Partial<Members>): number => Object.values(members).reduce((sum, { faults }) => sum + (faults.calls.read ?? 0), 0)

const bytesReadOf = (members: Partial<Members>): number => Object.values(members).reduce((sum, { faults }) => sum + faults.bytesRead, 0)
