/**
 * Other recipients for a sealed object: new headers over the same payload → the new object reaches its vaults → the old one is forgotten. A run that died in
 * between is found by what supersedes the old root, and finished.
 */
import type { CID } from 'multiformats/cid'
import type { ObjectRow, Receipt, RecipientsOptions, RecipientsReport } from '../contracts.ts'
import { ArchiveError, ConfigError } from '../errors.ts'
import type { Recipient } from '../format/recipients.ts'
import type { SealedMeta } from '../format/sealed-meta.ts'
import { checkErasable } from '../policy/erasable.ts'
import { readRecipients } from './age-keys.ts'
import { type Context, profilesOf } from './context.ts'
import { assertReadable } from './get.ts'
import { ingestDrafts } from './ingest.ts'
import { appendLog } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { packsOf, replicateObjects } from './put.ts'
import { type Retired, retire } from './retire.ts'
import { type RewrappedObject, rewrapObject } from './rewrap-object.ts'
import { metaOf } from './sealed-read.ts'

const LEASE_MS = 10 * 60_000

/** The recipients that the object says it has. */
export async function recipientsOf(context: Context, object: ObjectRow): Promise<readonly string[] | undefined> {
  assertSealed(object)
  return (await metaOf(context, object)).recipients
}

/** Seals the object for other recipients. Throws as `recipientsOf`, ConfigError `not-a-recipient` and `invalid`, and what sealing and storing throw. */
export async function changeRecipients(context: Context, object: ObjectRow, options: RecipientsOptions): Promise<RecipientsReport> {
  assertSealed(object)
  await assertHistory(context)
  if (options.keepOld && object.erasable) {
    throw new ConfigError('invalid', 'an erasable object is not kept beside its successor: shredding either would leave the other readable')
  }
  const lease = await context.catalog.acquire(`recipients:${object.root}`, { ttlMs: LEASE_MS })
  if (!lease)
    throw new ArchiveError('busy', `another process is changing the recipients of ${object.root}; run the command again when it is done`)
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3).unref()
  try {
    return await change(context, object, options)
  } finally {
    clearInterval(heartbeat)
    await lease.release()
  }
}

async function change(context: Context, object: ObjectRow, options: RecipientsOptions): Promise<RecipientsReport> {
  assertReadable(object)
  const meta = await metaOf(context, object)
  const wanted = await wantedOf(meta.recipients, options)
  const { rekey = false } = options
  if (!wanted.changed && !rekey) return unchanged(object, wanted)
  if (object.erasable) checkErasable(context.policy, profilesOf(context), context.unopened)
  const made = (await unfinished(context, object, wanted, rekey)) ?? (await sealAnew(context, object, meta, { ...options, wanted }))
  const before = await packsOf(context, [object])
  await appendLog(context, [{ kind: 'recipients', root: made.row.root.toString(), previous: object.root.toString(), rekeyed: rekey }])
  const [receipt] = await replicateObjects(context, [made.row], { signal: options.signal, onProgress: options.onProgress })
  if (!receipt) throw new ArchiveError('conflict', `${made.row.root} was removed while it was stored; run the command again`)
  const after = await packsOf(context, [made.row])
  const known = new Set(before.map(({ id }) => id))
  const fresh = after.filter(({ id }) => !known.has(id))
  const retired = await retireIf(context, object, { receipt, made, options })
  return {
    root: receipt.root,
    previous: object.root.toString(),
    recipients: wanted.texts,
    added: wanted.added,
    removed: wanted.removed,
    rekeyed: rekey,
    files: made.files,
    storedAnew: made.storedAnew,
    bytesStored: fresh.reduce((sum, { byteLength }) => sum + byteLength, 0),
    oldHeaders: retired?.oldHeaders ?? [],
    notes: notesOf(object, { wanted, rekey, receipt, retired, options }),
    receipt,
    ...(retired?.certificate && { certificate: retired.certificate }),
  }
}

interface Wanted {
  readonly recipients: readonly Recipient[]
  readonly texts: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: boolean
}

/** Who it is for from now on. Those that it has must be known to add to them or to take from them. */
async function wantedOf(current: readonly string[] | undefined, options: RecipientsOptions): Promise<Wanted> {
  const { set, add = [], remove = [] } = options
  if (set === undefined && current === undefined) {
    throw new ConfigError('invalid', 'the object does not say whom it is sealed for; name all recipients instead of those to add or remove')
  }
  const had = current ?? []
  const stranger = set === undefined ? remove.find((text) => !had.includes(text.trim())) : undefined
  if (stranger !== undefined) {
    throw new ConfigError('not-a-recipient', `one of those to remove is none of its recipients, which are ${had.join(', ')}`)
  }
  const removing = new Set(remove.map((text) => text.trim()))
  const list = set ?? [...had, ...add].filter((text) => !removing.has(text.trim()))
  if (list.length === 0)
    throw new ConfigError('not-a-recipient', 'nobody could open it any more; leave one recipient, or remove the object with rm')
  const recipients = await readRecipients(list, (index) => `recipient ${index + 1}`)
  const texts = recipients.map(({ text = '' }) => text)
  const added = texts.filter((text) => !had.includes(text))
  const removed = had.filter((text) => !texts.includes(text))
  return { recipients, texts, added, removed, changed: current === undefined || added.length > 0 || removed.length > 0 }
}

