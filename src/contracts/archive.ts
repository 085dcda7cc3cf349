/** What a user configures, and the verbs a user calls. */
import type { Identity } from 'age-encryption'
import type { CID } from 'multiformats/cid'
import type { AuditInput, AuditPlan, StructureOptions, StructureReport, SurveyOptions, SurveyReport, VaultScore } from './audit.ts'
import type { Catalog, CatalogTotals } from './catalog.ts'
import type { CostEstimate, CostsOptions, CostsReport, EstimateOptions, Limits } from './costs.ts'
import type { DrillOptions, DrillReport } from './drill.ts'
import type { EvacuateOptions, EvacuateReport } from './evacuate.ts'
import type { ArchiveListener } from './events.ts'
import type { ExportOptions, ExportReport } from './export.ts'
import type { DeliverOptions, DeliveryReport, HookConfig, HookReport, HookTest } from './hooks.ts'
import type { ImportOptions, ImportReport } from './importing.ts'
import type {
  Explanation,
  PruneReport,
  RemoveReport,
  RenewOptions,
  RenewReport,
  RepairOptions,
  RepairReport,
  ThawOptions,
  ThawReport,
  VaultCheck,
  VerifyOptions,
} from './keeping.ts'
import type { LogVerbs } from './log.ts'
import type { Health, HealthOptions, MetricsOptions } from './metrics.ts'
import type { AbortOptions, Clock, Random } from './options.ts'
import type { ObjectReport, ObjectState, Policy, PolicyInput, Receipt } from './policy.ts'
import type { GetOptions, PutOptions, RestoreOptions, RestoreReport, TreeEntry } from './putting.ts'
import type { RecipientsOptions, RecipientsReport } from './recipients.ts'
import type { Serving } from './serving.ts'
import type { ShredCertificate, ShredOptions } from './shred.ts'
import type { NamedEntry, Source } from './source.ts'
import type { Profile, Vault, VaultProfile } from './vault.ts'
import type { Glance, WatchOptions, WatchReport } from './watch.ts'
import type { LoadXattrs } from './xattrs.ts'

