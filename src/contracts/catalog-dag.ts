/** What the catalog tells of packs that hold one DAG between them. */
import type { CID } from 'multiformats/cid'
import type { PackId, PackRow } from './catalog-rows.ts'

export interface CatalogDag {
  /** Sealed content packs with that root in their header, keyset paging by id. */
  packsUnder(root: CID, options?: { readonly after?: PackId | undefined; readonly limit?: number | undefined }): Promise<readonly PackRow[]>
}
