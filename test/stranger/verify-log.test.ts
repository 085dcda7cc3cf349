import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const EXAMPLE = fileURLToPath(new URL('../../examples/verify-log.ts', import.meta.url))
const SAMPLE = fileURLToPath(new URL('../../examples/log/', import.meta.url))
const CHILD = fileURLToPath(new URL('./verify-log.child.ts', import.meta.url))

it('the verifier for strangers imports nothing of ours and is short', async () => {
  const source = await readFile(EXAMPLE, 'utf8')
  const imports = [...source.matchAll(/from '([^']+)'|import\(['"`]([^'"`]+)/g)].map(([, a, b]) => a ?? b)
  expect(imports.sort()).toEqual(['node:crypto', 'node:fs'])
  expect(source.split('\n').length).toBeLessThan(100)
})

it('a stranger notices every flipped byte, every entry deleted, doubled or moved, every cut, and every fork against a checkpoint kept outside', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-stranger-'))
  try {
    for (const name of ['log.jsonl', 'checkpoint.txt', 'key.txt']) await copyFile(join(SAMPLE, name), join(folder, name))
    await copyFile(join(SAMPLE, 'older.txt'), join(folder, 'outside.txt'))
    const { stdout } = await run(process.execPath, [CHILD, folder, Buffer.alloc(32, 7).toString('hex')], { maxBuffer: 1e8 })
    const { runs, survived } = JSON.parse(stdout) as { runs: number; survived: string[] }
    expect(survived).toEqual([])
    expect(runs).toBeGreaterThan(2_400)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('the sample is what the golden vectors hold', async () => {
  const vector = JSON.parse(await readFile(new URL('../vectors/log-v1.json', import.meta.url), 'utf8')) as {
    entries: string[]
    checkpoints: string[]
    verifierKey: string
  }
  const sample = {
    'log.jsonl': vector.entries.map((line) => `${line}\n`).join(''),
    'checkpoint.txt': vector.checkpoints[3],
    'older.txt': vector.checkpoints[2],
    'key.txt': `${vector.verifierKey}\n`,
  }
  for (const [name, text] of Object.entries(sample)) {
    if (process.env.PERDURE_WRITE_VECTORS === '1') await writeFile(join(SAMPLE, name), text ?? '')
    expect(await readFile(join(SAMPLE, name), 'utf8'), name).toBe(text)
  }
})
