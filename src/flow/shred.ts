/**
 * Shredding: an erasable object's headers go, everywhere, and with them its file keys; the ciphertext may stay where it cannot be deleted. In this order, so
 * that the same call finishes what a dead one began: marked in the catalog (nothing brings headers anywhere from then on) → signed tombstone →
 * every copy deleted → every vault asked → certificate.
 */
import type { CID } from 'multiformats/cid'
import type { NewLogEntry, ObjectRow, PackRow, RemainingCopy, ShredCertificate, ShredOptions, ShredVault } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { NOT_EXCLUDED, signCertificate } from '../format/certificate.ts'
import { reassess } from './assess.ts'
import { type Context, eachOf, tell } from './context.ts'
import { appendLog, MOST_LISTED } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { publishShred } from './publish.ts'
import { eraseHeader } from './shred-header.ts'

const PACKS_AT_ONCE = 2
const MOST_SUCCESSORS = 1_000

/** Shreds an erasable object, or goes on where an earlier call stopped. Partial success is in the certificate, not an exception. */
export async function shred(context: Context, root: CID, options: ShredOptions = {}): Promise<ShredCertificate> {
  const { catalog, clock } = context
  const object = await catalog.object(root)
  if (!object) return lastCertificate(context, root)
  if (!object.erasable) throw notErasable(root)
  await assertHistory(context)
  const family = await familyOf(context, object)
  const packs = new Map<number, PackRow>()
  for (const { id } of family) for (const pack of await catalog.packsOf(id)) packs.set(pack.id, pack)
  const headers = [...packs.values()].filter(({ erasable }) => erasable)
  for (const { id } of family) await catalog.beginShred(id, clock())
  await dropSpooled(context, headers)
  const told = await Promise.all(family.map((one) => publishTombstone(context, one, headers, options)))
  const vaults = (await eachOf(headers, PACKS_AT_ONCE, (pack) => eraseHeader(context, pack, options))).flat()
  const remaining = await remainingOf(
    context,
    [...packs.values()].filter(({ erasable }) => !erasable),
    options,
  )
  const known = { headers, vaults, remaining }
  const certificates = await eachOf(family, 1, (one) => certify(context, one, told, known))
  await appendLog(context, certificates.map(entryOf))
  await reassess(context, await freshly(context, family))
  return certificates[0] as ShredCertificate
}

const entryOf = ({ root, state, tombstone, headers, vaults }: ShredCertificate): NewLogEntry => ({
  kind: 'shred',
  root,
  state,
  tombstone: tombstone.cid,
  headers: headers.slice(0, MOST_LISTED),
  vaults: vaults.slice(0, MOST_LISTED).map(({ vault, pack, standing }) => ({ vault, pack, standing })),
})

async function lastCertificate({ catalog }: Context, root: CID): Promise<ShredCertificate> {
  const row = await catalog.shredOf(root)
  if (row?.certificate !== undefined) return JSON.parse(row.certificate) as ShredCertificate
  throw new ArchiveError('unknown-root', `this archive holds no object ${root}; \`perdure ls\` lists what it holds`)
}

const notErasable = (root: CID) =>
  new ArchiveError(
    'not-erasable',
    `${root} was not put as erasable: its headers lie with its content, also where nothing can be deleted, so shredding could promise nothing. ` +
      '`perdure rm` deletes what can be deleted and names what stays; `perdure put --erasable` stores content that can be shredded',
  )

/** The object first, then those whose place it took and whose headers may not all be gone: their file keys are the same. */
async function familyOf({ catalog }: Context, object: ObjectRow): Promise<readonly ObjectRow[]> {
  const family = [object]
  for (let before = object.supersedes; before; ) {
    const row = await catalog.object(before)
    if (!row?.erasable || family.some(({ id }) => id === row.id)) break
    family.push(row)
    before = row.supersedes
  }
  return family
}

