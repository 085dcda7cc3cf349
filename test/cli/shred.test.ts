import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type KeyPlace, keyPlace } from './keys.ts'

/** Two directory vaults, a key in its place, and a configuration that seals for it. */
async function sealed(): Promise<KeyPlace> {
  const at = await keyPlace()
  const { document } = await at.json(['key', 'new'])
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults, recipients: [document.recipient] }))
  await writeFile(join(at.cwd, 'deed.txt'), 'the deed')
  return at
}

async function put(at: KeyPlace, ...flags: readonly string[]): Promise<string> {
  const { code, document } = await at.json(['put', 'deed.txt', ...flags])
  expect(code).toBe(0)
  return String(document.root)
}

describe('perdure shred', () => {
  it('exits 0 when every vault reported absence, says what remains and what it cannot exclude, and cat says why it fails', async () => {
    await using at = await sealed()
    const root = await put(at, '--erasable')
    expect((await at.run(['cat', root])).stdout).toBe('the deed')
    const { code, stdout } = await at.run(['shred', root])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^shredded {2}${root}`))
    expect(stdout).toMatch(/a reported absence .*b reported absence/s)
    expect(stdout).toMatch(/Ciphertext that remains.*until `perdure rm`/s)
    expect(stdout).toMatch(/Not excluded:.*opened the object before/s)
    expect(await at.run(['cat', root])).toMatchObject({ code: 1, stderr: expect.stringContaining('was shredded on') })
    expect(await at.run(['status', root])).toMatchObject({ code: 0, stdout: expect.stringContaining('(shredded)') })
    expect((await at.run(['verify'])).code).toBe(0)
    expect((await at.run(['repair'])).code).toBe(0)
    expect((await at.run(['rm', root])).code).toBe(0)
    for (const vault of ['a', 'b'])
      for (const path of await readdir(join(at.cwd, vault), { recursive: true }))
        if (path.endsWith('.car')) expect((await readFile(join(at.cwd, vault, path))).includes('age-encryption.org')).toBe(false)
  })

  it('prints a certificate that receipt verify checks, and finds changed', async () => {
    await using at = await sealed()
    const root = await put(at, '--erasable')
    const { code, document } = await at.json(['shred', root])
    expect(code).toBe(0)
    expect(document).toMatchObject({ kind: 'shred', version: 1, root, state: 'complete' })
    await writeFile(join(at.cwd, 'certificate.json'), JSON.stringify(document))
    expect(await at.json(['receipt', 'verify', 'certificate.json', '--key', String(document.archive)])).toMatchObject({
      code: 0,
      document: { valid: true, root },
    })
    await writeFile(join(at.cwd, 'forged.json'), JSON.stringify({ ...document, state: 'complete', vaults: [] }))
    expect((await at.run(['receipt', 'verify', 'forged.json'])).code).toBe(1)
  })

  it('exits 4 when a vault could not be asked, and 0 when it is run again and all could', async () => {
    await using at = await sealed()
    const root = await put(at, '--erasable')
    const marker = join(at.cwd, 'b', 'perdure-vault.json')
    const kept = await readFile(marker)
    const { rm } = await import('node:fs/promises')
    await rm(marker)
    const { code, stdout } = await at.run(['shred', root])
    expect(code).toBe(4)
    expect(stdout).toMatch(/not complete.*unreachable.*Run the same command again/s)
    expect(await at.run(['status', root])).toMatchObject({ code: 4, stdout: expect.stringContaining('not everywhere yet') })
    await writeFile(marker, kept)
    expect((await at.run(['shred', root])).code).toBe(0)
  })

  it('refuses what was put without --erasable, and put refuses what could not be erased', async () => {
    await using at = await sealed()
    const root = await put(at)
    expect(await at.run(['shred', root])).toMatchObject({ code: 1, stderr: expect.stringContaining('not put as erasable') })
    const config = JSON.parse(await readFile(join(at.cwd, 'perdure.json'), 'utf8'))
    await writeFile(
      join(at.cwd, 'perdure.json'),
      JSON.stringify({ ...config, policy: { copies: 2, floor: 1, erasable: { floor: 9, copies: 9 } } }),
    )
    expect(await at.run(['put', 'deed.txt', '--erasable'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('vaults that can forget'),
    })
  })
})
