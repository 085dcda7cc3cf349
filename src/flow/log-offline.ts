/** The log without an archive: the catalog is opened for reading, and no vault is looked at. */
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { openCatalog } from '../catalog/open.ts'
import type { AbortOptions, Catalog } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { logVerifierKey } from '../format/checkpoint.ts'
import type { SigningKey } from '../format/sign.ts'
import { keptKey } from './keys.ts'
import { checkpointOf } from './log-tree.ts'

const PAGE = 1_000
const LF = Buffer.from('\n')

export interface OfflineLog extends AsyncDisposable {
  readonly catalog: Catalog
  readonly key: SigningKey
}

/** Opens the log of the archive in that folder. Throws ConfigError `not-found` when there is none, CatalogError as opening a catalog does. */
export async function openLog(path: string): Promise<OfflineLog> {
  const key = await keptKey(path)
  if (!key)
    throw new ConfigError(
      'not-found',
      `there is no archive with a signing key at ${path}; name the right folder with "path" in perdure.json`,
    )
  const catalog = await openCatalog({ path: join(path, 'catalog.sqlite'), readOnly: true })
  return { catalog, key, [Symbol.asyncDispose]: () => catalog.close() }
}

export interface ExportedLog {
  readonly size: number
  readonly entries: string
  readonly checkpoint: string
  readonly key: string
}

/**
 * Writes `log.jsonl` (one entry a line, each line as it is hashed), `checkpoint.txt` (the signed tree over those lines) and `key.txt` (the verifier key) into a
 * folder, which is made when absent. Resolves to their paths. `examples/verify-log.ts` checks them.
 */
export async function exportLog(
  log: Pick<OfflineLog, 'catalog' | 'key'>,
  folder: string,
  { signal }: AbortOptions = {},
): Promise<ExportedLog> {
  await mkdir(folder, { recursive: true })
  const [entries, checkpoint, key] = ['log.jsonl', 'checkpoint.txt', 'key.txt'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const { size, note } = await checkpointOf(log)
  await pipeline(Readable.from(linesOf(log.catalog, size)), createWriteStream(entries), { signal })
  await writeFile(checkpoint, note)
  await writeFile(key, `${logVerifierKey(log.key.publicKey)}\n`)
  return { size, entries, checkpoint, key }
}

async function* linesOf(catalog: Catalog, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const page = await catalog.logRows({ after: at - 1, limit: Math.min(PAGE, size - at) })
    if (page.length === 0) return
    yield Buffer.concat(page.flatMap(({ bytes }) => [bytes, LF]))
    at += page.length
  }
}