export interface ArchiveConfig {
  /** Folder of catalog and spool; made when absent. Default `./.perdure`. */
  readonly path?: string | undefined
  /** Default: one directory vault inside `path`, which is one local copy and therefore `degraded` under the default policy. */
  readonly vaults?: readonly Vault[] | undefined
  /** Default: copies 2, floor 1, evidence `sampled` or `whole` of the last 30 days. */
  readonly policy?: PolicyInput | undefined
  /** What surveys and rotation are to notice, and what they may read a month. Default: 1 % loss with 99 % confidence within 30 days, no limit. */
  readonly audit?: AuditInput | undefined
  /**
   * age recipients (`age1…`) that new content is sealed for; absent: content is public. Any one of their identities opens it, so give a second one
   * whose identity is kept offline. Hybrid (`age1pq1…`) and classic recipients are not mixed. An empty list is refused, because it would mean public.
   */
  readonly recipients?: readonly string[] | undefined
  /**
   * What opens sealed content: `AGE-SECRET-KEY-…` lines, whole texts of files that `age-keygen` wrote, or identities of one's own. They are tried in
   * order. Needed to read sealed content, never to store, verify or repair it; nothing of them is kept.
   */
  readonly identities?: readonly (string | Identity)[] | undefined
  readonly profile?: Profile | undefined
  /** Largest pack in bytes, default 256 MiB. Fixed at put and recorded. */
  readonly maxPackBytes?: number | undefined
  /** How far the spool may grow in bytes, default 64 GiB; then `put` ends with `exhausted`. */
  readonly spoolBytes?: number | undefined
  /** How long one read may stay silent before it counts as unanswered, in milliseconds, default 30 000. */
  readonly timeoutMs?: number | undefined
  /** Upper bounds on spending, checked before anything is sent; they need `prices` of every vault that is paid for. Default: none. */
  readonly limits?: Limits | undefined
  /** Opens an existing archive only; nothing is made. */
  readonly mustExist?: boolean | undefined
  /** Who is told of events outside this process: webhooks and commands. */
  readonly hooks?: readonly HookConfig[] | undefined
  readonly catalog?: Catalog | undefined
  /** What reads and sets extended attributes. Default: the package `fs-xattr`, if it is installed. */
  readonly loadXattrs?: LoadXattrs | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export interface ObjectSummary {
  readonly root: string
  readonly name?: string
  /** Then there is a name only where an identity of the archive opens it, and `byteLength` is that of the age files. */
  readonly sealed?: true
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  readonly state: ObjectState
  readonly created: string
  readonly erasable?: true
  /** Since when it has been shredded; ISO 8601. */
  readonly shredded?: string
}

/**
 * Closes with `await using`. Roots are accepted as CID or text, results are plain data. Text may be `ipfs://CID`, `https://gateway/ipfs/CID` or
 * `https://CID.ipfs.gateway`, which only name the object: no gateway is asked. A path behind the CID is taken by `get`, `entries` and `restore`, before their own.
 */
export interface Archive extends AsyncDisposable, LogVerbs {
  readonly path: string
  /** Ed25519 public key of the archive as a multikey (`z6Mk…`); verifies receipts and records. */
  readonly publicKey: string
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  /** The vaults that could not be opened, and why; `testVault` tries them again. */
  unopened(): readonly { readonly vault: string; readonly reason: string }[]
  put(source: Source, options?: PutOptions): Promise<Receipt>
  /** One receipt per entry, in order; entries share packs. */
  putAll(entries: Iterable<NamedEntry> | AsyncIterable<NamedEntry>, options?: PutOptions): Promise<readonly Receipt[]>
  /**
   * Adopts UnixFS content that lies on IPFS: every block is hashed, and the object has the root it has there. `CID`, `ipfs://CID/path`, or the URL of a gateway;
   * a path means what lies at its end. It is stored in public, as it is. While it runs the spool holds it twice. Throws FormatError `unsupported` for what is
   * not UnixFS and `limit` or `malformed` for what could not be read back, VaultError in the name of a gateway, ConfigError `invalid` where none is named;
   * then nothing was stored.
   */
  import(source: CID | string, options?: ImportOptions): Promise<ImportReport>
  /** A file's bytes. Each was hashed against its CID before it is yielded. */
  get(root: CID | string, options?: GetOptions): AsyncIterable<Uint8Array>
  /** The entries of a stored tree, parents before children. */
  entries(root: CID | string, options?: GetOptions): AsyncIterable<TreeEntry>
  /** Writes a file, or a whole tree, to disk; a second call finishes what a first one left. */
  restore(root: CID | string, target: string, options?: RestoreOptions): Promise<RestoreReport>
  objects(options?: AbortOptions & { readonly state?: ObjectState | undefined }): AsyncIterable<ObjectSummary>
  /** What is known now, without asking any vault. */
  status(root: CID | string, options?: AbortOptions): Promise<ObjectReport>
  totals(options?: AbortOptions): Promise<CatalogTotals>
  verify(root: CID | string, options?: VerifyOptions): Promise<ObjectReport>
  verifyAll(options?: VerifyOptions): AsyncIterable<ObjectReport>
  repair(root: CID | string, options?: RepairOptions): Promise<RepairReport>
  repairAll(options?: RepairOptions): AsyncIterable<RepairReport>
  /**
   * Deletes every copy of an erasable object's headers, asks each vault afterwards, and says in a signed certificate what came of it. Run it again to finish
   * what could not be finished; each run issues a new certificate. Throws `not-erasable` for any other object.
   */
  shred(root: CID | string, options?: ShredOptions): Promise<ShredCertificate>
  /** The newest certificate of a shredded root, as it was signed; also after `rm`. */
  certificate(root: CID | string): Promise<ShredCertificate | undefined>
  /** Whom a sealed object is sealed for; undefined where it does not say, since one of them has no text. Takes an identity that opens it. */
  recipients(root: CID | string, options?: AbortOptions): Promise<readonly string[] | undefined>
  /**
   * Seals an object for other recipients: its payload stays where it is, its headers and the nodes above them are new, and so is its root. The old object
   * is forgotten. Whoever is removed keeps what could be read before. Throws ConfigError `not-a-recipient`, `not-sealed` for public content.
   */
  changeRecipients(root: CID | string, options: RecipientsOptions): Promise<RecipientsReport>
  /** Extends terms and locks before they lapse, of one object or of everything, and never shortens one. Failures are in the report. */
  renew(root?: CID | string, options?: RenewOptions): Promise<RenewReport>
  /** Asks cold vaults to make an object readable, and tells how far they are; call it again until `readable`. Nothing else ever asks for a restore. */
  thaw(root: CID | string, options?: ThawOptions): Promise<ThawReport>
  /**
   * Keeps watch: audits what is due, repairs with hysteresis, renews, and sleeps, until the signal is aborted, which ends it cleanly. One watch leads per
   * archive; a second one waits. With `once` one cycle, and `busy` when another leads.
   */
  watch(options?: WatchOptions): Promise<WatchReport>
  /** The whole archive at a glance: what is safe, at risk and unknown, and why. Asks no vault. */
  glance(options?: AbortOptions): Promise<Glance>
  rm(root: CID | string, options?: AbortOptions): Promise<RemoveReport>
  prune(options?: AbortOptions & { readonly plan?: boolean | undefined }): Promise<PruneReport>
  /**
   * Writes objects to a folder that is not there yet, as a BagIt 1.0 bag of CARs, records and receipts that stock tools open. Sealed objects stay sealed.
   * A second call finishes what a first one left. Throws ArchiveError `exists`, `unknown-root`.
   */
  export(folder: string, options?: ExportOptions): Promise<ExportReport>
  explain(options?: { readonly byteLength?: number | undefined }): Explanation
  /** The newest receipt of a root, as it was signed. */
  receipt(root: CID | string): Promise<Receipt | undefined>
  /** Puts, finds, reads back, and where it can removes, a small pack of random bytes; a vault that could not be opened is opened first. */
  testVault(id: string, options?: AbortOptions): Promise<VaultCheck>
  /**
   * Believes no longer what the catalog knows of a vault, for one that is gone for good or was replaced by an empty one: `repair` then places anew,
   * and finds what is there after all. Deletes nothing in the vault.
   */
  resetVault(id: string, options?: AbortOptions): Promise<{ readonly vault: string; readonly replicas: number }>
  /**
   * Gives everything that lies in a vault a home in the others, shown by fresh evidence, before the vault is let go; run it again to go on. Throws PolicyError
   * `unsupported` when the others cannot meet the policy (`degrade` begins all the same), ArchiveError `exhausted` over a limit, `busy` beside another one.
   */
  evacuate(id: string, options?: EvacuateOptions): Promise<EvacuateReport>
  /** Really restores objects drawn at random, and compares what came with their roots. Failures are in the report. */
  drill(options?: DrillOptions): Promise<DrillReport>
  /** The last drill, as its report said it. */
  lastDrill(): Promise<DrillReport | undefined>
  /** What a put of the source would cost; stores nothing and asks no vault for anything but a quote. */
  estimate(source: Source, options?: EstimateOptions): Promise<CostEstimate>
  /** What was spent, as it was measured and as vaults reported it, and what holding everything costs by the month. */
  costs(options?: CostsOptions): Promise<CostsReport>
  /**
   * Asks one vault for blocks drawn at random from all that it holds, and says what the answers state of the whole vault, never of an object. An open survey
   * is gone on with: its questions are never drawn anew. Throws ArchiveError `busy` while another process surveys the vault.
   */
  survey(vault: string, options?: SurveyOptions): Promise<SurveyReport>
  /** Reads as many headers, inner nodes, TOCs and records of a vault as should have been read by now: all of them once within the age limit of evidence. */
  auditStructure(vault: string, options?: StructureOptions): Promise<StructureReport>
  /** What the audit goals need a month, what the budget covers of it, and what follows. Asks no vault. */
  planAudit(options?: AbortOptions): Promise<AuditPlan>
  /** What our own evidence says of the vaults that were audited. */
  scores(): Promise<readonly VaultScore[]>
  /** Ends a quarantine that wrong bytes began, although no clean survey has. */
  releaseVault(id: string): Promise<{ readonly vault: string; readonly wasQuarantined: boolean }>
  /** What monitoring wants to know, as text; asks no vault. */
  metrics(options?: MetricsOptions): Promise<string>
  /** Is anything lost or at risk, and does the loop come round? Asks no vault. */
  health(options?: HealthOptions): Promise<Health>
  /** Public content by its address on IPFS, for a gateway in front of the archive. */
  serving(): Promise<Serving>
  /** How every hook is doing, and what waits for it. */
  hooks(): Promise<readonly HookReport[]>
  /** Sends hooks what waits for them and is due, within a bounded time; a receiver that fails is tried again later. */
  deliverHooks(options?: DeliverOptions): Promise<DeliveryReport>
  /** Sends a hook an event that means nothing. Throws ConfigError `not-found` when there is none of that id. */
  testHook(id: string, options?: AbortOptions): Promise<HookTest>
  /** Hears of events of this process as they become durable; call what it returns to stop. A listener that throws does not fail the work. */
  on(listener: ArchiveListener): () => void
  close(): Promise<void>
}
