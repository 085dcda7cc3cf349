/** Binds a configuration to the verbs in flow/. No logic of its own; everything heavy is loaded when an archive is opened. */
import type { Archive, ArchiveConfig, RecoverOptions, RecoverReport } from './contracts.ts'

/** Opens an archive, making its folder, catalog and key at first use. Throws PolicyError when its vaults cannot reach the floor. */
export async function createArchive(config: ArchiveConfig = {}): Promise<Archive> {
  const { openArchive } = await import('./flow/open.ts')
  return openArchive(config)
}

/**
 * Rebuilds the catalog of a lost archive from vaults that can list; `createArchive` with the same configuration opens it afterwards. Call it again after
 * any failure: it goes on. Throws ArchiveError `no-records`, `ambiguous`, or `exists` where the catalog holds another archive.
 */
export async function recoverArchive(config: ArchiveConfig = {}, options: RecoverOptions = {}): Promise<RecoverReport> {
  const { recover } = await import('./flow/recover.ts')
  return recover(config, options)
}
