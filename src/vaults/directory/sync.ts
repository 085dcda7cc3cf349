/** Makes names durable: a renamed file survives power loss only when its folder was synced too. */
import { open } from 'node:fs/promises'
import { errno } from './guard.ts'

/** Network mounts and Windows cannot sync a folder; there the rename is as durable as it gets. */
const UNSUPPORTED = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', ...(process.platform === 'win32' ? ['EPERM', 'EACCES'] : [])])

/** Syncs the entries of a folder to disk. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await using handle = await open(path, 'r')
    await handle.sync()
  } catch (error) {
    if (!UNSUPPORTED.has(errno(error) ?? '')) throw error
  }
}
