/** Binds a configuration to the verbs in flow/. No logic of its own; everything heavy is loaded when an archive is opened. */
import type { Archive, ArchiveConfig } from './contracts.ts'

/** Opens an archive, making its folder, catalog and key at first use. Throws PolicyError when its vaults cannot reach the floor. */
export async function createArchive(config: ArchiveConfig = {}): Promise<Archive> {
  const { openArchive } = await import('./flow/open.ts')
  return openArchive(config)
}
