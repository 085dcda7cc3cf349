/** What objects are called. Names of sealed ones are sealed, too: an identity of the archive shows them, and without one there is none. */
import type { ObjectRow } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import type { Context } from './context.ts'
import { metaOf } from './sealed-read.ts'

export interface Named {
  readonly name?: string
  readonly sealed?: true
}

/** Never fails for what cannot be opened: then the name is unknown. */
export async function named(context: Context, object: ObjectRow): Promise<Named> {
  if (object.visibility === 'public') return object.name === undefined ? {} : { name: object.name }
  if (context.identities.length === 0) return { sealed: true }
  try {
    const { name } = await metaOf(context, object)
    return { sealed: true, ...(name !== undefined && { name }) }
  } catch (error) {
    if (error instanceof PerdureError) return { sealed: true }
    throw error
  }
}
