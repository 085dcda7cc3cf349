/** What the catalog keeps of vaults that are being left, and of the last drill. */
import type { EvidenceRow, ObjectId, ObjectRow, PackId } from './catalog-rows.ts'
import type { PackFate, VaultInventory } from './evacuate.ts'

export interface EvacuationRow {
  readonly vault: string
  /** `leaving`: it gets no new packs. `left`: nor does what it has count any more. */
  readonly state: 'leaving' | 'left'
  readonly began: number
  readonly degrade: boolean
  /** What lay there when it began, as JSON. */
  readonly before: VaultInventory
  /** Objects up to this id have a record that names their new homes. */
  readonly published: ObjectId
}

export interface FateRow {
  readonly pack: PackId
  readonly fate: PackFate
  readonly at: number
  readonly detail?: string | undefined
}

export interface CatalogEvacuation {
  /** From then on `intend` refuses new replicas there. An evacuation that was begun already stays as it is, but for `degrade`. */
  beginEvacuation(row: {
    readonly vault: string
    readonly at: number
    readonly degrade: boolean
    readonly before: VaultInventory
  }): Promise<EvacuationRow>
  evacuation(vault: string): Promise<EvacuationRow | undefined>
  evacuations(): Promise<readonly Pick<EvacuationRow, 'vault' | 'state'>[]>
  updateEvacuation(vault: string, change: Partial<Pick<EvacuationRow, 'state' | 'published'>>): Promise<void>
  /** Forgets the evacuation and what became of its packs. */
  endEvacuation(vault: string): Promise<void>
  saveFates(vault: string, rows: readonly FateRow[]): Promise<void>
  fatesOf(vault: string, packs: readonly PackId[]): Promise<readonly FateRow[]>
  /** What is not `safe` or `unneeded`, by pack. */
  troublesOf(vault: string, options: { readonly limit: number }): Promise<readonly FateRow[]>
  countFates(vault: string): Promise<Readonly<Record<PackFate, number>>>
  /** Those of the packs that nothing refers to any more. */
  garbageAmong(packs: readonly PackId[]): Promise<ReadonlySet<PackId>>
  /** Every row of evidence about the pack, of all objects in it. */
  evidenceIn(pack: PackId): Promise<readonly EvidenceRow[]>
  /** Objects with blocks in a pack that has a replica there, keyset paging by id. */
  objectsInVault(
    vault: string,
    options?: { readonly after?: ObjectId | undefined; readonly limit?: number | undefined },
  ): Promise<readonly ObjectRow[]>
  /** Every object that can still be read, by id, with no more than a draw needs. */
  objectSizes(options: {
    readonly after: ObjectId
    readonly limit: number
  }): Promise<readonly { readonly id: ObjectId; readonly byteLength: number }[]>
  inventoryOf(vault: string, at: number): Promise<VaultInventory>

  /** Keeps the last drill, as JSON. */
  saveDrill(row: { readonly at: number; readonly report: string }): Promise<void>
  lastDrill(): Promise<{ readonly at: number; readonly report: string } | undefined>
}
