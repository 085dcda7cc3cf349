import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { files, flip, noise, tempFolder } from './house.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))

interface Said {
  readonly calls: number
  readonly root: string
  readonly state: string
}

/** Resolves to what the child said, or undefined when it was killed. */
async function child(folder: string, verb: string, nth: number, moment: string): Promise<Said | undefined> {
  try {
    const { stdout } = await run(process.execPath, [CHILD, folder, verb, String(nth), moment])
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Said
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return undefined
    throw error
  }
}

async function newTree(): Promise<string> {
  const folder = await tempFolder()
  await files(join(folder, 'tree'), { 'one.bin': noise(900_000, 'one'), 'sub/two.bin': noise(500_000, 'two'), 'sub/three.txt': 'three' })
  return folder
}

/** Uploads of content packs that the vault had accepted, by vault and pack. */
async function contentUploads(folder: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile(join(folder, 'uploads.log'), 'utf8')).trim().split('\n')
  const content = new Set((await readdir(join(folder, 'a', 'packs'), { recursive: true })).map((path) => path.split('/').at(-1)))
  const counts = new Map<string, number>()
  for (const line of lines) if (content.has(`${line.split(' ').at(-1)}.car`)) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

describe('kill -9 at any step of put, then the same command again', () => {
  it.each(['before', 'after'])('converges to one whole copy per vault and uploads nothing twice, killed %s the call', { timeout: 240_000 }, async (moment) => {
    const plain = await child(await newTree(), 'put', 0, moment)
    expect(plain?.state).toBe('satisfied')
    const total = plain?.calls ?? 0
    expect(total).toBeGreaterThan(10)
    for (let nth = 1; nth <= total; nth++) {
      const folder = await newTree()
      expect(await child(folder, 'put', nth, moment), `call ${nth} should have killed it`).toBeUndefined()
      const again = await child(folder, 'put', 0, moment)
      expect(again, `after a kill ${moment} call ${nth}`).toMatchObject({ root: plain?.root, state: 'satisfied' })
      expect(Math.max(...(await contentUploads(folder)).values()), `uploads after a kill ${moment} call ${nth}`).toBe(1)
      expect(await readdir(join(folder, 'archive', 'spool', 'parts'))).toEqual([])
      expect(await readdir(join(folder, 'archive', 'spool', 'packs'))).toEqual([])
    }
  })
})

describe('kill -9 at any step of repair, then repair again', () => {
  it.each(['before', 'after'])('converges to satisfied, killed %s the call', { timeout: 240_000 }, async (moment) => {
    const damaged = async () => {
      const folder = await newTree()
      await child(folder, 'put', 0, moment)
      const packs = (await readdir(join(folder, 'b', 'packs'), { recursive: true })).filter((path) => path.endsWith('.car'))
      for (const pack of packs) await flip(join(folder, 'b', 'packs', pack), 200)
      return folder
    }
    const plain = await child(await damaged(), 'repair', 0, moment)
    expect(plain?.state).toBe('satisfied')
    for (let nth = 1; nth <= (plain?.calls ?? 0); nth++) {
      const folder = await damaged()
      expect(await child(folder, 'repair', nth, moment), `call ${nth} should have killed it`).toBeUndefined()
      expect(await child(folder, 'repair', 0, moment), `after a kill ${moment} call ${nth}`).toMatchObject({ root: plain?.root, state: 'satisfied' })
    }
  })
})
