/** A sealed object restored without perdure: the DAG unpacked by ipfs-car, age files opened by age-encryption, the index read as JSON Lines. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Decrypter } from 'age-encryption'

const run = promisify(execFile)
const IPFS_CAR = fileURLToPath(new URL('../../../node_modules/ipfs-car/bin.js', import.meta.url))

export interface IndexLine {
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink'
  readonly size?: number
  readonly mode?: string
  readonly mtime?: string
  readonly target?: string
  readonly name?: string
  readonly cid?: string
}

/** The content packs of a directory vault. */
export async function carsOf(vault: string): Promise<readonly string[]> {
  const names = await readdir(join(vault, 'packs'), { recursive: true })
  return names.filter((name) => name.endsWith('.car')).map((name) => join(vault, 'packs', name))
}

/** Unpacks the DAG of one CAR into a folder. */
export async function unpack(car: string, folder: string): Promise<void> {
  await run(process.execPath, [IPFS_CAR, 'unpack', car, '--output', folder])
}

export async function decrypt(path: string, identity: string): Promise<Buffer> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return Buffer.from(await decrypter.decrypt(await readFile(path)))
}

export async function indexLines(folder: string, identity: string): Promise<readonly IndexLine[]> {
  const [head, ...lines] = (await decrypt(join(folder, 'index.age'), identity)).toString().trimEnd().split('\n')
  if (JSON.parse(head ?? '').kind !== 'perdure-index') throw new TypeError('no index')
  return lines.map((line) => JSON.parse(line) as IndexLine)
}

/** Puts an unpacked sealed directory in order again. */
export async function restoreByHand(folder: string, out: string, identity: string): Promise<void> {
  const lines = await indexLines(folder, identity)
  for (const { path, type, name, target } of lines) {
    const at = join(out, path)
    await mkdir(type === 'directory' ? at : dirname(at), { recursive: true })
    if (type === 'file') await writeFile(at, await decrypt(join(folder, name ?? ''), identity))
    if (type === 'symlink') await symlink(target ?? '', at)
  }
  for (const { path, type, mode, mtime } of lines.toReversed()) {
    if (type === 'symlink') continue
    if (mode !== undefined) await chmod(join(out, path), Number.parseInt(mode, 8))
    if (mtime !== undefined) await utimes(join(out, path), new Date(mtime), new Date(mtime))
  }
}
