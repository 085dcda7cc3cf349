import { describe, expect, it, onTestFinished } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import type { VaultContext } from '../../../src/conformance/vault.ts'
import { assertHolds } from '../../../src/conformance/vault-context.ts'
import type { Vault } from '../../../src/contracts.ts'
import { addressOf, RAW } from '../../../src/format/address.ts'
import { type KuboOptions, kubo } from '../../../src/ipfs.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { fakeKubo } from '../../fakes/kubo.ts'
import { all, bytesOf, house, noise } from '../../flow/house.ts'
import { asPackVault, dagCasesFor } from './dag-conformance.ts'

const MIB = 1024 * 1024

async function made(options: Partial<KuboOptions> = {}) {
  const node = await fakeKubo()
  onTestFinished(() => node[Symbol.asyncDispose]())
  return { node, vault: kubo({ api: node.api, ...options }) }
}

const sample = (seed: string) => samplePack({ seed, linked: true })

describe('conformance of the vault on a Kubo node', () => {
  const cases = dagCasesFor(kubo({ api: 'http://127.0.0.1:5001' }), ['deny', 'lose', 'reopen'])
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { run }) => {
    const { node, vault } = await made()
    const adapted = (one: Vault) => asPackVault(one, async () => node.gc())
    const context: VaultContext = {
      vault: adapted(vault),
      pack: (options) => samplePack({ ...options, linked: true }),
      reopen: async () => adapted(kubo({ api: node.api })),
      deny: async () => {
        node.fault = 'denied'
        return async () => {
          node.fault = undefined
        }
      },
      lose: async () => {
        node.pins.clear()
        node.gc()
      },
    }
    await run(context)
  })
})