function unchanged(object: ObjectRow, { texts }: Wanted): RecipientsReport {
  const root = object.root.toString()
  const none = { added: [], removed: [], rekeyed: false, files: 0, storedAnew: 0, bytesStored: 0, oldHeaders: [] }
  return { root, previous: root, recipients: texts, ...none, notes: ['It is sealed for these recipients already; nothing was changed.'] }
}

/** The new object in the catalog, and what it took to make it. */
export interface Made extends Pick<RewrappedObject, 'files' | 'storedAnew'> {
  readonly row: ObjectRow
  /** Undefined when it was found: an earlier run made it. */
  readonly oldHeaders: readonly CID[] | undefined
}

/** What an earlier run sealed and could not bring to its end. Whether that one drew new file keys is not known, so a rekeying starts anew. */
async function unfinished(context: Context, object: ObjectRow, { texts }: Wanted, rekey: boolean): Promise<Made | undefined> {
  const row = rekey ? undefined : await context.catalog.successorOf(object.root)
  if (!row || row.shreddedAt !== undefined) return undefined
  const { recipients } = await metaOf(context, row)
  if (recipients?.length !== texts.length || !texts.every((text) => recipients.includes(text))) return undefined
  return { row, files: 0, storedAnew: 0, oldHeaders: undefined }
}

async function sealAnew(
  context: Context,
  object: ObjectRow,
  meta: SealedMeta,
  options: RecipientsOptions & { readonly wanted: Wanted },
): Promise<Made> {
  const { wanted, rekey = false, signal, onProgress } = options
  const sealing = { recipients: wanted.recipients, random: context.random, erasable: object.erasable }
  let made: RewrappedObject | undefined
  const drafts = async (builder: Parameters<Parameters<typeof ingestDrafts>[1]>[0]) => {
    made = await rewrapObject(context, object, builder, { sealing, meta, rekey, signal, onProgress })
    return made
  }
  const { objects } = await ingestDrafts(context, drafts, { signal, onProgress, sealed: true })
  const [row] = objects
  if (!row || !made) throw new ArchiveError('conflict', `${object.root} was removed while it was sealed anew; run the command again`)
  const { files, storedAnew, oldHeaders } = made
  return { row, files, storedAnew, oldHeaders }
}

/** The old object goes when the new one is as safe as the floor demands, and not before: until then its headers may be the only ones. */
async function retireIf(
  context: Context,
  object: ObjectRow,
  { receipt, made, options }: { readonly receipt: Receipt; readonly made: Made; readonly options: RecipientsOptions },
): Promise<Retired | undefined> {
  if (options.keepOld || !SAFE.has(receipt.state)) return undefined
  return retire(context, object, { oldHeaders: made.oldHeaders, successor: made.row, signal: options.signal })
}

const SAFE: ReadonlySet<string> = new Set(['satisfied', 'degraded', 'damaged'])

interface Outcome {
  readonly wanted: Wanted
  readonly rekey: boolean
  readonly receipt: Receipt
  readonly retired: Retired | undefined
  readonly options: RecipientsOptions
}

function notesOf({ root }: ObjectRow, { wanted, rekey, receipt, retired, options }: Outcome): readonly string[] {
  const notes: string[] = []
  if (wanted.removed.length > 0) {
    notes.push(
      'A removed reader keeps access to what it could already read: what was read may have been kept, and so may an old header, which opens the old copies.',
    )
    if (!rekey) {
      notes.push(
        'The file keys are the same as before: an old header that was kept opens the payload of the new root, too. --rekey seals under new ones.',
      )
    }
  }
  if (options.keepOld) notes.push(`The object is still there as ${root}, for its old recipients.`)
  else if (!retired)
    notes.push(`The new object is ${receipt.state}, so the old one, ${root}, was not forgotten; repair, then run the command again.`)
  else if (retired.certificate?.state === 'incomplete') notes.push(`Not every old header is gone; \`perdure shred ${root}\` goes on.`)
  return notes
}

function assertSealed({ root, visibility }: ObjectRow): void {
  if (visibility === 'sealed') return
  throw new ArchiveError(
    'not-sealed',
    `${root} is public: it has no recipients, and whoever reaches a vault reads it; put it again sealed, then rm it`,
  )
}
