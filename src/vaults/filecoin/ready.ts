/** Before anything is signed: whom to ask, and the bytes there. */
import { VaultError, type VaultErrorCode } from '../../errors.ts'
import { bodyOf } from '../body.ts'
import { ranked } from './choose.ts'
import { type Put, tried } from './dealing.ts'
import { padded, pieceBytes } from './padded.ts'
import type { DataSet, Provider } from './port.ts'
import type { ProviderApi } from './provider.ts'
import type { Stands } from './standing.ts'

/** What was uploaded shows after a while. What does not is committed all the same, as its provider took it. */
const SHOWS_WITHIN_MS = 60_000
const POLL_MS = 2_000

interface Found {
  readonly sets: readonly DataSet[]
  /** Where the chain has it already: a replacement goes elsewhere. */
  readonly there: readonly Stands[]
  readonly failed: ReadonlyMap<bigint, VaultError>
}

/** Best first. Throws `invalid` when pieces cannot be added to the data set that the user named. */
export async function candidates({ dealing, pack, signal }: Put, { sets, there, failed }: Found): Promise<readonly Provider[]> {
  const { id, dataSet, providers: listed, profile } = dealing.settings
  const named = dataSet === undefined ? undefined : sets.find((set) => set.id === dataSet && set.endEpoch === 0n)
  if (dataSet !== undefined && !named)
    throw new VaultError('invalid', id, `data set ${dataSet} is none of this payer, or was terminated; name another, or none`)
  const holders = new Set(there.map(({ set }) => set.providerId))
  const providers = (await dealing.reader.providers({ signal })).filter((provider) => !holders.has(provider.id))
  return ranked(providers, {
    byteLength: pieceBytes(pack.byteLength),
    providers: named ? [named.providerId] : listed,
    region: profile.region,
    scoreOf: dealing.scoreOf,
    known: new Set(sets.filter(({ endEpoch }) => endEpoch === 0n).map(({ providerId }) => providerId)),
    failed: new Set(failed.keys()),
  })
}

/** Resolves when the provider answers and has the piece. */
export async function ready(put: Put, api: ProviderApi): Promise<void> {
  const { cid, signal } = put
  await api.ping({ signal })
  if (!(await api.findPiece(cid, { signal }))) await uploaded(put, api)
}

/** Uploads it, and waits a little until it shows. */
export async function uploaded({ dealing, pack, cid, options, signal }: Put, api: ProviderApi): Promise<void> {
  const { id, wait } = dealing.settings
  const { onProgress } = options
  const body = padded(bodyOf(pack, id, { signal, onProgress }), pack.byteLength)
  await api.upload(body, { byteLength: pieceBytes(pack.byteLength), cid, signal })
  for (let waited = 0; waited < SHOWS_WITHIN_MS; waited += POLL_MS) {
    const shows = await tried(() => api.findPiece(cid, { signal }))
    if (!('value' in shows) || shows.value) return
    await wait(POLL_MS, { signal })
  }
}

/** Rather what may pass than what will not. */
const FIRST: readonly VaultErrorCode[] = ['unreachable', 'exhausted', 'denied']

export function nowhere({ dealing, pack, cid }: Put, failed: ReadonlyMap<bigint, VaultError>): VaultError {
  const { id } = dealing.settings
  const errors = [...failed.values()]
  const [only] = errors
  if (!only)
    return new VaultError(
      'unsupported',
      id,
      `no storage provider takes pack ${pack.name} of ${pack.byteLength} bytes; see which ones the service approves, or name some in \`providers\``,
    )
  if (errors.length === 1) return only
  const code = FIRST.find((one) => errors.some((error) => error.code === one)) ?? only.code
  const retryAfterMs = errors.find((error) => error.code === code)?.retryAfterMs
  const why = [...failed].map(([provider, { message }]) => `provider ${provider}: ${message.replace(`vault ${id}: `, '')}`).join('; ')
  return new VaultError(code, id, `no storage provider took piece ${cid}: ${why}`, { cause: only, retryAfterMs })
}
