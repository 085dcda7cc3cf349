/** The secret of fingerprints and opaque names comes back from what is said of sealed objects under seal, where an identity opens it. */
import { join } from 'node:path'
import { base58btc } from 'multiformats/bases/base58'
import type { AbortOptions, ObjectRow, RecoverReport } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import type { Context } from './context.ts'
import { FINGERPRINT_FILE, keptSecret } from './fingerprint-secret.ts'
import { keepOnce } from './kept-secret.ts'
import { metaOf } from './sealed-read.ts'

const PAGE = 500
/** Objects that are tried. Where none of so many opens, none will. */
const MOST_TRIED = 2_000
/** Objects that opened: the newest of them is taken, in case the secret was ever made anew. */
const ENOUGH_OPENED = 32

type SecretContext = Pick<Context, 'catalog' | 'identities' | 'path'>

export async function recoverSecret(context: SecretContext, options: AbortOptions): Promise<RecoverReport['fingerprints']> {
  if (await keptSecret(context.path)) return 'kept'
  let newest: { readonly createdAt: number; readonly secret: Uint8Array } | undefined
  let opened = 0
  let tried = 0
  for await (const object of sealedObjects(context, options)) {
    if (tried++ >= MOST_TRIED || opened >= ENOUGH_OPENED) break
    const secret = await secretOf(context, object)
    if (secret === undefined) continue
    opened++
    if ((newest?.createdAt ?? -1) < object.createdAt) newest = { createdAt: object.createdAt, secret }
  }
  if (!newest) return tried === 0 ? 'none' : 'unopened'
  await keepOnce(join(context.path, FINGERPRINT_FILE), `${base58btc.encode(newest.secret)}\n`)
  return 'restored'
}

/** Erasable objects carry none: nothing of them is known by fingerprint. */
async function* sealedObjects({ catalog }: SecretContext, { signal }: AbortOptions): AsyncGenerator<ObjectRow> {
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.objects({ after, limit: PAGE })
    yield* page.filter(({ visibility, erasable }) => visibility === 'sealed' && !erasable)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

async function secretOf(context: SecretContext, object: ObjectRow): Promise<Uint8Array | undefined> {
  if (context.identities.length === 0) return undefined
  try {
    return (await metaOf(context, object)).fingerprint
  } catch (error) {
    if (error instanceof PerdureError) return undefined
    throw error
  }
}
