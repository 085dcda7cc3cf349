import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { noise } from '../flow/house.ts'
import { type KeyPlace, keyPlace } from './keys.ts'

/** Two directory vaults and something stored in them. */
async function stored(
  config: object = {},
): Promise<{ readonly at: KeyPlace; readonly root: string; readonly receipt: Record<string, unknown> }> {
  const at = await keyPlace()
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, ...config }))
  await writeFile(join(at.cwd, 'photo.bin'), noise(100_000))
  const { code, document } = await at.json(['put', 'photo.bin'])
  expect(code).toBe(0)
  await writeFile(join(at.cwd, 'receipt.json'), JSON.stringify(document))
  return { at, root: String(document.root), receipt: document }
}

const lose = (at: KeyPlace) => rm(join(at.cwd, '.perdure'), { recursive: true })

describe('perdure recover', () => {
  it('brings everything back from one vault and the key, says that freshness is unproven, and verify finds it well', async () => {
    const { at, root } = await stored()
    await using _ = at
    const key = await readFile(join(at.cwd, '.perdure', 'archive.key'), 'utf8')
    await lose(at)
    await writeFile(join(at.cwd, 'kept.key'), key, { mode: 0o600 })
    const { code, stdout } = await at.run(['recover', '--from', 'a', '--key', 'kept.key'])
    expect(stdout).toMatch(/^recovered {2}1 object, 1 pack/)
    expect(stdout).toMatch(/freshness: unproven/)
    expect(stdout).not.toContain(key.trim())
    expect(code).toBe(0)
    expect(await at.run(['ls'])).toMatchObject({ code: 0, stdout: expect.stringContaining('photo.bin') })
    expect((await at.run(['status'])).code, 'nothing is believed yet').toBe(4)
    expect((await at.run(['verify'])).code).toBe(0)
    expect((await at.run(['get', root, '-o', 'back.bin'])).code).toBe(0)
    expect((await readFile(join(at.cwd, 'back.bin'))).equals(noise(100_000))).toBe(true)
  })

  it('makes a new key where the old one is lost, and says what that means', async () => {
    const { at, receipt } = await stored()
    await using _ = at
    await lose(at)
    const { code, document } = await at.json(['recover'])
    expect(code).toBe(0)
    expect(document).toMatchObject({ archive: receipt.archive, key: 'new', succeeds: receipt.archive, restored: 1 })
    expect(document.publicKey).not.toBe(receipt.archive)
  })

  it('exits 6 when a receipt knows what the vaults do not show', async () => {
    const { at } = await stored()
    await using _ = at
    await writeFile(join(at.cwd, 'later.txt'), 'later')
    const { document } = await at.json(['put', 'later.txt'])
    await writeFile(join(at.cwd, 'later.json'), JSON.stringify(document))
    await lose(at)
    for (const vault of ['a', 'b'])
      for (const pack of document.packs as readonly { readonly name: string }[]) await forget(at, vault, pack.name, String(document.root))
    const { code, stdout } = await at.run(['recover', '--receipt', 'receipt.json', '--receipt', 'later.json'])
    expect(stdout).toMatch(/freshness: rolled-back/)
    expect(code).toBe(6)
  })

  it('exits 2 for a vault that is not configured, and 1 where there is nothing', async () => {
    const { at } = await stored()
    await using _ = at
    await lose(at)
    expect((await at.run(['recover', '--from', 'nowhere'])).code).toBe(2)
    for (const vault of ['a', 'b']) await rm(join(at.cwd, vault, 'index'), { recursive: true })
    expect(await at.run(['recover'])).toMatchObject({ code: 1, stderr: expect.stringContaining('no vault that was read holds a record') })
    for (const vault of ['a', 'b']) await rm(join(at.cwd, vault), { recursive: true })
    expect(await at.run(['recover']), 'a folder that is gone is not made anew').toMatchObject({ code: 1 })
  })
})

/** Takes out of a vault what speaks of one object. */
async function forget(at: KeyPlace, vault: string, pack: string, root: string): Promise<void> {
  const { readdir } = await import('node:fs/promises')
  for (const path of await readdir(join(at.cwd, vault), { recursive: true })) {
    if (!path.endsWith('.car')) continue
    const bytes = await readFile(join(at.cwd, vault, path))
    const { CID } = await import('multiformats/cid')
    if (path.includes(pack) || bytes.includes(Buffer.from(CID.parse(root).bytes))) await rm(join(at.cwd, vault, path))
  }
}

describe('perdure export', () => {
  it('writes a bag once, and never over it', async () => {
    const { at, root } = await stored()
    await using _ = at
    const { code, document } = await at.json(['export', 'bag'])
    expect(code).toBe(0)
    expect(document).toMatchObject({ objects: 1, missing: { count: 0 } })
    expect(await readFile(join(at.cwd, 'bag', 'bagit.txt'), 'utf8')).toMatch(/^BagIt-Version: 1.0/)
    expect((await readFile(join(at.cwd, 'bag', 'data', 'objects.jsonl'), 'utf8')).trim()).toContain(root)
    expect(await at.run(['export', 'bag', root])).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') })
    expect((await at.run(['export', 'other', '--form', 'boxes'])).code).toBe(2)
  })
})
