import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gateway, imported, serve } from '../flow/import-house.ts'
import { type Place, place } from './run.ts'

const BYTES = Buffer.alloc(700_000, 'kept elsewhere ')

async function prepared(): Promise<Place> {
  const at = await place()
  await at.run(['init', '--vault', 'directory:a', '--vault', 'directory:b'])
  return at
}

async function served() {
  const fake = await gateway()
  const { root, dag } = await imported({ 'a dir/file.bin': BYTES, 'note.txt': Buffer.from('hi\n') }, 'unixfs-v0-2015')
  serve(fake, root, dag)
  return { fake, root: root.toString(), v1: root.toV1().toString(), blocks: dag.size }
}

describe('import', () => {
  it('adopts what a gateway has, says so, and is satisfied', async () => {
    await using at = await prepared()
    const { fake, root, blocks } = await served()
    const { code, stdout, stderr } = await at.run(['import', `ipfs://${root}`, '--from', fake.url, '--allow-private', '--name', 'mine'])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(new RegExp(`^satisfied {2}${root} .*mine · 1 pack$`))
    expect(lines[1]).toBe(`  imported from ${root}: ${blocks} blocks fetched, 683.9 KiB`)
    expect(lines).toHaveLength(4)
    expect((await at.run(['import', `ipfs://${root}`, '--from', fake.url, '--allow-private'])).stdout).toContain('all of it was here')
  })

  it('prints one document, and with --quiet the root', async () => {
    await using at = await prepared()
    const { fake, root, blocks } = await served()
    const first = await at.json(['import', `${fake.url}/ipfs/${root}/note.txt`, '--allow-private'])
    expect(first).toMatchObject({ code: 0, document: { cid: root, path: 'note.txt', receipt: { state: 'satisfied', name: 'note.txt' } } })
    const { document } = await at.json(['import', root, '--from', fake.url, '--allow-private'])
    expect(document).toMatchObject({ root, cid: root, receipt: { root, complete: true } })
    expect(document.blocks).toBe(blocks)
    expect((await at.run(['import', root, '--from', fake.url, '--allow-private', '--quiet'])).stdout).toBe(`${root}\n`)
  })

  it('without a gateway is wrong use, and a gateway on this machine is refused unless it is allowed', async () => {
    await using at = await prepared()
    const { fake, root } = await served()
    const unnamed = await at.run(['import', `ipfs://${root}`])
    expect(unnamed.code).toBe(2)
    expect(unnamed.stderr).toContain('--from https://gateway.example')
    const inside = await at.run(['import', `ipfs://${root}`, '--from', fake.url])
    expect(inside.code).toBe(1)
    expect(inside.stderr).toContain('private')
    expect(fake.requests).toEqual([])
    expect((await at.json(['status'])).document).toMatchObject({ objects: 0 })
  })

  it('exits 3 when a vault does not take it', async () => {
    await using at = await place()
    const closed = { type: 's3', id: 'media', bucket: 'media', endpoint: 'http://127.0.0.1:9', accessKeyId: 'AK', secretAccessKey: 'SK' }
    await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults: [closed, { type: 'directory', id: 'disk', at: './disk' }] }))
    const { fake, root } = await served()
    expect((await at.run(['import', root, '--from', fake.url, '--allow-private'])).code).toBe(3)
  })
})

describe('addresses on IPFS', () => {
  it('are taken by get, cat, ls and status, without asking the gateway', async () => {
    await using at = await prepared()
    const { fake, root, v1 } = await served()
    await at.run(['import', root, '--from', fake.url, '--allow-private'])
    fake.requests.splice(0)
    for (const form of [`ipfs://${root}`, `${fake.url}/ipfs/${root}`, `https://${v1}.ipfs.gw.example`]) {
      expect((await at.run(['cat', `${form}/note.txt`])).stdout).toBe('hi\n')
      expect((await at.run(['ls', `${form}/a%20dir`])).stdout).toContain('file.bin')
      expect((await at.run(['get', `${form}/a%20dir/file.bin`, '-o', 'out/'])).code).toBe(0)
      expect(Buffer.compare(await readFile(join(at.cwd, 'out/file.bin')), BYTES)).toBe(0)
      expect((await at.json(['status', form])).document).toMatchObject({ root, state: 'satisfied' })
    }
    expect(fake.requests).toEqual([])
  })

  it('with a path are no objects to remove', async () => {
    await using at = await prepared()
    const { fake, root } = await served()
    await at.run(['import', root, '--from', fake.url, '--allow-private'])
    for (const text of [`ipfs://${root}/note.txt`, `${root}/note.txt`]) {
      const { code, stderr } = await at.run(['rm', text])
      expect(code).toBe(2)
      expect(stderr).toContain('leave out the path')
    }
    expect((await at.json(['status'])).document).toMatchObject({ objects: 1 })
  })
})
