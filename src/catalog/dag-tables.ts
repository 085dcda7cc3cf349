/** The schema's step to packs that are looked up by the root in their header. */
import type { Definable } from './migrations.ts'

export async function packRootIndex(db: Definable): Promise<void> {
  await db.schema.createIndex('packs_by_root').on('packs').columns(['root', 'id']).execute()
}
