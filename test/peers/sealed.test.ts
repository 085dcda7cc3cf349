/** A sealed directory restored by other people's tools alone: ipfs-car, age and jq, strung together in a shell script, as FORMAT.md says. */
import { execFile } from 'node:child_process'
import { chmod, lstat, mkdir, mkdtemp, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { LEAF_PLAINTEXT_BYTES } from '../../src/format/age-layout.ts'
import { directory } from '../../src/vaults/directory.ts'
import { files, noise, treeOf } from '../flow/house.ts'
import { alice } from '../flow/sealed/keys.ts'
import { carsOf } from '../flow/sealed/stock.ts'

const run = promisify(execFile)
const IPFS_CAR = fileURLToPath(new URL('../../node_modules/ipfs-car/bin.js', import.meta.url))
const age = process.env.PERDURE_AGE_CURRENT ?? process.env.PERDURE_AGE_PACKAGED
const jq = await run('jq', ['--version']).then(
  () => true,
  () => false,
)
if (!age || !jq) console.warn(`SKIPPED: ${age ? 'jq' : 'age'} is not here; no sealed directory was restored with stock tools`)

/** The recipe of FORMAT.md: CAR, identity, and where to. */
const RECIPE = `
set -euo pipefail
car=$1 key=$2 out=$3
"$NODE" "$IPFS_CAR" unpack "$car" --output "$out.sealed"
age() { "$AGE" -d -i "$key" "$1"; }
mkdir -p "$out"
age "$out.sealed/index.age" > "$out.jsonl"
jq -r 'select(.type == "directory") | .path | @json' "$out.jsonl" | while read -r path; do mkdir -p "$out/$(jq -r . <<< "$path")"; done
jq -c 'select(.type == "file")' "$out.jsonl" | while read -r entry; do
  path="$out/$(jq -r .path <<< "$entry")"
  age "$out.sealed/$(jq -r .name <<< "$entry")" | head -c "$(jq -r .size <<< "$entry")" > "$path"
done
jq -c 'select(.type == "symlink")' "$out.jsonl" | while read -r entry; do
  ln -s "$(jq -r .target <<< "$entry")" "$out/$(jq -r .path <<< "$entry")"
done
tac "$out.jsonl" | jq -c 'select(.type == "file" or .type == "directory")' | while read -r entry; do
  path="$out/$(jq -r .path <<< "$entry")"
  chmod "$(jq -r .mode <<< "$entry")" "$path"
  touch -d "$(jq -r .mtime <<< "$entry")" "$path"
done
`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-stock-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it.skipIf(!age || !jq).each(['none', 'padme'] as const)(
  'is whole again, with modes and times to the nanosecond (padding: %s)',
  async (padding) => {
    const at = join(folder, padding)
    const source = await files(join(at, 'album'), {
      'summer/beach.jpg': noise(2 * LEAF_PLAINTEXT_BYTES + 5, 'beach'),
      'summer/with "quotes" and\ttab.txt': 'odd',
      'empty.txt': '',
      'grüße.txt': 'hello',
    })
    await mkdir(join(source, 'nothing here'))
    await symlink('summer/beach.jpg', join(source, 'best'))
    await chmod(join(source, 'empty.txt'), 0o600)
    await run('touch', ['-d', '2020-02-29T12:34:56.123456789Z', join(source, 'empty.txt')])
    await utimes(join(source, 'summer'), 1_111_111_111, 1_111_111_111)
    const vaults = [directory({ id: 'v', at: join(at, 'v') })]
    await using archive = await createArchive({ path: join(at, 'archive'), vaults, policy: { copies: 1 }, recipients: [alice.recipient] })
    await archive.put(source, { padding })
    await archive.close()
    await writeFile(join(at, 'key.txt'), `${alice.identity}\n`, { mode: 0o600 })
    await writeFile(join(at, 'recipe.sh'), RECIPE)
    const [car = ''] = await carsOf(join(at, 'v'))
    const out = join(at, 'out')
    const env = { ...process.env, AGE: age, NODE: process.execPath, IPFS_CAR }
    await run('bash', [join(at, 'recipe.sh'), car, join(at, 'key.txt'), out], { env })
    expect(await treeOf(out)).toEqual(await treeOf(source))
    expect(await readlink(join(out, 'best'))).toBe('summer/beach.jpg')
    for (const path of ['.', 'empty.txt', 'summer', 'summer/beach.jpg', 'nothing here']) {
      const [restored, original] = [await lstat(join(out, path), { bigint: true }), await lstat(join(source, path), { bigint: true })]
      expect([path, restored.mode, restored.mtimeNs]).toEqual([path, original.mode, original.mtimeNs])
    }
  },
)
