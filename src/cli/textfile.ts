/** A file that is replaced as a whole: whoever reads it while it is written sees the old one. */
import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { UsageError } from './errors.ts'

/** Resolves to the absolute path. Readable by everybody, because the collector is another user. */
export async function writeTextfile(cwd: string, path: string, text: string): Promise<string> {
  const target = resolve(cwd, path)
  if (!target.endsWith('.prom')) throw new UsageError('node_exporter reads files that end in .prom and no others; name the file so')
  // Beside the target, so that the rename stays on one disk, and under a name that the collector passes over.
  const draft = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`)
  try {
    await writeFile(draft, text, { mode: 0o644, flag: 'wx', flush: true })
    await rename(draft, target)
    return target
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw new ConfigError('invalid', `${target} cannot be written; make its folder, and grant it to this user`, { cause })
  }
}
