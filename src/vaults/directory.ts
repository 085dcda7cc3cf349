/** A vault in a folder: another disk, a NAS mount. The layout is in directory/paths.ts and FORMAT.md. */
import { unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator, PackKind, Vault, VaultPrices, VaultProfile } from '../contracts.ts'
import { admit } from './body.ts'
import { errno, guarded, isMounted, known, type Place, translated, unmounted } from './directory/guard.ts'
import { listPacks, sizeOf } from './directory/list.ts'
import { locatorOf } from './directory/paths.ts'
import { placePack } from './directory/place.ts'
import { readSpan } from './directory/read.ts'
import { openRoot } from './directory/root.ts'
import { syncFolder } from './directory/sync.ts'
import { checkedPrices, vaultId } from './profile.ts'

export interface DirectoryOptions {
  /** The folder; made by `open` when it is not there. */
  readonly at: string | URL
  /** Default: the folder's own name. */
  readonly id?: string | undefined
  readonly network?: string | undefined
  /** Default `device-<number>`: two folders on one device share a failure domain. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  /** `device` is found by `open`; name it yourself where two devices are one disk. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Pack files lose their write permission. Default false. */
  readonly readOnlyFiles?: boolean | undefined
  /** Bytes that stay free on the disk, default 16 MiB. */
  readonly reserveBytes?: number | undefined
  readonly maxPackBytes?: number | undefined
  /**
   * Make nothing: a folder that is not yet a vault is `unreachable`. Right for removable disks and network mounts once they are in use,
   * because the folder of a disk that is not mounted looks like a new, empty vault.
   */
  readonly mustExist?: boolean | undefined
  /** What the place costs, for estimates and limits; default: nothing is known of it. */
  readonly prices?: VaultPrices | undefined
}

/** Keeps packs as files. Does nothing until `open`, which resolves to the profile with the device; before that the operator is `device-unknown`. */
export function directory(options: DirectoryOptions): Vault {
  const at = resolve(options.at instanceof URL ? fileURLToPath(options.at) : options.at)
  const place: Place = { at, id: vaultId(options.id ?? defaultId(at)) }
  const profile = profileOf(place.id, options)
  const rules = { readOnlyFiles: options.readOnlyFiles ?? false, reserveBytes: options.reserveBytes ?? 16 * 1024 * 1024 }

  return {
    profile,
    open: async ({ signal, mustExist = options.mustExist ?? false } = {}) => {
      const work = () => openRoot(place, { mustExist, signal })
      return profileOf(place.id, options, await guarded(place, 'opening the vault', work, { signal }))
    },
    put: async (pack, putOptions = {}) => {
      const { signal, replace = false } = putOptions
      admit(profile, pack)
      const locator = locatorOf(pack.name, pack.kind)
      // A file of another length was cut off behind our back: it is replaced by name, the old bytes staying until then.
      if ((await sizeOf(place, locator, { signal })) === pack.byteLength && !replace) return locator
      if (!(await guarded(place, 'looking for the marker', () => isMounted(place), { signal }))) throw unmounted(place)
      try {
        await placePack(place, locator, pack, rules, putOptions)
      } catch (error) {
        throw await translated(place, `storing ${locator}`, error, { signal })
      }
      return locator
    },
    locate: async (name, { signal, kind } = {}) => {
      for (const each of kind === undefined ? KINDS : [kind]) {
        const locator = locatorOf(name, each)
        if ((await sizeOf(place, locator, { signal })) !== undefined) return locator
      }
      return undefined
    },
    status: async (locator, { signal } = {}) =>
      (await sizeOf(place, known(place, locator), { signal })) === undefined ? 'absent' : 'held',
    read: (locator, span, readOptions) => readSpan(place, locator, span, readOptions),
    list: (listOptions) => listPacks(place, listOptions),
    remove: (locator, { signal } = {}) => guarded(place, `removing ${locator}`, () => removed(place, known(place, locator)), { signal }),
  }
}

const KINDS: readonly PackKind[] = ['content', 'index']

async function removed(place: Place, locator: Locator): Promise<void> {
  const path = join(place.at, locator)
  try {
    await unlink(path)
    await syncFolder(dirname(path))
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error
    if (!(await isMounted(place))) throw unmounted(place, error)
  }
}

function profileOf(id: string, options: DirectoryOptions, device?: number): VaultProfile {
  const { network = 'local', operator, region, jurisdiction, labels, maxPackBytes } = options
  return {
    id,
    network,
    operator: operator ?? `device-${device ?? 'unknown'}`,
    region,
    jurisdiction,
    labels: device === undefined ? labels : { device: String(device), ...labels },
    term: 'standing',
    maxPackBytes,
    canForget: true,
    paid: false,
    cold: false,
    prices: checkedPrices(id, options.prices),
    addressing: 'offset',
  }
}

function defaultId(at: string): string {
  const slug = basename(at)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return slug === '' ? 'directory' : slug
}
