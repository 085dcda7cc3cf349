/** A machine that is wiped, and what comes back. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createArchive, recoverArchive } from '../../../src/archive.ts'
import type { Archive, ArchiveConfig, RecoverOptions, RecoverReport, Vault } from '../../../src/contracts.ts'
import { all, tempFolder } from '../house.ts'

export interface Recovered {
  readonly folder: string
  readonly report: RecoverReport
  readonly archive: Archive
  /** What was put into vaults since the machine was wiped, content packs only. */
  readonly uploads: readonly string[]
}

/** Counts content packs that are put; index packs are no uploads of content. */
export function counting(vault: Vault, uploads: string[]): Vault {
  return {
    ...vault,
    put: async (pack, options) => {
      if (pack.kind === 'content') uploads.push(`${vault.profile.id} ${pack.name}`)
      return vault.put(pack, options)
    },
  }
}

/** The line of an archive.key. */
export const keyIn = (folder: string): Promise<string> => readFile(join(folder, 'archive', 'archive.key'), 'utf8')

/** Recovers into a folder of its own, as on a new machine, and opens what came back. */
export async function recovered(
  config: Omit<ArchiveConfig, 'path'> & { readonly vaults: readonly Vault[] },
  options: RecoverOptions = {},
): Promise<Recovered> {
  const folder = await tempFolder()
  const uploads: string[] = []
  const settings: ArchiveConfig = {
    timeoutMs: 300,
    ...config,
    path: join(folder, 'archive'),
    vaults: config.vaults.map((vault) => counting(vault, uploads)),
  }
  const report = await recoverArchive(settings, options)
  const archive = await createArchive(settings)
  onTestFinished(() => archive.close())
  return { folder, report, archive, uploads }
}

/** Everything that is lost with the machine. */
export const wipe = (folder: string): Promise<void> => rm(join(folder, 'archive'), { recursive: true, force: true })

/** What a listing shows, without what only evidence tells. */
export async function shownOf(archive: Archive) {
  const objects = await all(archive.objects())
  return objects.map(({ state: _, ...object }) => object).sort((a, b) => (a.root < b.root ? -1 : 1))
}
