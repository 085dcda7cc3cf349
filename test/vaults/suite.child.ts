/** Runs the conformance cases on a directory vault in a process that may be denied something, and prints what failed. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { samplePack } from '../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../src/conformance/vault.ts'
import { readAll } from '../../src/conformance/vault-context.ts'
import { directory } from '../../src/vaults/directory.ts'
import { codeOf } from './code-of.ts'

const [, , at = ''] = process.argv
const vault = directory({ at, id: 'dropped' })
await vault.open?.()
const denials: Record<string, string> = {}

const context: VaultContext = {
  vault,
  pack: samplePack,
  deny: async () => {
    await chmod(at, 0o000)
    return () => chmod(at, 0o700)
  },
}
const passed: string[] = []
const failed: string[] = []
for (const { name, needs, wants, run } of vaultCases) {
  if ((needs && !vault[needs]) || (wants && !context[wants])) continue
  await run(context).then(
    () => passed.push(name),
    (error) => failed.push(`${name}: ${error}`),
  )
}

const pack = await samplePack({ seed: 'one file' })
const locator = await vault.put(pack)
await chmod(join(at, locator), 0o000)
denials['read of a file without permission'] = await codeOf(readAll(vault, locator, { cid: pack.root, offset: 0, length: 1 }))

const other = await samplePack({ seed: 'tmp closed' })
await chmod(join(at, 'tmp'), 0o500)
denials['put without write permission'] = await codeOf(vault.put(other))
denials['open without write permission'] = await codeOf(directory({ at }).open?.())
await chmod(join(at, 'tmp'), 0o700)

const closed = `${at}-closed`
await mkdir(closed)
await writeFile(join(closed, 'perdure-vault.json'), '{"version":1}')
await chmod(closed, 0o000)
denials['open of a closed folder'] = await codeOf(directory({ at: closed }).open?.())
await chmod(closed, 0o700)

console.log(JSON.stringify({ uid: process.getuid?.(), passed, failed, denials }))
