/** What storing so much in a vault would cost, line by line: pure arithmetic over sizes, prices and the policy. */
import type { Usage, VaultEstimate } from '../contracts/costs.ts'
import type { EvidencePolicy } from '../contracts/policy.ts'
import type { Quote, VaultProfile } from '../contracts/vault.ts'
import { type Bill, readBack, requested, storedMonthly, storedOnce, writesOf } from './cost.ts'
import { amountOf, ceilDiv, EMPTY, purseOf, unitsOf } from './money.ts'

const MONTH_DAYS = 30
/** Evidence is renewed at two thirds of its age limit (cadence.ts). */
const RENEWED_AT = 2 / 3
/** Bytes of the record of one object and of its index pack, and of one block in a TOC, about. */
const RECORD_BYTES = 2_048
const TOC_ENTRY_BYTES = 48
/** `locate` before a put, `status` after it. */
const ASKED_PER_PACK = 2
const READ_BACK_WHOLE_BYTES = 4 * 1024 * 1024
const READ_BACK_BLOCKS = 9
const MILLION = 1_000_000n

export interface Stored {
  /** Of the packs, framing included. */
  readonly byteLength: number
  readonly packs: number
  readonly blocks: number
  readonly objects: number
}

export interface Asked {
  readonly profile: VaultProfile
  readonly stored: Stored
  /** Does it get an index pack with each put? */
  readonly lists: boolean
  readonly rules: EvidencePolicy
  /** Draws of one verification, per object. */
  readonly draws: number
  readonly quote?: Quote | undefined
  /** Use of the last months, for the rate of failures. */
  readonly measured?: Usage | undefined
}

export interface VaultBill {
  readonly estimate: VaultEstimate
  readonly bill: Bill
}

/** One vault's lines. Amounts that nobody states are zero, and the notes say so. */
export function estimateVault(asked: Asked): VaultBill {
  const { profile, stored, lists, quote } = asked
  const { id, prices } = profile
  const currency = prices?.currency ?? quote?.currency
  const base = { vault: id, packs: stored.packs, byteLength: stored.byteLength }
  if (currency === undefined) {
    const notes = [`${id} states no prices: what it asks for is not in the sums`]
    return {
      estimate: { ...base, basis: 'unknown', upFront: NOTHING_UP_FRONT, perMonth: NOTHING_MONTHLY, notes },
      bill: { once: EMPTY, monthly: EMPTY },
    }
  }
  const known = prices ?? { currency }
  const quoted = quote?.currency === currency ? quote : undefined
  const amount = quoted ? unitsOf(quoted.amount) : 0n
  const index = lists ? RECORD_BYTES + stored.blocks * TOC_ENTRY_BYTES : 0
  const bytes = stored.byteLength + index
  const once = {
    storage: quoted?.per === 'once' ? amount : storedOnce(known, bytes),
    requests: requested(known, { writes: writesIn(asked, index), reads: readsIn(asked) }),
    readBack: readBack(known, readBackIn(stored) + index),
  }
  const retries = ceilDiv((once.requests + once.readBack) * failureRate(asked.measured), MILLION)
  const audit = auditOf(asked)
  const monthly = {
    storage: quoted?.per === 'month' ? amount : storedMonthly(known, bytes),
    requests: requested(known, { writes: 0, reads: audit.reads }),
    egress: readBack(known, audit.readBytes),
  }
  const upFront = once.storage + once.requests + once.readBack + retries
  const perMonth = monthly.storage + monthly.requests + monthly.egress
  return {
    estimate: {
      ...base,
      basis: quoted ? 'quote' : 'prices',
      currency,
      upFront: {
        storage: amountOf(once.storage),
        requests: amountOf(once.requests),
        readBack: amountOf(once.readBack),
        retries: amountOf(retries),
        total: amountOf(upFront),
      },
      perMonth: {
        storage: amountOf(monthly.storage),
        requests: amountOf(monthly.requests),
        proofs: 0,
        egress: amountOf(monthly.egress),
        total: amountOf(perMonth),
      },
      notes: notesOf(asked, quoted),
    },
    bill: { once: purseOf([[currency, upFront]]), monthly: purseOf([[currency, perMonth]]) },
  }
}

const NOTHING_UP_FRONT: VaultEstimate['upFront'] = { storage: 0, requests: 0, readBack: 0, retries: 0, total: 0 }
const NOTHING_MONTHLY: VaultEstimate['perMonth'] = { storage: 0, requests: 0, proofs: 0, egress: 0, total: 0 }

/** Packs of equal size, and the index pack. */
function writesIn({ profile, stored, lists }: Asked, index: number): number {
  const each = stored.packs === 0 ? 0 : Math.ceil(stored.byteLength / stored.packs)
  return stored.packs * writesOf(profile, each) + (lists ? writesOf(profile, index) : 0)
}

function readsIn({ profile, stored, lists }: Asked): number {
  const packs = stored.packs + (lists ? 1 : 0)
  const blocks = profile.cold ? 0 : Math.min(stored.blocks, packs * READ_BACK_BLOCKS)
  return packs * ASKED_PER_PACK + blocks
}

function readBackIn({ byteLength, packs, blocks, objects }: Stored): number {
  if (packs === 0 || byteLength / packs <= READ_BACK_WHOLE_BYTES) return byteLength
  return Math.min(byteLength, Math.ceil((packs * READ_BACK_BLOCKS * Math.max(1, objects / packs) * byteLength) / Math.max(1, blocks)))
}

/** Reads and bytes of a month's verification. Where the vault's word will do, it is asked and not read. */
function auditOf({ profile, stored, rules, draws }: Asked): { readonly reads: number; readonly readBytes: number } {
  const times = MONTH_DAYS / (rules.maxAgeDays * RENEWED_AT)
  const byWord = profile.cold || rules.accept.every((word) => word === 'listed' || word === 'proven')
  if (byWord) return { reads: Math.ceil(times * stored.packs), readBytes: 0 }
  const wholeOnly = !rules.accept.includes('sampled')
  const blocks = wholeOnly ? stored.blocks : Math.min(stored.blocks, stored.objects * (draws + 1))
  const readBytes = stored.blocks === 0 ? 0 : Math.ceil((times * blocks * stored.byteLength) / stored.blocks)
  return { reads: Math.ceil(times * blocks), readBytes }
}

/** In millionths. */
function failureRate(measured: Usage | undefined): bigint {
  const calls = measured ? measured.writes + measured.reads : 0
  return measured && calls > 0 ? BigInt(Math.ceil((measured.failed / calls) * 1_000_000)) : 0n
}

function notesOf({ profile, quote }: Asked, quoted: Quote | undefined): readonly string[] {
  const notes: string[] = []
  if (quote && !quoted) notes.push(`its own quote is in ${quote.currency} and is left out: ${quote.amount} ${quote.currency} ${quote.per}`)
  if (quoted && !profile.prices) notes.push('storage by its own quote; it states no prices for requests and reads')
  if (profile.term === 'renewable') notes.push('renewable: it must be paid again when its term ends')
  if (profile.cold) notes.push('cold: what a restore costs is not in the sums')
  return notes
}
