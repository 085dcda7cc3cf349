/** The tables as Kysely sees them. CIDs are their bytes, times milliseconds, booleans 0 or 1; every integer stays below 2^53. */
import type { Generated, Kysely, Transaction } from 'kysely'
import type {
  ArchiveEventType,
  LogEntryKind,
  LogPack,
  ObjectState,
  PackKind,
  Possession,
  Profile,
  ReplicaState,
  RetentionMode,
  Retrieval,
  Verdict,
  Visibility,
} from '../contracts.ts'
import type { AuditSchema } from './audit-schema.ts'
import type { RecoverySchema } from './recovery-tables.ts'
import type { SpendingSchema } from './spending-schema.ts'

export type Flag = 0 | 1

export interface PacksTable {
  id: Generated<number>
  /** Null while the pack is staged. */
  name: Uint8Array | null
  root: Uint8Array | null
  kind: PackKind
  visibility: Visibility
  /** The put that staged it; null once it is sealed. */
  owner: string | null
  byte_length: number
  block_count: number
  spooled: Flag
  /** Sealed, and nothing refers to it: a content pack without extents, an index pack whose records are all superseded. */
  garbage: Generated<Flag>
  /** Has an index pack ever held an object's newest record? Those that never did carry tombstones and are kept. */
  recorded: Generated<Flag>
  created_at: number
  /** Headers of an erasable object. */
  erasable: Generated<Flag>
}

export interface TocsTable {
  pack: number
  toc: Uint8Array
}

export interface BlocksTable {
  pack: number
  ordinal: number
  /** The last six bytes of the CID as a number: what is indexed, at a third of the size of the CID. Whoever looks up compares the CID itself. */
  tail: number
  cid: Uint8Array
  position: number
  length: number
}

export interface ObjectsTable {
  id: Generated<number>
  root: Uint8Array
  name: string | null
  media_type: string | null
  kind: 'file' | 'directory' | 'symlink'
  byte_length: number
  block_count: number
  profile: Profile
  visibility: Visibility
  created_at: number
  state: ObjectState
  fresh_until: number
  sequence: Generated<number>
  record: Uint8Array | null
  record_pack: number | null
  erasable: Generated<Flag>
  shredded_at: number | null
  supersedes: Uint8Array | null
  /** Null where nothing was asked for. */
  retain_until: Generated<number | null>
  retain_mode: Generated<RetentionMode | null>
  retain_hold: Generated<Flag>
  /** When it should be audited next; 0: now. */
  due_at: Generated<number>
}

export interface AttributesTable {
  object: number
  bytes: Uint8Array
}

export interface ExtentsTable {
  object: number
  start: number
  pack: number
  first: number
  count: number
}

export interface ReplicasTable {
  pack: number
  vault: string
  state: ReplicaState
  locator: string | null
  intended_at: number
  placed_at: number | null
  /** Newest verdict on the replica. A bad one about an object gives way only to evidence of that object or of the whole pack. */
  verdict: Verdict | null
  verdict_at: number | null
  verdict_object: number | null
  /** What the vault has confirmed. */
  retained_until: Generated<number | null>
  /** When it last showed bytes that hashed right. */
  shown_at: Generated<number | null>
}

export interface EvidenceTable {
  pack: number
  object: number
  vault: string
  retrieval: Retrieval
  verdict: Verdict
  possession: Possession
  at: number
  seed: Uint8Array | null
  asked: number
  answered: number
  bytes_read: number
  detail: string | null
}

export interface EvidenceTotalsTable {
  pack: number
  vault: string
  checks: number
  intact: number
  damaged: number
  missing: number
  silent: number
  first_at: number
  last_at: number
}

export interface UnansweredTable {
  pack: number
  vault: string
  ordinal: number
  since: number
  tries: number
}

export interface JournalsTable {
  pack: number
  vault: string
  bytes: Uint8Array
}

