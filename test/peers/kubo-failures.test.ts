/** A real Kubo daemon that is down, lets nobody in, or has no room: what each of them means to an archive. */
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds, assertRejects, readAll } from '../../src/conformance/vault-context.ts'
import type { Vault } from '../../src/contracts.ts'
import { type KuboAuth, kubo } from '../../src/ipfs.ts'
import { memory } from '../../src/vaults/memory.ts'
import { fill, smallDisk } from '../flow/disk.ts'
import { house, noise, tempFolder } from '../flow/house.ts'
import { KUBO, startKubo } from './kubo-node.ts'

const MIB = 1024 * 1024
const AUTH = 'perdure:right'

const archiveWith = (vault: Vault) =>
  house({
    vaults: [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b' }), vault],
    policy: { copies: 3, floor: 2, distinct: {} },
    maxPackBytes: 1_500_000,
    timeoutMs: 20_000,
  })

describe.skipIf(KUBO === '')('a real Kubo daemon that fails', { timeout: 120_000 }, () => {
  it('is unreachable while it is stopped, never missing, and as it was when it is back', async () => {
    const node = await startKubo(await tempFolder())
    const { archive } = await archiveWith(kubo({ api: node.api }))
    const { root } = await archive.put(noise(3 * MIB, 'stopped'))
    await node.stop()
    const down = await archive.verify(root, { level: 'whole' })
    const verdicts = down.replicas.filter(({ vault }) => vault === 'kubo').map(({ verdict }) => verdict)
    expect(new Set(verdicts)).toEqual(new Set(['unreachable']))
    await assertRejects('unreachable', () => kubo({ api: node.api }).status(`ipfs:${root}`), 'status of a stopped node')
    await node.start()
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it.each<readonly [string, KuboAuth | undefined]>([
    ['no authorization', undefined],
    ['a wrong password', { basic: 'perdure:wrong' }],
    ['a token that it does not know', { bearer: 'unknown' }],
  ])('denies %s on every method, which is not absence, and takes the right one', async (_, auth) => {
    const node = await startKubo(await tempFolder(), { auth: AUTH })
    const right = kubo({ api: node.api, auth: { basic: AUTH } })
    const pack = await samplePack({ seed: 'auth', linked: true })
    const other = await samplePack({ seed: 'auth-other', linked: true })
    const at = await right.put(pack)
    const [span] = await pack.spans()
    if (!span) throw new RangeError('the sample has no block')
    const wrong = kubo({ api: node.api, auth })
    const works = {
      open: () => wrong.open?.(),
      put: () => wrong.put(other),
      replace: () => wrong.put(pack, { replace: true }),
      locate: () => wrong.locate(other.name, { root: other.root }),
      status: () => wrong.status(at),
      read: () => readAll(wrong, at, span),
      remove: () => wrong.remove?.(at),
    }
    for (const [what, work] of Object.entries(works)) await assertRejects('denied', async () => await work(), what)
    await assertHolds(right, at, pack)
    expect(await right.locate(other.name, { root: other.root })).toBeUndefined()
    await right.remove?.(at)
    expect(await right.status(at)).toBe('absent')
  })

  it.each([0, 4 * MIB])(
    'is exhausted on a disk with %i bytes left, loses nothing it held, and takes the rest once there is room',
    async (left) => {
      const disk = smallDisk('96m')
      if (disk === undefined) return
      const node = await startKubo(disk)
      const vault = kubo({ api: node.api })
      const held = await samplePack({ seed: 'held', blocks: 8, blockLength: 100_000, linked: true })
      const at = await vault.put(held)
      const ballast = fill(disk, left)
      const large = await samplePack({ seed: 'large', blocks: 24, blockLength: MIB / 2, linked: true })
      await assertRejects('exhausted', () => vault.put(large), 'put on a full disk')
      expect(await vault.locate(large.name, { root: large.root })).toBeUndefined()
      await assertHolds(vault, at, held)

      const { archive } = await archiveWith(vault)
      const { root, state } = await archive.put(noise(8 * MIB, 'full'))
      expect(state).toBe('degraded')
      await ballast.remove()
      await assertHolds(vault, await vault.put(large), large)
      expect((await archive.repair(root)).state).toBe('satisfied')
      await node.ipfs('repo', 'gc', '-q')
      for (const pack of [held, large]) await assertHolds(vault, `ipfs:${pack.root}`, pack)
      expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    },
  )
})