/** What took the place of the object, and can be read. */
async function readableSuccessors({ catalog }: Context, object: ObjectRow): Promise<readonly string[]> {
  const found: string[] = []
  for (
    let next = await catalog.successorOf(object.root);
    next && found.length < MOST_SUCCESSORS;
    next = await catalog.successorOf(next.root)
  ) {
    if (next.shreddedAt === undefined) found.push(next.root.toString())
  }
  return found
}

async function dropSpooled({ catalog, spool }: Context, headers: readonly PackRow[]): Promise<void> {
  for (const pack of headers) {
    await catalog.unspooled(pack.id)
    await spool.remove(pack.name)
  }
}

interface Told {
  readonly root: CID
  readonly begunAt: number
  readonly tombstone: CID
  readonly vaults: readonly string[]
}

async function publishTombstone(context: Context, object: ObjectRow, headers: readonly PackRow[], options: ShredOptions): Promise<Told> {
  const { root } = object
  const begunAt = (await context.catalog.shredOf(root))?.begunAt ?? context.clock()
  const packs = headers.map(({ name }) => name)
  const { tombstone, vaults } = await publishShred(context, object, { at: begunAt, packs, signal: options.signal })
  tell(options.onProgress, { type: 'tombstone-published', root: root.toString(), vaults })
  return { root, begunAt, tombstone, vaults }
}

/** Where its ciphertext lies, as far as the catalog knows, and what keeps it there. */
async function remainingOf(context: Context, packs: readonly PackRow[], options: ShredOptions): Promise<readonly RemainingCopy[]> {
  const rows = await context.catalog.replicasOf(packs.map(({ id }) => id))
  const known = new Map(packs.map((pack) => [pack.id, pack]))
  return eachOf(rows, PACKS_AT_ONCE, async ({ pack: id, vault, locator }) => {
    const pack = known.get(id)
    const kept = locator === undefined ? 'until-removed' : await keptAt(context, vault, locator, options)
    return {
      vault,
      pack: pack?.name.toString() ?? '',
      ...(locator !== undefined && { locator }),
      byteLength: pack?.byteLength ?? 0,
      kept,
    }
  })
}

async function keptAt(context: Context, id: string, at: string, { signal }: ShredOptions): Promise<string> {
  const vault = context.vaults.get(id)
  // A vault that does not tell, or is not asked any more, is taken at its profile.
  const lock = await vault?.retention?.(at, { signal }).catch(() => undefined)
  signal?.throwIfAborted()
  if (lock?.legalHold) return 'for-ever'
  if (lock && lock.until.getTime() > context.clock()) return lock.until.toISOString()
  return vault?.remove && vault.profile.term !== 'perpetual' ? 'until-removed' : 'for-ever'
}

async function certify(
  context: Context,
  object: ObjectRow,
  told: readonly Told[],
  known: { readonly headers: readonly PackRow[]; readonly vaults: readonly ShredVault[]; readonly remaining: readonly RemainingCopy[] },
): Promise<ShredCertificate> {
  const { headers, vaults, remaining } = known
  const own = told.find(({ root }) => root.equals(object.root))
  const complete = vaults.every(({ standing }) => standing === 'absent')
  const at = context.clock()
  const certificate = await signCertificate(
    {
      version: 1,
      kind: 'shred',
      root: object.root.toString(),
      state: complete ? 'complete' : 'incomplete',
      begun: new Date(own?.begunAt ?? at).toISOString(),
      issued: new Date(at).toISOString(),
      tombstone: { cid: own?.tombstone.toString() ?? '', vaults: own?.vaults ?? [] },
      headers: headers.map(({ name }) => name.toString()),
      readableAs: await readableSuccessors(context, object),
      vaults,
      remaining,
      excluded: NOT_EXCLUDED,
    },
    context.key,
  )
  await context.catalog.saveCertificate(object.root, { certificate: JSON.stringify(certificate), complete, at })
  await context.events.emit({ type: 'object-shredded', root: object.root.toString(), complete })
  return certificate
}

async function freshly({ catalog }: Context, objects: readonly ObjectRow[]): Promise<readonly ObjectRow[]> {
  const rows = await Promise.all(objects.map(({ id }) => catalog.objectById(id)))
  return rows.filter((row) => row !== undefined)
}
