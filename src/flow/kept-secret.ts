/** Secrets of an archive's own, in files that only their owner can read. */
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Written whole under another name, then linked: whoever comes second reads the first one's. False when there was one already; it stays. */
export async function keepOnce(path: string, text: string): Promise<boolean> {
  const part = `${path}.${process.pid}.part`
  await mkdir(dirname(path), { recursive: true })
  const file = await open(part, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(part, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    await unlink(part)
  }
}
