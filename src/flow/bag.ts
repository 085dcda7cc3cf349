/**
 * Writing a BagIt 1.0 bag (RFC 8493). It grows in a folder beside its place and takes its name when it is whole. What an earlier run had finished is
 * kept where it still holds; what that run left and this one does not want is not in the bag.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { ArchiveError } from '../errors.ts'
import { fileWriter } from './file-writer.ts'
import { syncFolder } from './spool.ts'

export type Write = (...parts: readonly Uint8Array[]) => Promise<void>

export interface BagFile {
  /** May a file that an earlier run finished stand for it? Default no. */
  readonly keep?: ((path: string) => Promise<boolean>) | undefined
  readonly write: (write: Write) => Promise<void>
}

export interface Bag {
  /** Adds a file of the payload, `path` below `data/`; in ASCII without spaces. Nothing is left of one that fails. Resolves to whether an earlier one was kept. */
  add(path: string, file: BagFile): Promise<boolean>
  readonly files: number
  readonly byteLength: number
  /** Writes the tag files and gives the bag its name. `info` is bag-info.txt, in order. */
  finish(info: readonly (readonly [label: string, value: string])[]): Promise<void>
  /** Lets go of the files; what is there stays for the next run. */
  close(): Promise<void>
}

const PAYLOAD = 'data'
const EARLIER = 'earlier'
const MANIFEST = 'manifest-sha256.txt'

/** Throws ArchiveError `exists` when something is at that place already, unless it is an empty folder. */
export async function openBag(folder: string): Promise<Bag> {
  const target = resolve(folder)
  const part = join(dirname(target), `.${basename(target)}.part`)
  await assertFree(target)
  await setAside(part)
  await mkdir(join(part, PAYLOAD), { recursive: true })
  const manifest = await open(join(part, MANIFEST), 'w')
  const lines = fileWriter(manifest, 0)
  let files = 0
  let byteLength = 0

  const note = async (path: string, { digest, size }: Digested) => {
    files++
    byteLength += size
    await lines.write(Buffer.from(`${digest}  ${PAYLOAD}/${path}\n`))
  }

  return {
    get files() {
      return files
    },
    get byteLength() {
      return byteLength
    },
    async add(path, { keep, write }) {
      const at = join(part, PAYLOAD, path)
      await mkdir(dirname(at), { recursive: true })
      const earlier = join(part, EARLIER, path)
      if (keep && (await sizeOf(earlier)) !== undefined && (await keep(earlier))) {
        await rename(earlier, at)
        await note(path, await digestOf(at))
        return true
      }
      await note(path, await writeWhole(at, write))
      return false
    },
    async finish(info) {
      await lines.flush()
      await manifest.datasync()
      await writeText(part, 'bagit.txt', 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n')
      const oxum = ['Payload-Oxum', `${byteLength}.${files}`] as const
      await writeText(
        part,
        'bag-info.txt',
        [...info, oxum].map(([label, value]) => `${label}: ${value.replaceAll(/\s+/g, ' ')}\n`).join(''),
      )
      const tags: string[] = []
      for (const name of ['bagit.txt', 'bag-info.txt', MANIFEST]) tags.push(`${(await digestOf(join(part, name))).digest}  ${name}\n`)
      await writeText(part, 'tagmanifest-sha256.txt', tags.join(''))
      await rm(join(part, EARLIER), { recursive: true, force: true })
      await syncFolder(part)
      await assertFree(target)
      await rename(part, target)
      await syncFolder(dirname(target))
    },
    async close() {
      await lines.flush().catch(() => undefined)
      await manifest.close()
    },
  }
}

async function assertFree(target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined)
  if (found === undefined || (found.isDirectory() && (await readdir(target)).length === 0)) return
  throw new ArchiveError('exists', `${target} is there already and is left as it is; name a folder that is not there yet`)
}

/** What earlier runs finished lies in one place, whichever of them it was. */
async function setAside(part: string): Promise<void> {
  await mkdir(part, { recursive: true })
  await moveInto(join(part, PAYLOAD), join(part, EARLIER))
}

async function moveInto(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => [])
  if (entries.length > 0) await mkdir(to, { recursive: true })
  for (const entry of entries) {
    if (entry.isDirectory()) await moveInto(join(from, entry.name), join(to, entry.name))
    else if (entry.isFile() && !entry.name.endsWith('.part')) await rename(join(from, entry.name), join(to, entry.name))
  }
  await rm(from, { recursive: true, force: true })
}

interface Digested {
  readonly digest: string
  readonly size: number
}

/** Under its name a file is whole. */
async function writeWhole(at: string, work: (write: Write) => Promise<void>): Promise<Digested> {
  const beside = `${at}.part`
  const file = await open(beside, 'w')
  try {
    const digested = await hashing(file, work)
    await file.datasync()
    await rename(beside, at)
    return digested
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

async function hashing(file: FileHandle, work: (write: Write) => Promise<void>): Promise<Digested> {
  const hash: Hash = createHash('sha256')
  const writer = fileWriter(file, 0)
  try {
    await work(async (...parts) => {
      for (const part of parts) hash.update(part)
      await writer.write(...parts)
    })
  } finally {
    await writer.flush()
  }
  return { digest: hash.digest('hex'), size: writer.position }
}

async function digestOf(path: string): Promise<Digested> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Uint8Array)
    size += (chunk as Uint8Array).byteLength
  }
  return { digest: hash.digest('hex'), size }
}

async function writeText(folder: string, name: string, text: string): Promise<void> {
  const file = await open(join(folder, name), 'w')
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}
