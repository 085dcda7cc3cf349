/** Puts a pack in place: linked or written under a temporary name, synced, then renamed. A crash leaves nothing or a whole pack. */
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Locator, Pack, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { bodyOf, tell, wrongLength } from '../body.ts'
import { errno, type Place } from './guard.ts'
import { PARTS, partName } from './paths.ts'
import { syncFolder } from './sync.ts'
import { writeBehind } from './write.ts'

/** How files are written. */
export interface WriteRules {
  readonly readOnlyFiles: boolean
  /** Bytes that must stay free on the disk. */
  readonly reserveBytes: number
}

/** Stores the pack at the locator, over whatever stands there. Aborting has no effect once the name is given. */
export async function placePack(place: Place, at: Locator, pack: Pack, rules: WriteRules, options: VaultPutOptions): Promise<void> {
  const part = join(place.at, PARTS, partName())
  const target = join(place.at, at)
  try {
    await makeFolder(dirname(part))
    // Replacing never links: the file to be replaced may be the very inode that the spool would give.
    if (options.replace || !(await adopted(place, part, pack, rules, options))) await written(place, part, pack, rules, options)
    options.signal?.throwIfAborted()
    await makeFolder(dirname(dirname(target)))
    await makeFolder(dirname(target))
    await rename(part, target)
    // Both, also when they were there before: whoever made them may have died before syncing.
    await syncFolder(dirname(target))
    await syncFolder(dirname(dirname(target)))
  } finally {
    // Also after a rename: between two links of one inode it does nothing and succeeds.
    await Promise.allSettled([rm(part, { force: true })])
  }
}

async function adopted(place: Place, part: string, pack: Pack, rules: WriteRules, options: VaultPutOptions): Promise<boolean> {
  options.signal?.throwIfAborted()
  if (!(await pack.adopt?.(part))) return false
  await using handle = await open(part, 'r')
  const { size } = await handle.stat()
  if (size !== pack.byteLength) throw wrongLength(place.id, pack, `${size} instead of ${pack.byteLength}`)
  if (rules.readOnlyFiles) await handle.chmod(0o444)
  await handle.sync()
  tell(options.onProgress, { type: 'bytes-sent', byteLength: size })
  return true
}

async function written(place: Place, part: string, pack: Pack, rules: WriteRules, options: VaultPutOptions): Promise<void> {
  await checkSpace(place, pack, rules.reserveBytes)
  await using handle = await open(part, 'wx')
  await writeBehind(handle, bodyOf(pack, place.id, options), pack.byteLength)
  if (rules.readOnlyFiles) await handle.chmod(0o444)
  await handle.sync()
}

async function checkSpace(place: Place, pack: Pack, reserveBytes: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(place.at)
  const lacking = pack.byteLength + reserveBytes - bavail * bsize
  // Some network mounts report no size at all: then only the write tells.
  if (blocks === 0 || lacking <= 0) return
  const wants = `this pack needs ${pack.byteLength} bytes and ${reserveBytes} are to stay free`
  throw new VaultError(
    'exhausted',
    place.id,
    `${lacking} bytes are missing on the disk of ${place.at} (${wants}); free space or use another disk`,
  )
}

/** Never recursive: a vault whose disk went away must not come to life on the disk below. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
  }
}