export interface ReceiptsTable {
  root: Uint8Array
  at: number
  receipt: string
}

export interface ShredsTable {
  root: Uint8Array
  begun_at: number
  complete: Generated<Flag>
  certificate: string | null
  certified_at: number | null
}

export interface LeasesTable {
  key: string
  token: string
  host: string
  pid: number
  started: string
  expires_at: number
}

export interface FingerprintsTable {
  id: Generated<number>
  key: Uint8Array
  place: number
  length: number
  root: Uint8Array
  dag_bytes: number
  byte_length: number
}

export interface FingerprintExtentsTable {
  fingerprint: number
  start: number
  pack: number
  first: number
  count: number
}

export interface FingerprintFilesTable {
  path: Uint8Array
  state: Uint8Array
  key: Uint8Array
}

export interface VaultPausesTable {
  vault: string
  reason: 'silent' | 'denied' | 'limited'
  failures: number
  since: number
  at: number
  until: number
  silent_ms: number
  detail: string | null
}

export interface WatchMarksTable {
  name: string
  at: number
  detail: string
}

export interface LogEntriesTable {
  position: number
  kind: LogEntryKind
  root: Uint8Array | null
  bytes: Uint8Array
}

export interface LogNodesTable {
  level: number
  position: number
  hash: Uint8Array
}

export interface LogPacksTable {
  pack: number
  first: number
  size: number
  role: LogPack['role']
}

export interface LogAlarmsTable {
  id: Generated<number>
  verdict: 'rolled-back' | 'forked'
  checkpoint: string
  detail: string
  at: number
  cleared_at: number | null
}

export interface EventsTable {
  seq: Generated<number>
  event: string
  at: number
  body: string
}

export interface EventTotalsTable {
  type: ArchiveEventType
  total: number
  last_at: number
  last: string
}

export interface DeliveriesTable {
  hook: string
  seq: number
  /** Rank, the least severe 0. */
  severity: number
  tries: Generated<number>
}

export interface HooksTable {
  hook: string
  delivered: Generated<number>
  given_up: Generated<number>
  dropped: Generated<number>
  delivered_at: Generated<number | null>
  failures: Generated<number>
  failing_since: Generated<number | null>
  retry_at: Generated<number | null>
  failure: Generated<string | null>
}

export interface ReplicaTalliesTable {
  vault: string
  state: ReplicaState
  /** Empty: never challenged. */
  verdict: Verdict | ''
  /** -1: never shown. */
  day: number
  replicas: number
  byte_length: number
}

export interface Schema extends AuditSchema, RecoverySchema, SpendingSchema {
  packs: PacksTable
  tocs: TocsTable
  blocks: BlocksTable
  objects: ObjectsTable
  attributes: AttributesTable
  extents: ExtentsTable
  replicas: ReplicasTable
  evidence: EvidenceTable
  evidence_totals: EvidenceTotalsTable
  unanswered: UnansweredTable
  journals: JournalsTable
  receipts: ReceiptsTable
  shreds: ShredsTable
  leases: LeasesTable
  fingerprints: FingerprintsTable
  fingerprint_extents: FingerprintExtentsTable
  fingerprint_files: FingerprintFilesTable
  vault_pauses: VaultPausesTable
  watch_marks: WatchMarksTable
  log_entries: LogEntriesTable
  log_nodes: LogNodesTable
  log_packs: LogPacksTable
  log_alarms: LogAlarmsTable
  events: EventsTable
  event_totals: EventTotalsTable
  deliveries: DeliveriesTable
  hooks: HooksTable
  replica_tallies: ReplicaTalliesTable
}

export type Database = Kysely<Schema>
export type Session = Transaction<Schema>

/** One write transaction: everything or nothing, and nobody else writes meanwhile. */
export function write<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return db.transaction().execute(work)
}

/** Several reads of one moment. */
export function read<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return db.transaction().setAccessMode('read only').execute(work)
}
