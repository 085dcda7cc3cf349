import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bytesOf, contentOf, files, fleet, noise, only, tempFolder, treeOf } from '../house.ts'
import { alice } from '../sealed/keys.ts'
import { keyIn, recovered, shownOf, wipe } from './wiped.ts'

const tree = [
  { path: 'one.bin', content: noise(5_000, 'one'), mode: 0o600, mtime: new Date(1_000) },
  { path: 'sub/two.txt', content: Buffer.from('two') },
]

describe('recover', () => {
  it('brings back roots, names, attributes and places of public objects, from one vault and the key', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b', 'c'], { policy: { copies: 3 } })
    const first = await archive.put(tree, { name: 'tree', mediaType: 'text/plain' })
    await archive.putAll([
      { path: 'x', content: noise(100, 'x') },
      { path: 'y', content: noise(100, 'y') },
    ])
    const before = await shownOf(archive)
    const key = await keyIn(folder)
    await archive.close()
    await wipe(folder)
    const back = await recovered({ vaults, policy: { copies: 3 } }, { from: ['b'], key })
    expect(back.report).toMatchObject({
      archive: archive.publicKey,
      publicKey: archive.publicKey,
      key: 'given',
      restored: 3,
      packs: 2,
      incomplete: { count: 0 },
      orphans: { count: 0 },
      freshness: { state: 'unproven' },
      replicas: { a: 2, b: 2, c: 2 },
    })
    expect(await shownOf(back.archive)).toEqual(before)
    const status = await back.archive.status(first.root)
    expect(status.state).toBe('unknown')
    expect(status.replicas.map(({ vault, possession, retrieval }) => [vault, possession, retrieval])).toEqual(
      ['a', 'b', 'c'].map((vault) => [vault, 'claimed', 'none']),
    )
    expect(await back.archive.verify(first.root)).toMatchObject({ state: 'satisfied' })
    const out = join(await tempFolder(), 'out')
    await back.archive.restore(first.root, out)
    expect(await treeOf(out)).toEqual(
      await treeOf(await files(await tempFolder(), { 'one.bin': noise(5_000, 'one'), 'sub/two.txt': 'two' })),
    )
    await back.archive.put(tree, { name: 'tree', mediaType: 'text/plain' })
    await back.archive.repair(first.root)
    expect(back.uploads, 'nothing is stored twice').toEqual([])
    expect(contentOf(members.a)).toHaveLength(2)
  })

  it('finds replicas by locator that no record names, and stores nothing', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(5_000))
    await archive.close()
    await wipe(folder)
    const back = await recovered({ vaults }, { from: ['a'] })
    expect(back.report.key).toBe('new')
    members.a.store.delete(only(contentOf(members.a)))
    expect((await bytesOf(back.archive.get(root))).equals(noise(5_000))).toBe(true)
  })

  it('restores sealed objects as they were, names only for who can open them, and the secret of fingerprints', async () => {
    const sealedFor = { recipients: [alice.recipient], identities: [alice.identity] }
    const { archive, vaults, folder } = await fleet(['a', 'b'], sealedFor)
    const { root } = await archive.put(tree, { name: 'tree' })
    const before = await shownOf(archive)
    await archive.close()
    const secret = await import('node:fs/promises').then(({ readFile }) => readFile(join(folder, 'archive', 'fingerprint.key'), 'utf8'))
    await wipe(folder)
    const blind = await recovered({ vaults })
    expect(blind.report.fingerprints).toBe('unopened')
    expect(only(await shownOf(blind.archive)).name).toBeUndefined()
    expect(await blind.archive.verify(root)).toMatchObject({ state: 'satisfied' })
    const back = await recovered({ vaults, ...sealedFor }, { archive: archive.publicKey })
    expect(back.report.fingerprints).toBe('restored')
    expect(await import('node:fs/promises').then(({ readFile }) => readFile(join(back.folder, 'archive', 'fingerprint.key'), 'utf8'))).toBe(
      secret,
    )
    expect(await shownOf(back.archive)).toEqual(before)
    const out = join(await tempFolder(), 'out')
    await back.archive.restore(root, out)
    expect(Object.keys(await treeOf(out)).sort()).toEqual(['one.bin', 'sub/two.txt'])
    await back.archive.repair(root)
    expect([...blind.uploads, ...back.uploads]).toEqual([])
  })
})
