import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { argumentsOfTree, everythingOf, findInFolders, findSecrets, needlesOf, type Secret } from './canary.ts'
import { noise, tempFolder } from './flow/house.ts'

const text: Secret = { name: 'text', value: 'correct-horse-battery-staple' }
const raw: Secret = { name: 'raw key', value: noise(32, 'secret') }
const bytes = Buffer.from(raw.value)

describe('the canary', () => {
  it.each([0, 1, 2, 3, 4, 5])('finds a secret in base64 and base64url, %i bytes in', (before) => {
    const whole = Buffer.concat([noise(before), bytes, noise(7)])
    for (const encoding of ['base64', 'base64url'] as const) expect(findSecrets(`x${whole.toString(encoding)}y`, [raw])).not.toEqual([])
  })

  it('finds it raw, in hex of either case, in a dump of bytes and as numbers', () => {
    const forms = [
      Buffer.concat([noise(3), bytes, noise(3)]),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      (bytes.toString('hex').match(/../g) ?? []).join(' '),
      `[ ${[...bytes].join(', ')} ]`,
      (bytes.toString('base64').match(/.{1,20}/g) ?? []).join('\n'),
    ]
    for (const form of forms) expect(findSecrets(form, [raw])).not.toEqual([])
    expect(findSecrets(`log: ${text.value}`, [text])).toEqual(['text as raw'])
  })

  it('is quiet where there is nothing, and names which secret and which form where there is', () => {
    expect(findSecrets(noise(100_000, 'other'), [text, raw])).toEqual([])
    expect(findSecrets(bytes.toString('hex'), [text, raw])).toEqual(['raw key as hex'])
  })

  it('refuses a secret so short that chance would find it', () => {
    expect(() => needlesOf({ name: 'pin', value: '1234' })).toThrow(RangeError)
  })

  it('looks into every file, name and link of a folder', async () => {
    const folder = await tempFolder()
    await mkdir(join(folder, 'a/b'), { recursive: true })
    await writeFile(join(folder, 'a/b/content'), `x${bytes.toString('base64')}`)
    await writeFile(join(folder, String(text.value)), '')
    await symlink(String(text.value), join(folder, 'a/link'))
    expect((await findInFolders([folder], [text, raw])).length).toBe(3)
    expect(await findInFolders([folder], [raw], [join(folder, 'a/b/content')])).toEqual([])
  })

  it('reads an error to its last cause', () => {
    const deep = new Error('outer', { cause: new Error('inner', { cause: { key: bytes } }) })
    expect(findSecrets(everythingOf(deep), [raw])).not.toEqual([])
  })

  it.runIf(process.platform === 'linux')('sees the command lines of children of children', async () => {
    const child = spawn('/bin/sh', ['-c', 'sleep 30 & echo ready; wait'], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(child.stdout, 'data')
    const tree = await argumentsOfTree(child.pid ?? 0)
    expect(tree.map((each) => each.arguments)).toContain('sleep\x0030\x00')
    for (const { pid } of tree.toReversed()) process.kill(pid)
    await once(child, 'close')
  })
})
