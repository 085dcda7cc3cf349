/**
 * Whose records are taken, and what is signed with afterwards. Nothing that lies in a vault can say that a key is the right one: a key that is held, or
 * the user, decides; a succession is followed backwards only, from a key that is taken to the one it says it goes on from.
 */
import type { FoundArchive, RecoverOptions, RecoverReport } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { fromMultikey, toMultikey } from '../format/sign.ts'
import { openSuccession } from '../format/succession.ts'
import type { Context } from './context.ts'
import { archiveKey, keptKey, keyFromText, placeKey } from './keys.ts'

const CHOSEN = 'archive'
const KEY = 'key'

export interface Whose {
  /** `z6Mk…`. */
  readonly archive: string
  /** It, its predecessors, and the key that signs from now on. */
  readonly accepted: ReadonlySet<string>
  readonly others: RecoverReport['others']
  readonly key: RecoverReport['key']
  /** What the signing key goes on from, where it is another one. */
  readonly succeeds: string | undefined
}

type Parts = Pick<Context, 'catalog' | 'path' | 'random'>

/** Chooses, refuses to mix, and sees to a signing key. Throws ArchiveError `no-records`, `ambiguous` or `exists`. */
export async function whose(parts: Parts, options: RecoverOptions): Promise<Whose> {
  const { catalog, path } = parts
  const found = await catalog.foundArchives()
  const successions = await successionsOf(parts)
  const kept = await keptKey(path)
  const given = options.key === undefined ? undefined : await keyFromText(options.key)
  const own = given ?? kept
  const ownKey = own && toMultikey(own.publicKey)
  const archive = choose(found, { options, ownKey, before: await catalog.recoveryNote(CHOSEN), successions })
  const accepted = closureOf(archive, successions)
  await assertSame(parts, { archive, accepted, ownKey, merge: options.merge === true })
  // From here on the same command goes on, whatever key it finds.
  await catalog.setRecoveryNote(CHOSEN, archive)
  if ((await catalog.recoveryNote(KEY)) === undefined) await catalog.setRecoveryNote(KEY, given ? 'given' : kept ? 'kept' : 'new')
  if (options.key !== undefined) await placeKey(path, options.key)
  const signing = toMultikey((await archiveKey(path, parts.random)).publicKey)
  // What this key has signed in a run that died counts, too.
  const counting = new Set([...accepted, signing])
  return {
    archive,
    accepted: counting,
    others: othersOf(found, counting, successions),
    key: (await catalog.recoveryNote(KEY)) as Whose['key'],
    succeeds: accepted.has(signing) ? undefined : archive,
  }
}

/** By new key, the keys it says it goes on from. */
type Successions = ReadonlyMap<string, readonly string[]>

async function successionsOf({ catalog }: Parts): Promise<Successions> {
  const claims: { readonly from: string; readonly to: string }[] = []
  for (const bytes of await catalog.foundSuccessions()) {
    const { archive, predecessor } = await openSuccession(bytes)
    claims.push({ from: toMultikey(archive), to: toMultikey(predecessor) })
  }
  return new Map([...Map.groupBy(claims, ({ from }) => from)].map(([from, own]) => [from, [...new Set(own.map(({ to }) => to))]]))
}

function closureOf(archive: string, successions: Successions): ReadonlySet<string> {
  const accepted = new Set([archive])
  for (const key of accepted) for (const before of successions.get(key) ?? []) accepted.add(before)
  return accepted
}

interface Choice {
  readonly options: RecoverOptions
  readonly ownKey: string | undefined
  /** What an earlier run chose that did not come to its end. */
  readonly before: string | undefined
  readonly successions: Successions
}

function choose(found: readonly FoundArchive[], { options, ownKey, before, successions }: Choice): string {
  const there = found.map(({ archive }) => toMultikey(archive))
  const said = options.archive === undefined ? undefined : toMultikey(fromMultikey(options.archive))
  const wanted = said ?? before ?? ownKey ?? (there.length === 1 ? there[0] : undefined)
  if (wanted === undefined && there.length > 1)
    throw new ArchiveError(
      'ambiguous',
      `several archives lie there: ${listed(found, successions)}. Name the one that is yours with --archive (receipts name it), or give its archive.key with --key`,
    )
  // A key that has signed no record yet, but a succession, stands for the one before it.
  if (wanted !== undefined && (there.includes(wanted) || successions.has(wanted))) return wanted
  const others = there.length === 0 ? 'there is no record of any archive' : `there are records of ${listed(found, successions)}`
  throw new ArchiveError(
    'no-records',
    `no vault that was read holds a record${wanted === undefined ? '' : ` of ${wanted}`}; ${others}. Name other vaults with --from, or the archive with --archive`,
  )
}

const listed = (found: readonly FoundArchive[], successions: Successions): string =>
  found
    .map(({ archive, records }) => {
      const key = toMultikey(archive)
      const claims = successions.get(key)
      return `${key} (${records} records${claims ? `; says that it goes on from ${claims.join(', ')}, which nothing proves` : ''})`
    })
    .join(', ')

function othersOf(found: readonly FoundArchive[], accepted: ReadonlySet<string>, successions: Successions): RecoverReport['others'] {
  return found
    .map(({ archive, records }) => ({ archive: toMultikey(archive), records }))
    .filter(({ archive }) => !accepted.has(archive))
    .map((other) => {
      const claims = successions.get(other.archive)
      return claims ? { ...other, claimsToSucceed: claims } : other
    })
}

/** A catalog that holds objects already is brought forward by its own archive, and by another one only when that is said. */
async function assertSame(
  { catalog, path }: Parts,
  { archive, accepted, ownKey, merge }: { archive: string; accepted: ReadonlySet<string>; ownKey: string | undefined; merge: boolean },
): Promise<void> {
  const empty = (await catalog.objects({ limit: 1 })).length === 0
  const goesOn = (await catalog.recoveryNote(CHOSEN)) === archive
  if (empty || merge || goesOn || (ownKey !== undefined && accepted.has(ownKey))) return
  throw new ArchiveError(
    'exists',
    `the catalog in ${path} holds objects of another archive${ownKey === undefined ? '' : ` (${ownKey})`}; recover into a new folder, or take ${archive} over with --merge`,
  )
}
