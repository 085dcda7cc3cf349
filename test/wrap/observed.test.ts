import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { readAll } from '../../src/conformance/vault-context.ts'
import { memory } from '../../src/vaults/memory.ts'
import { observed, type VaultEvent } from '../../src/wrap/observed.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'

const counting = () => {
  let now = 0
  return () => now++
}

describe('observed', () => {
  it('tells of every call that it began, how long it took and how many bytes it moved', async () => {
    const events: VaultEvent[] = []
    const vault = observed(memory({ id: 'm' }), (event) => events.push(event), { clock: counting() })
    const pack = await samplePack()
    const at = await vault.put(pack)
    await vault.locate(pack.name)
    await readAll(vault, at, { cid: pack.root, offset: 0, length: 100 })
    for await (const _ of vault.list?.() ?? []);
    await vault.remove?.(at)
    expect(events.filter(({ type }) => type === 'called').map(({ verb }) => verb)).toEqual(['put', 'locate', 'read', 'list', 'remove'])
    expect(events.filter(({ type }) => type !== 'called')).toEqual([
      { type: 'finished', vault: 'm', verb: 'put', ms: 1, byteLength: pack.byteLength },
      { type: 'finished', vault: 'm', verb: 'locate', ms: 1 },
      { type: 'finished', vault: 'm', verb: 'read', ms: 1, byteLength: 100 },
      { type: 'finished', vault: 'm', verb: 'list', ms: 1, items: 1 },
      { type: 'finished', vault: 'm', verb: 'remove', ms: 1 },
    ])
  })

  it('tells of failures with their code and passes the error on as it was', async () => {
    const events: VaultEvent[] = []
    const vault = observed(faulty(memory(), { ...noFaults(), unreachable: true }), (event) => events.push(event))
    const [span] = await (await samplePack()).spans()
    if (!span) return expect.unreachable()
    const error = await vault.status('x').catch((caught: unknown) => caught)
    await expect(readAll(vault, 'x', span)).rejects.toMatchObject({ code: 'unreachable' })
    const failures = events.filter((event) => event.type === 'failed')
    expect(failures.map(({ verb, code }) => `${verb} ${code}`)).toEqual(['status unreachable', 'read unreachable'])
    expect(failures[0]?.error).toBe(error)
    expect(events.filter(({ type }) => type === 'finished')).toEqual([])
  })

  it('counts a read that its consumer left early as finished, with the bytes so far', async () => {
    const events: VaultEvent[] = []
    const vault = observed(memory(), (event) => events.push(event))
    const pack = await samplePack({ blocks: 3, blockLength: 1024 * 1024 })
    const at = await vault.put(pack)
    for await (const _ of vault.read(at, { cid: pack.root, offset: 0, length: pack.byteLength })) break
    expect(events.at(-1)).toMatchObject({ type: 'finished', verb: 'read', byteLength: 1024 * 1024 })
  })

  it('changes nothing when the listener throws', async () => {
    const vault = observed(memory(), () => {
      throw new Error('listener')
    })
    const pack = await samplePack()
    const at = await vault.put(pack)
    expect((await readAll(vault, at, { cid: pack.root, offset: 0, length: pack.byteLength })).byteLength).toBe(pack.byteLength)
  })
})
