import { execFile } from 'node:child_process'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { place } from './run.ts'

const VERIFIER = fileURLToPath(new URL('../../examples/verify-log.ts', import.meta.url))

/** Two directory vaults and two puts. */
async function filled() {
  const at = await place()
  const vaults = ['a', 'b'].map((id) => ({ type: 'directory', id, at: `./${id}` }))
  await writeFile(join(at.cwd, 'perdure.json'), JSON.stringify({ vaults }))
  for (const name of ['one', 'two']) {
    await writeFile(join(at.cwd, `${name}.txt`), name)
    const { document } = await at.json(['put', `${name}.txt`])
    await writeFile(join(at.cwd, `${name}.json`), JSON.stringify(document))
  }
  return at
}

describe('perdure log', () => {
  it('shows the entries, the newest only where asked to, without any vault', async () => {
    await using at = await filled()
    for (const vault of ['a', 'b']) await rename(join(at.cwd, vault), join(at.cwd, `${vault} unplugged`))
    const { code, document } = await at.json(['log'])
    expect(code).toBe(0)
    expect(document).toMatchObject({ size: 2, entries: [{ index: 0, entry: { kind: 'write' } }, { index: 1 }] })
    const shown = await at.run(['log', '--last', '1'])
    expect(shown.stdout).toMatch(/^ +1 {2}20\S+ {2}write {2}bafk\w+ {2}3 B satisfied, 1 pack in a, b\n$/)
  })

  it('verify says whether log, checkpoints and receipts agree, without any vault', async () => {
    await using at = await filled()
    await at.run(['log', 'export', '-o', 'out'])
    for (const vault of ['a', 'b']) await rename(join(at.cwd, vault), join(at.cwd, `${vault} unplugged`))
    const good = await at.json(['log', 'verify', '--checkpoint', 'out/checkpoint.txt', '--receipt', 'one.json', '--receipt', 'two.json'])
    expect(good).toMatchObject({
      code: 0,
      document: {
        valid: true,
        size: 2,
        checkpoints: [{ verdict: 'consistent', size: 2 }],
        receipts: [
          { valid: true, index: 0 },
          { valid: true, index: 1 },
        ],
      },
    })
    await writeFile(join(at.cwd, 'bent.txt'), (await readFile(join(at.cwd, 'out/checkpoint.txt'), 'utf8')).replace('\n2\n', '\n3\n'))
    expect((await at.run(['log', 'verify', '--checkpoint', 'bent.txt'])).code).toBe(1)
    const receipt = JSON.parse(await readFile(join(at.cwd, 'one.json'), 'utf8'))
    await writeFile(join(at.cwd, 'forged.json'), JSON.stringify({ ...receipt, byteLength: 9 }))
    const forged = await at.run(['log', 'verify', '--receipt', 'forged.json'])
    expect(forged).toMatchObject({ code: 1, stdout: expect.stringContaining('receipt does not hold') })
    expect((await at.run(['log', 'verify', '--checkpoint', 'nowhere'])).code).toBe(1)
  })

  it('export writes what a stranger verifies with nothing of ours', async () => {
    await using at = await filled()
    const { code, document } = await at.json(['log', 'export', '-o', 'out'])
    expect(code).toBe(0)
    expect(document).toMatchObject({ size: 2 })
    const { stdout } = await promisify(execFile)(process.execPath, [
      VERIFIER,
      ...[document.entries, document.checkpoint, document.key].map(String),
    ])
    expect(stdout).toMatch(/^verified: 2 entries$/m)
  })

  it('check exits 0 while nothing contradicts, and 1 for a catalog that was put back; then put refuses and says what to do', async () => {
    await using at = await filled()
    const catalog = join(at.cwd, '.perdure', 'catalog.sqlite')
    expect(await at.json(['log', 'check'])).toMatchObject({ code: 0, document: { verdict: 'consistent', size: 2 } })
    await cp(catalog, join(at.cwd, 'old.sqlite'))
    await writeFile(join(at.cwd, 'three.txt'), 'three')
    await at.run(['put', 'three.txt'])
    await at.run(['log', 'export', '-o', 'newest'])
    for (const end of ['-wal', '-shm']) await rm(`${catalog}${end}`, { force: true })
    await cp(join(at.cwd, 'old.sqlite'), catalog)
    expect(await at.run(['log', 'verify', '--checkpoint', 'newest/checkpoint.txt'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('rolled-back'),
    })
    expect(await at.run(['log', 'check'])).toMatchObject({ code: 1, stdout: expect.stringMatching(/^rolled-back.*perdure recover/s) })
    expect(await at.run(['put', 'three.txt'])).toMatchObject({ code: 1, stderr: expect.stringContaining('perdure recover') })
  })

  it('publish brings what a vault lacks', async () => {
    await using at = await filled()
    expect(await at.run(['log', 'publish'])).toMatchObject({ code: 0, stdout: 'log of 2  nothing was lacking\n' })
  })

  it('says so where there is no archive', async () => {
    await using at = await place()
    expect(await at.run(['log'])).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no archive') })
  })
})
