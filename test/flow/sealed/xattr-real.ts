/** Extended attributes of real files, with whatever reads and sets them here. Some file systems take none: then it says so. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { LoadXattrs, XattrFunctions } from '../../../src/contracts.ts'
import { systemCode } from '../../../src/flow/xattr-access.ts'
import { files, treeOf } from '../house.ts'
import { sealedHouse } from './keys.ts'

const run = promisify(execFile)

/** `u::rw-,u:65534:r--,g::r--,m::r--,o::---`, as the kernel keeps it. */
const ACL = acl([
  [1, 6, 0xffffffff],
  [2, 4, 65_534],
  [4, 4, 0xffffffff],
  [16, 4, 0xffffffff],
  [32, 0, 0xffffffff],
])

/** cap_net_bind_service, effective and permitted. */
const CAPABILITY = Buffer.from([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

function acl(entries: readonly (readonly [number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * entries.length)
  bytes.writeUInt32LE(2, 0)
  for (const [at, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * at)
    bytes.writeUInt16LE(permissions, 6 + 8 * at)
    bytes.writeUInt32LE(id, 8 + 8 * at)
  }
  return bytes
}

/** Where the system takes an attribute of that name; undefined where it says no. */
function tryToSet(functions: XattrFunctions, path: string, name: string, value: Buffer): string | undefined {
  try {
    functions.setAttributeSync(path, name, value)
    return name
  } catch (error) {
    console.warn(`SKIPPED: ${name} cannot be set here (${systemCode(error)}), and was not tested`)
    return undefined
  }
}

async function prepared(loadXattrs: LoadXattrs, at = tmpdir()) {
  const { archive } = await sealedHouse({ loadXattrs })
  const folder = await mkdtemp(join(at, 'perdure-xattr-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const source = await files(join(folder, 'tree'), { 'a.txt': 'a', 'sub/b.txt': 'b' })
  await symlink('a.txt', join(source, 'link'))
  return { archive, source, out: join(folder, 'out') }
}

const read = (functions: XattrFunctions, path: string) =>
  Object.fromEntries(
    [...functions.listAttributesSync(path)]
      .sort()
      .map((name) => [name, Buffer.from(functions.getAttributeSync(path, name)).toString('hex')]),
  )

/** To be called where tests are described. */
export function realXattrs(functions: XattrFunctions): void {
  describe('extended attributes of real files', () => {
    it.each([tmpdir(), '/dev/shm'])('come back as they were, in %s', async (at) => {
      if (!(await stat(at).catch(() => undefined))) {
        console.warn(`SKIPPED: there is no ${at} here`)
        return
      }
      const { archive, source, out } = await prepared(async () => functions, at)
      const path = join(source, 'a.txt')
      const names = [
        tryToSet(functions, path, 'user.author', Buffer.from('me')),
        tryToSet(functions, path, 'user.grüße\n"', Buffer.from([0, 255, 10, 13])),
        tryToSet(functions, path, 'user.empty', Buffer.alloc(0)),
        tryToSet(functions, path, 'user.long', Buffer.alloc(3_000, 7)),
        tryToSet(functions, path, 'security.capability', CAPABILITY),
        tryToSet(functions, path, 'system.posix_acl_access', ACL),
        tryToSet(functions, join(source, 'sub'), 'system.posix_acl_default', ACL),
        tryToSet(functions, join(source, 'sub'), 'user.folder', Buffer.from('yes')),
      ]
      expect(names).toContain('user.author')
      const { root } = await archive.put(source, { xattrs: true })
      const report = await archive.restore(root, out, { xattrs: true })
      expect(report).toMatchObject({ warnings: [], xattrs: { set: names.filter((name) => name !== undefined).length, refused: 0 } })
      expect(await treeOf(out)).toEqual(await treeOf(source))
      for (const each of ['', 'a.txt', 'sub']) {
        expect([each, read(functions, join(out, each))]).toEqual([each, read(functions, join(source, each))])
        expect((await stat(join(out, each))).mode).toBe((await stat(join(source, each))).mode)
      }
      // What the folder bequeaths to new files came after they were there.
      expect(read(functions, join(out, 'sub/b.txt'))).toEqual({})
      functions.setAttributeSync(path, 'user.author', Buffer.from('you'))
      const again = await archive.put(source, { xattrs: true })
      expect(again.root).not.toBe(root)
      expect(await archive.restore(again.root, out, { xattrs: true })).toMatchObject({ reused: 2, xattrs: { refused: 0 } })
      expect(Buffer.from(functions.getAttributeSync(join(out, 'a.txt'), 'user.author')).toString()).toBe('you')
    })

    it('that no system takes are reported, with the reason of the system', async () => {
      const made = 'perdure-has-no-namespace'
      // Where the kept ones come from has one more; where they go is as it is.
      const kept: XattrFunctions = {
        ...functions,
        listAttributesSync: (path) => [...functions.listAttributesSync(path), made],
        getAttributeSync: (path, name) => (name === made ? Buffer.from('x') : functions.getAttributeSync(path, name)),
      }
      let used = kept
      const { archive, source, out } = await prepared(async () => used)
      const { root } = await archive.put(source, { xattrs: true })
      used = functions
      const report = await archive.restore(root, out, { xattrs: true })
      if (process.platform === 'linux') {
        expect(report.xattrs).toMatchObject({ set: 0, refused: 4 })
        expect(report.xattrs?.refusals[0]).toMatchObject({ name: made, reason: expect.stringContaining('ENOTSUP') })
      }
    })
  })
}

/** The same set and read by other people's tools. */
export function toolXattrs(functions: XattrFunctions): void {
  it('are what setfattr set and what getfattr tells, and FORMAT.md is enough to set them by hand', async () => {
    const { archive, source, out } = await prepared(async () => functions)
    await run('setfattr', ['-n', 'user.author', '-v', '0x00ff0a6d65', join(source, 'a.txt')])
    await run('setfattr', ['-n', 'user.empty', join(source, 'a.txt')])
    await run('setfattr', ['-n', 'user.folder', '-v', 'yes', join(source, 'sub')])
    const { root } = await archive.put(source, { xattrs: true })
    expect(await archive.restore(root, out, { xattrs: true })).toMatchObject({ xattrs: { set: 3, refused: 0 } })
    const told = async (folder: string) =>
      (await run('getfattr', ['-R', '-h', '-d', '-m', '-', '-e', 'base64', '.'], { cwd: folder })).stdout
    expect(await told(out)).toBe(await told(source))
    expect(await told(out)).toContain('user.author=0sAP8KbWU=')
    for await (const { path, xattrs = {} } of archive.entries(root))
      for (const [name, value] of Object.entries(xattrs)) {
        const text = Buffer.from(value).toString('base64')
        // It sets nothing for a mere `0s`, but an empty value without one.
        await run('setfattr', ['-n', `${name}.by-hand`, ...(text === '' ? [] : ['-v', `0s${text}`]), join(out, path)])
        expect(Buffer.from(functions.getAttributeSync(join(out, path), `${name}.by-hand`)).equals(value)).toBe(true)
      }
  })
}