describe('a vault on a Kubo node', () => {
  it('brings an object of several packs once, judges damage, and repairs what is damaged alone', async () => {
    const { node, vault } = await made()
    const vaults = [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b' }), vault]
    const { archive } = await house({ vaults, policy: { copies: 3, floor: 2, distinct: {} }, maxPackBytes: 1_500_000, timeoutMs: 5_000 })
    const { root, state } = await archive.put(noise(4 * MIB))
    expect(state).toBe('satisfied')
    expect(node.log.filter((command) => command === 'dag/import')).toHaveLength(1)
    const [key = '', bytes] = [...node.blocks].find(([, { byteLength }]) => byteLength === MIB) ?? []
    node.blocks.set(key, (bytes ?? Buffer.alloc(0)).slice().fill(0, 0, 9))
    expect((await archive.verify(root, { level: 'whole' })).state).not.toBe('satisfied')
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(node.log.filter((command) => command === 'dag/import')).toHaveLength(1)
    expect(node.log.filter((command) => command === 'block/put')).toHaveLength(1)
    node.pins.clear()
    node.gc()
    expect(node.blocks.size).toBe(0)
    expect((await archive.verify(root)).state).not.toBe('satisfied')
    expect((await archive.repair(root)).state).toBe('satisfied')
  })

  it('replaces a damaged inner node, which the node lets go of only without the pin, and pins again', async () => {
    const { node, vault } = await made()
    const pack = await sample('inner')
    const at = await vault.put(pack)
    const [root] = [...node.blocks].slice(-1)
    node.blocks.set(root?.[0] ?? '', Buffer.from([0xff, 0xff, 0xff]))
    await vault.put(pack, { replace: true })
    expect(await vault.status(at)).toBe('held')
    await assertHolds(vault, at, pack)
  })

  it('replaces nothing when the archive cannot show the block', async () => {
    const { node, vault } = await made()
    const pack = await sample('unreadable')
    const at = await vault.put(pack)
    const [key = ''] = node.blocks.keys()
    node.blocks.set(key, Buffer.alloc(9))
    const before = new Map(node.blocks)
    const dag = await pack.dag?.()
    if (!dag) throw new RangeError('the sample has no DAG')
    const torn = { ...pack, dag: async () => ({ ...dag, block: async () => undefined }) }
    await expect(vault.put(torn, { replace: true })).rejects.toMatchObject({ code: 'damaged' })
    expect(new Map(node.blocks)).toEqual(before)
    expect(await vault.status(at)).toBe('held')
  })

  it.each([
    ['full', 'exhausted'],
    ['cut', 'unreachable'],
    ['denied', 'denied'],
    ['redirect', 'invalid'],
    ['silent', 'unreachable'],
  ] as const)('tells a node that is %s as %s, pins nothing, and puts later', async (fault, code) => {
    const { node, vault } = await made({ timeoutMs: 300 })
    const pack = await sample('fault')
    node.fault = fault
    await expect(vault.put(pack)).rejects.toMatchObject({ code, vault: 'kubo' })
    expect(node.pins.size).toBe(0)
    node.fault = undefined
    await assertHolds(vault, await vault.put(pack), pack)
  })

  it('tells a node that is down as unreachable, never as absent', async () => {
    const { node, vault } = await made()
    const pack = await sample('down')
    const at = await vault.put(pack)
    await node[Symbol.asyncDispose]()
    const [span] = await pack.spans()
    for (const work of [() => vault.open?.(), () => vault.status(at), () => vault.locate(pack.name, { root: pack.root })])
      await expect(work()).rejects.toMatchObject({ code: 'unreachable' })
    if (span) await expect(all(vault.read(at, span))).rejects.toMatchObject({ code: 'unreachable' })
  }, 10_000)

  it('leaves the blocks of a removed root to the garbage collection, and pins it again', async () => {
    const { node, vault } = await made()
    const pack = await sample('again')
    const at = await vault.put(pack)
    await vault.remove?.(at)
    expect(await vault.status(at)).toBe('absent')
    expect(node.blocks.size).toBe((await pack.spans()).length)
    expect(await vault.put(pack)).toBe(at)
    node.gc()
    await assertHolds(vault, at, pack)
  })

  it('hands on nothing of what is longer than the block', async () => {
    const { node, vault } = await made()
    const bytes = noise(1000)
    const cid = addressOf(bytes, RAW)
    const span = { cid, offset: 0, length: bytes.byteLength }
    const at = `ipfs:${cid}`
    node.blocks.set(`${cid}`, bytes)
    expect(await bytesOf(vault.read(at, span))).toEqual(bytes)
    for (const byteLength of [span.length + 1, 64 * MIB]) {
      node.blocks.set(`${cid}`, new Uint8Array(byteLength))
      let received = 0
      const reading = async () => {
        for await (const piece of vault.read(at, span)) received += piece.byteLength
      }
      await expect(reading()).rejects.toMatchObject({ name: 'VaultError', code: 'damaged' })
      expect(received).toBe(0)
    }
  })

  it('refuses packs without a DAG', async () => {
    const { vault } = await made()
    await expect(vault.put(await samplePack({ kind: 'index' }))).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('sends its authorization, and shows it in no error', async () => {
    const { node, vault } = await made({ auth: { basic: 'user:hidden-word' } })
    await vault.open?.()
    expect(node.authorizations).toEqual([`Basic ${Buffer.from('user:hidden-word').toString('base64')}`])
    node.fault = 'denied'
    await expect(vault.open?.()).rejects.toThrow(/API\.Authorizations/)
    await expect(vault.open?.()).rejects.not.toThrow(/hidden-word/)
  })

  it('takes URLs and multiaddrs, and refuses what would show a secret', () => {
    expect(kubo({ api: '/ip4/127.0.0.1/tcp/5001' }).profile).toMatchObject({ id: 'kubo', network: 'ipfs', operator: '127.0.0.1' })
    expect(kubo({ api: '/dns4/node.example/tcp/443/https', auth: { bearer: 'secret' } }).profile.operator).toBe('node.example')
    const refused: readonly KuboOptions[] = [
      { api: 'http://user:secret@127.0.0.1:5001' },
      { api: 'http://node.example:5001', auth: { bearer: 'secret' } },
      { api: '/ip4/127.0.0.1/udp/5001' },
      { api: 'http://127.0.0.1:5001/?token=secret' },
      { api: 'http://127.0.0.1:5001', auth: { bearer: 'sec\nret' } },
    ]
    for (const options of refused) {
      expect(() => kubo(options)).toThrow(expect.objectContaining({ code: 'invalid' }))
      expect(() => kubo(options)).not.toThrow(/secret|sec\nret/)
    }
    expect(() => kubo({ api: 'http://10.0.0.2:5001', auth: { bearer: 'secret' }, allowPrivate: true })).not.toThrow()
  })
})
