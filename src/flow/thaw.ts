/** Thaw: the one verb that asks cold vaults for a restore. It starts or looks, and never waits: the same call again tells how far they are. */
import type { ObjectRow, PackRow, ReplicaRow, ThawOptions, ThawReport, Vault } from '../contracts.ts'
import { ConfigError, VaultError } from '../errors.ts'
import { type Context, eachOf } from './context.ts'

const DEFAULT_DAYS = 7
const PACKS_AT_ONCE = 4

type Thawed = ThawReport['replicas'][number]

/** Throws `invalid` for a vault that is not configured and `unsupported` for one that has no cold classes; what else fails is in the report. */
export async function thaw(context: Context, object: ObjectRow, options: ThawOptions = {}): Promise<ThawReport> {
  const chosen = options.vaults?.map((id) => thawable(context, id))
  const packs = await context.catalog.packsOf(object.id)
  const rows = await context.catalog.replicasOf(packs.map(({ id }) => id))
  const able = chosen ?? [...context.vaults.values()].filter((vault) => vault.thaw !== undefined)
  const perPack = await eachOf(packs, PACKS_AT_ONCE, async (pack) => {
    const own = rows.filter((row) => row.pack === pack.id)
    const held = able.flatMap((vault) => placesIn(vault, own))
    return eachOf(chosen ? held : await bestOf(held, options), 1, (place) => thawOne(pack, place, options))
  })
  const replicas = perPack.flat()
  return { root: object.root.toString(), readable: replicas.every(({ state }) => state === 'readable'), replicas }
}

interface Place {
  readonly vault: Vault
  readonly at: string
}

function thawable(context: Context, id: string): Vault {
  const vault = context.vaults.get(id)
  if (!vault) throw new ConfigError('invalid', `no vault is called ${id}; configured: ${[...context.vaults.keys()].join(', ')}`)
  if (!vault.thaw) throw new VaultError('unsupported', id, 'it has no cold storage classes; what lies there can be read without a restore')
  return vault
}

const placesIn = (vault: Vault, rows: readonly ReplicaRow[]): readonly Place[] =>
  rows.flatMap(({ vault: id, state, locator }) =>
    id === vault.profile.id && state === 'placed' && locator !== undefined ? [{ vault, at: locator }] : [],
  )

/** From what is easiest to what is hardest to read; what never freezes needs no thaw and is taken only where nothing else is. */
const EASE = ['readable', 'thawing', 'frozen', 'silent', 'warm'] as const

/** One restore is enough: where it can be read already, or soonest. */
async function bestOf(places: readonly Place[], { signal }: ThawOptions): Promise<readonly Place[]> {
  if (places.length < 2) return places
  const judged = await eachOf(places, places.length, async (place) => ({ place, ease: EASE.indexOf(await easeOf(place, signal)) }))
  return judged
    .toSorted((a, b) => a.ease - b.ease)
    .slice(0, 1)
    .map(({ place }) => place)
}

async function easeOf({ vault, at }: Place, signal: AbortSignal | undefined): Promise<(typeof EASE)[number]> {
  try {
    const { state, until } = (await vault.warmth?.(at, { signal })) ?? { state: 'frozen' }
    return state === 'readable' && until === undefined && !vault.profile.cold ? 'warm' : state
  } catch {
    signal?.throwIfAborted()
    return 'silent'
  }
}

async function thawOne(pack: PackRow, { vault, at }: Place, { days = DEFAULT_DAYS, tier, signal }: ThawOptions): Promise<Thawed> {
  const known = { vault: vault.profile.id, pack: pack.name.toString(), byteLength: pack.byteLength }
  try {
    const warmth = (await vault.thaw?.(at, { days, tier, signal })) ?? { state: 'readable' as const }
    return { ...known, state: warmth.state, ...(warmth.until && { until: warmth.until.toISOString() }) }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof VaultError)) throw error
    return { ...known, state: 'failed', code: error.code, detail: error.message }
  }
}
