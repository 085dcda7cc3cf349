/** A vault in this process's memory, for tests and trials. Its bytes are gone when the process ends. */
import { CID } from 'multiformats/cid'
import type { Listed, PackKind, Vault, VaultProfile } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { admit, bodyOf } from './body.ts'
import { checkedPrices, vaultId } from './profile.ts'

const CHUNK_BYTES = 1024 * 1024
const KINDS: readonly PackKind[] = ['content', 'index']

/** Any fact of the profile may be overridden, to stand in for a vault of another kind, except that it locks nothing. */
export interface MemoryOptions extends Partial<Omit<VaultProfile, 'canRetain'>> {
  /** Where the packs are kept, by locator; hand one in to share a place between instances or to damage bytes behind the vault's back. */
  readonly store?: Map<string, Uint8Array> | undefined
}

/** Keeps packs in memory. With `canForget: false` it has no `remove`. Locators are `<kind>/<name>`. */
export function memory(options: MemoryOptions = {}): Vault {
  const { store = new Map<string, Uint8Array>(), ...given } = options
  const profile: VaultProfile = {
    network: 'local',
    operator: 'this-process',
    term: 'standing',
    canForget: true,
    paid: false,
    cold: false,
    addressing: 'offset',
    ...given,
    id: vaultId(given.id ?? 'memory'),
    prices: checkedPrices(given.id ?? 'memory', given.prices),
  }

  return {
    profile,
    open: async () => profile,
    put: async (pack, putOptions = {}) => {
      admit(profile, pack)
      putOptions.signal?.throwIfAborted()
      const at = `${pack.kind}/${pack.name}`
      if (store.get(at)?.byteLength === pack.byteLength && !putOptions.replace) return at
      const bytes = new Uint8Array(pack.byteLength)
      let filled = 0
      for await (const chunk of bodyOf(pack, profile.id, putOptions)) {
        bytes.set(chunk, filled)
        filled += chunk.byteLength
      }
      store.set(at, bytes)
      return at
    },
    locate: async (name, { signal, kind } = {}) => {
      signal?.throwIfAborted()
      return (kind === undefined ? KINDS : [kind]).map((each) => `${each}/${name}`).find((at) => store.has(at))
    },
    status: async (at, { signal } = {}) => {
      signal?.throwIfAborted()
      return store.has(at) ? 'held' : 'absent'
    },
    read: async function* (at, span, { signal } = {}) {
      signal?.throwIfAborted()
      const bytes = store.get(at)
      if (!bytes) throw new VaultError('absent', profile.id, `${at} is not here; repair the object`)
      const end = Math.min(bytes.byteLength, span.offset + span.length)
      for (let offset = span.offset; offset < end; offset += CHUNK_BYTES) {
        signal?.throwIfAborted()
        yield bytes.slice(offset, Math.min(offset + CHUNK_BYTES, end))
      }
    },
    list: async function* ({ signal, kind } = {}) {
      for (const [at, bytes] of [...store]) {
        signal?.throwIfAborted()
        const found = listed(at, bytes.byteLength)
        if (found && (kind === undefined || found.kind === kind)) yield found
      }
    },
    ...(profile.canForget && {
      remove: async (at, { signal } = {}) => {
        signal?.throwIfAborted()
        store.delete(at)
      },
    }),
  }
}

function listed(at: string, byteLength: number): Listed | undefined {
  const [kind, name] = at.split('/')
  const known = KINDS.find((each) => each === kind)
  return known && name !== undefined ? { name: CID.parse(name), kind: known, at, byteLength } : undefined
}
