/** What the chain shows of one deal: read at one tipset, judged by the worst that is found. */
import type { AbortOptions, Attestation, Standing } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { type Agreement, claimOf, dealOf, type Head, headOf, type Place, type Proving, provingOf, type Sector, sectorOf } from './chain.ts'
import { type At, nameOf } from './locator.ts'
import type { Settings } from './options.ts'
import { payloadOf, pieceIdOf } from './piece.ts'

const EPOCH_SECONDS = 30
const DAY_MS = 86_400_000

export interface Grade {
  readonly standing: Standing
  readonly verdict: Attestation['verdict']
  readonly detail: string
  /** When the first of what it rests on ends, in milliseconds since 1970; undefined: it rests on nothing. */
  readonly until?: number
}

/** `until`: what was agreed on besides. Throws `unreachable` for a node that lags: what it does not know yet may be there. */
export async function gradeOf(
  settings: Settings,
  at: At,
  { until, signal }: AbortOptions & { readonly until?: number | undefined } = {},
): Promise<Grade> {
  const { node } = settings
  const head = await currentHead(settings, { signal })
  const place: Place = { tipSet: head.tipSet, signal }
  const found = at.kind === 'claim' ? await claimOf(node, at.provider, at.id, place) : await dealOf(node, at.id, place)
  if (!found) return refuted(`the chain has no ${nameOf(at)}${at.kind === 'deal' ? '; it ended, was slashed, or was never activated' : ''}`)
  const wrong = mismatch(at, found)
  if (wrong !== undefined) return refuted(`${nameOf(at)} ${wrong}`)
  if (found.slashEpoch !== undefined) return refuted(`${nameOf(at)} was slashed at epoch ${found.slashEpoch}`)
  const agreed = Math.min(dateOf(settings, found.endEpoch), until ?? Number.POSITIVE_INFINITY)
  if (found.endEpoch <= head.epoch) return { ...refuted(`${nameOf(at)} expired at epoch ${found.endEpoch}`), until: agreed }
  if (found.sector === undefined) return { ...unbegun(at, found, head), until: agreed }
  const sector = await sectorOf(node, found.provider, found.sector, place)
  if (!sector) return refuted(`${found.provider} has no sector ${found.sector} any more, where ${nameOf(at)} lay`)
  const ends = Math.min(agreed, dateOf(settings, sector.expiration))
  if (sector.expiration <= head.epoch)
    return { ...refuted(`sector ${sector.number} of ${found.provider} expired at epoch ${sector.expiration}`), until: ends }
  const proving = await provingOf(node, found.provider, sector.number, place)
  return { ...judged(settings, at, { found, sector, proving, head, ends }), until: ends }
}

/** Of a node that keeps up, and on the chain that was meant. */
export async function currentHead({ node, genesis, maxLagMs, clock }: Settings, { signal }: AbortOptions = {}): Promise<Head> {
  const head = await headOf(node, { signal })
  if (head.at !== (genesis + head.epoch * EPOCH_SECONDS) * 1000)
    throw new VaultError(
      'invalid',
      node.id,
      `${node.host} is on another chain: its epoch ${head.epoch} is not where \`genesis\` puts it; check \`rpc\` and \`genesis\``,
    )
  const lag = clock() - head.at
  if (Math.abs(lag) <= maxLagMs) return head
  const minutes = Math.round(Math.abs(lag) / 60_000)
  const why = lag > 0 ? `is ${minutes} minutes behind: it cannot know what is so now` : `is ${minutes} minutes ahead of this clock`
  throw new VaultError('unreachable', node.id, `${node.host} ${why}; wait until it has caught up, or ask another node`)
}

export const dateOf = ({ genesis }: Pick<Settings, 'genesis'>, epoch: number): number => (genesis + epoch * EPOCH_SECONDS) * 1000

const refuted = (detail: string): Grade => ({ standing: 'absent', verdict: 'refuted', detail })

/** Why it is not about our pack; undefined: it is. */
function mismatch({ kind, piece, byteLength, ...at }: At, found: Agreement): string | undefined {
  if (kind === 'claim' && 'provider' in at && found.provider.slice(2) !== at.provider.slice(2).replace(/^0+(?=\d)/, ''))
    return `is one of ${found.provider}, another provider`
  const other = pieceIdOf(found.pieceCid)
  if (other?.root !== piece.root) return `is about another piece, ${found.pieceCid}`
  if (piece.pieceByteLength !== undefined && piece.pieceByteLength !== found.pieceByteLength)
    return `is about a piece of ${found.pieceByteLength} bytes, and ours has ${piece.pieceByteLength}`
  if (byteLength > payloadOf(found.pieceByteLength))
    return `is about a piece of ${found.pieceByteLength} bytes, which cannot hold the ${byteLength} bytes of the pack`
  return undefined
}

function unbegun(at: At, { startEpoch }: Agreement, { epoch }: Head): Grade {
  const late = epoch > startEpoch ? `, though it was to start at epoch ${startEpoch}` : ''
  return { standing: 'settling', verdict: 'unproven', detail: `${nameOf(at)} is not activated yet at epoch ${epoch}${late}` }
}

interface Findings {
  readonly found: Agreement
  readonly sector: Sector
  readonly proving: Proving
  readonly head: Head
  readonly ends: number
}

function judged({ clock, horizonDays }: Settings, at: At, { found, sector, proving, head, ends }: Findings): Grade {
  const where = `sector ${sector.number} of ${found.provider}`
  const on = new Date(ends).toISOString().slice(0, 10)
  const days = Math.floor((ends - clock()) / DAY_MS)
  const seen = `${nameOf(at)} at epoch ${head.epoch}`
  if (proving === 'gone') return refuted(`${where} was terminated, where ${nameOf(at)} lay`)
  if (ends <= clock()) return refuted(`${nameOf(at)} ended on ${on}`)
  if (proving === 'new')
    return { standing: 'settling', verdict: 'unproven', detail: `${seen}: ${where} was not proven for the first time yet` }
  const held = { standing: 'held', verdict: 'unproven' } as const
  if (proving === 'faulty') return { ...held, detail: `${seen}: ${where} is faulty, its proofs fail` }
  if (proving === 'recovering') return { ...held, detail: `${seen}: ${where} is faulty; its provider says that it recovers` }
  if (ends - clock() < horizonDays * DAY_MS)
    return { ...held, detail: `${seen}: ends in ${days} days, on ${on}; renew it where it was made` }
  return {
    standing: 'held',
    verdict: 'proven',
    detail: `${seen}: piece and size are ours, ${where} is active and without fault, until ${on}`,
  }
}
