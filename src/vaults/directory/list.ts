/** Walks a directory vault, one shard at a time. */
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbortOptions, Listed, Locator, PackKind } from '../../contracts.ts'
import { errno, guarded, isMounted, type Place, unmounted } from './guard.ts'
import { FOLDERS, parseLocator } from './paths.ts'

/** Every pack of the vault in order of its path; foreign files, links and empty files are passed over. */
export async function* listPacks(
  place: Place,
  options: AbortOptions & { readonly kind?: PackKind | undefined } = {},
): AsyncGenerator<Listed, void, undefined> {
  for (const kind of options.kind === undefined ? (['content', 'index'] as const) : [options.kind]) {
    const folder = FOLDERS[kind]
    for (const shard of await entries(place, folder, options)) {
      if (!shard.isDirectory() && !shard.isSymbolicLink()) continue
      for (const file of await entries(place, `${folder}/${shard.name}`, options)) {
        const found = parseLocator(`${folder}/${shard.name}/${file.name}`)
        const byteLength = found && (await sizeOf(place, found.at, options))
        if (found && byteLength !== undefined) yield { ...found, byteLength }
      }
    }
  }
}

/** Length of the pack at a locator; undefined when there is none. Files get their names when they are whole, so an empty one was never a pack. */
export async function sizeOf(place: Place, at: Locator, options: AbortOptions = {}): Promise<number | undefined> {
  return guarded(
    place,
    `looking for ${at}`,
    async () => {
      const found = await present(lstat(join(place.at, at)))
      if (found === undefined && !(await isMounted(place))) throw unmounted(place)
      return found?.isFile() && found.size > 0 ? found.size : undefined
    },
    options,
  )
}

async function entries(place: Place, folder: string, options: AbortOptions): Promise<readonly Dirent[]> {
  const read = async () => {
    const found = await present(readdir(join(place.at, folder), { withFileTypes: true }))
    if (found === undefined && !(await isMounted(place))) throw unmounted(place)
    return (found ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
  return guarded(place, `listing ${folder}`, read, options)
}

async function present<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined
    throw error
  }
}
