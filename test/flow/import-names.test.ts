/** Addresses on IPFS wherever a root is accepted: they name objects, and nobody is asked. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { all, bytesOf, house } from './house.ts'

const content = (text: string) => Buffer.from(text)
const entries = [
  { path: 'sub dir/a.txt', content: content('a') },
  { path: 'sub dir/b.txt', content: content('b') },
]

describe('an address of an object', () => {
  it('is taken by get, entries, restore and status', async () => {
    const home = await house()
    const { root } = await home.archive.put(entries, { profile: 'unixfs-v0-2015', name: 'both' })
    const v1 = CID.parse(root).toV1()
    const forms = [`ipfs://${root}`, `https://gw.example/ipfs/${root}`, `https://${v1}.ipfs.gw.example`, `ipfs://${v1}`]
    for (const [index, form] of forms.entries()) {
      expect((await bytesOf(home.archive.get(`${form}/sub%20dir/a.txt?download=1#top`))).toString(), form).toBe('a')
      expect((await bytesOf(home.archive.get(`${form}/sub%20dir`, { path: 'b.txt' }))).toString(), form).toBe('b')
      expect((await all(home.archive.entries(`${form}/sub%20dir`))).map(({ path }) => path)).toEqual([
        'sub dir',
        'sub dir/a.txt',
        'sub dir/b.txt',
      ])
      expect(await home.archive.status(form)).toMatchObject({ root, name: 'both', state: 'satisfied' })
      expect((await home.archive.status(`${form}/sub%20dir`)).root).toBe(root)
      expect((await home.archive.verify(form)).root).toBe(root)
      const target = join(home.folder, `out-${index}`)
      await home.archive.restore(`${form}/sub%20dir`, target)
      expect(await readFile(join(target, 'b.txt'), 'utf8')).toBe('b')
    }
  })

  it('with a path is not taken by verbs that mean the whole object', async () => {
    const home = await house()
    const { root } = await home.archive.put(entries)
    const address = `ipfs://${root}/sub%20dir`
    for (const verb of ['rm', 'repair', 'verify', 'shred'] as const)
      await expect(home.archive[verb](address), verb).rejects.toMatchObject({
        code: 'malformed',
        message: expect.stringContaining('whole'),
      })
    expect((await home.archive.status(root)).state).toBe('satisfied')
    expect((await home.archive.rm(`ipfs://${root}`)).root).toBe(root)
  })

  it('that names nothing, or something that may change, is refused', async () => {
    const home = await house()
    const { root } = await home.archive.put(entries)
    await expect(home.archive.status(`ipns://${root}`)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(home.archive.status(`https://gw.example/${root}`)).rejects.toMatchObject({ code: 'malformed' })
    await expect(home.archive.status('ipfs://nothing')).rejects.toMatchObject({ code: 'invalid-cid' })
    await expect(home.archive.status(`${root}/sub dir`)).rejects.toMatchObject({ code: 'invalid-cid' })
    await expect(bytesOf(home.archive.get(`ipfs://${root}/nowhere`))).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(home.archive.status('ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')).rejects.toMatchObject({
      code: 'unknown-root',
    })
  })
})
