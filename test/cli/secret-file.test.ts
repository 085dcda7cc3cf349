import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSecretFile, writeSecretFile } from '../../src/cli/secret-file.ts'
import { tempFolder } from '../flow/house.ts'

describe('writing a secret file', () => {
  it('is won by one of several that write it at once, and the others leave that one alone', async () => {
    const path = join(await tempFolder(), 'key')
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => writeSecretFile(path, `key ${n}`, { replace: false })))
    expect(attempts.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    for (const attempt of attempts) if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'exists' })
    expect(await readFile(path, 'utf8')).toBe(`key ${attempts.findIndex(({ status }) => status === 'fulfilled')}`)
  })

  it('replaces only when asked, whole, and with the mode of a new file', async () => {
    const folder = await tempFolder()
    const path = join(folder, 'key')
    await writeFile(path, 'old', { mode: 0o644 })
    await chmod(path, 0o644)
    await writeSecretFile(path, 'new', { replace: true })
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777, await readdir(folder)]).toEqual(['new', 0o600, ['key']])
  })

  it('that fails leaves neither a part nor the old file damaged', async () => {
    const folder = await tempFolder()
    // A folder in the place of the file: the last step fails.
    await mkdir(join(folder, 'key/inside'), { recursive: true })
    await expect(writeSecretFile(join(folder, 'key'), 'new', { replace: true })).rejects.toMatchObject({ code: 'invalid' })
    expect(await readdir(folder)).toEqual(['key'])
  })
})

describe('reading a secret file', () => {
  it('warns when others than the owner may read it, and reads no more than its limit', async () => {
    const path = join(await tempFolder(), 'key')
    const warnings: string[] = []
    const options = { what: 'the key', limit: 4, warn: async (text: string) => void warnings.push(text) }
    await writeFile(path, 'four', { mode: 0o600 })
    expect(Buffer.from((await readSecretFile(path, options)).bytes).toString()).toBe('four')
    expect(warnings).toEqual([])
    await chmod(path, 0o644)
    await readSecretFile(path, options)
    expect(warnings).toEqual([expect.stringContaining('can be read by others (mode 0644)')])
    await writeFile(path, 'fives')
    await expect(readSecretFile(path, options)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('more than 4 bytes'),
    })
  })
})
