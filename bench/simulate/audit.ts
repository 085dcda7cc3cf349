/** One audit of one replica: open probes and the next of the rotation, asked and judged as flow/challenge.ts judges them. */
import type { Unanswered, Verdict } from '../../src/contracts/policy.ts'
import { permutation } from '../../src/policy/rotation.ts'
import { type Kept, type Known, type Life, placeIn, type Row, whenAwake } from './life.ts'
import { nextWindow, spend } from './money.ts'
import { learnTerm } from './renew.ts'
import { consider } from './repair.ts'
import { DAY } from './scenario.ts'
import { hush, isHeard } from './silence.ts'
import { learnFrom } from './trust.ts'
import { type Answer, answers, ask, claims, type Place } from './world.ts'

const SEED_BYTES = 32
/** What is lost may come back; it is asked for again after so many pauses, whether it is being repaired or not. */
const LOST_PAUSE = 4

/** Verdicts that speak of loss. */
export const LOST: ReadonlySet<Verdict> = new Set(['damaged', 'missing'])

/** Plans the next audit of a replica; what was planned before is void. */
export function planAudit(life: Life, object: Kept, known: Known, when: number): void {
  const plan = ++known.plan
  whenAwake(life, when, () => {
    if (known.plan !== plan || object.replicas.get(known.vault) !== known) return
    audit(life, object, known)
  })
}

function audit(life: Life, object: Kept, known: Known): void {
  const { keeper, rules, scenario } = life
  if (!keeper.configured.has(known.vault) || known.state !== 'placed') return
  if (rules.probesFirst && !isHeard(life, known.vault)) {
    hush(life, object, known)
    planAudit(life, object, known, life.now + scenario.retryDays * DAY)
    consider(life, object)
    return
  }
  const ordinals = probesOf(life, object, known)
  if (!spend(life, 'audits', ordinals.length * placeIn(life, known.vault).readPrice)) {
    life.checker.refused(object)
    life.note(() => `audit of ${object.id} in ${known.vault} waits for money`)
    planAudit(life, object, known, nextWindow(life))
    return
  }
  const row = challenge(life, object, known, ordinals)
  life.counts.audits++
  const { verdict, at } = row
  const again = life.now + scenario.retryDays * DAY * (LOST.has(verdict) ? LOST_PAUSE : 1)
  const name = `${object.id} ${known.vault}`
  const next = verdict === 'intact' ? rules.dueAt({ name, lastAt: at, maxAgeDays: scenario.policy.evidence.maxAgeDays }) : again
  planAudit(life, object, known, next)
  if (row.verdict !== 'intact' || object.state !== 'satisfied') consider(life, object)
}

/** Open probes, and the next ones of the rotation: without replacement, in an order that nobody can foresee. */
function probesOf(life: Life, object: Kept, known: Known): readonly number[] {
  const { rules, scenario, chance } = life
  const count = Math.min(scenario.sample, object.blocks)
  const drawn = new Set(known.unanswered.map(({ ordinal }) => ordinal))
  if (count === object.blocks) return [...drawn.keys(), ...everyOrdinal(object).filter((ordinal) => !drawn.has(ordinal))]
  const random = () => chance.keeper.bytes(SEED_BYTES)
  const { indexes, next } = rules.rotate(known.rotation, { population: object.blocks, count, random, orderOf })
  known.rotation = next
  for (const index of indexes) drawn.add(index)
  return [...drawn]
}

/** An order is kept as long as its seed: it is asked for in every audit of a round. */
const orders = new WeakMap<Uint8Array, Uint32Array>()

function orderOf(seed: Uint8Array, size: number): Uint32Array {
  const known = orders.get(seed)
  if (known?.length === size) return known
  const order = permutation(seed, size)
  orders.set(seed, order)
  return order
}

const everyOrdinal = ({ blocks }: Kept): readonly number[] => Array.from({ length: blocks }, (_, ordinal) => ordinal)

const billAudit = (life: Life) => (place: Place, cost: number) => life.checker.billed(place, 'audits', cost)

/** Asks, judges, records. The money is the caller's business. */
export function challenge(life: Life, object: Kept, known: Known, ordinals: readonly number[] | 'all', bill = billAudit(life)): Row {
  const place = placeIn(life, known.vault)
  const asked = ordinals === 'all' ? everyOrdinal(object) : ordinals
  const found = asked.map((ordinal) => ({ ordinal, answer: ask(life.world, place, { object: object.id, ordinal, now: life.now }) }))
  const read = found.filter(({ answer }) => answer === 'intact' || answer === 'wrong').length
  life.counts.blocksRead += read
  bill(place, read * place.readPrice)
  learnFrom(life, known.vault, found)
  const believed = life.rules.believes && answers(life.world, place, life.now) && claims(place, object.id)
  const { verdict, unanswered } = believed ? { verdict: 'intact' as const, unanswered: [] } : judged(life, known, found)
  const answered = verdict === 'intact' || verdict === 'damaged' || verdict === 'missing'
  const row: Row = {
    verdict,
    possession: verdict === 'intact' ? 'listed' : 'claimed',
    retrieval: answered ? (ordinals === 'all' ? 'whole' : 'sampled') : 'none',
    at: life.now,
    object: ordinals === 'all' ? 0 : object.id,
  }
  known.rows = [row, ...known.rows.filter(({ retrieval }) => retrieval !== row.retrieval)]
  known.unanswered = unanswered
  if (verdict === 'intact') learnTerm(life, object, known)
  if (verdict !== 'intact') life.note(() => `object ${object.id} in ${known.vault}: ${verdict}`)
  return row
}

function judged(
  life: Life,
  known: Known,
  found: readonly { readonly ordinal: number; readonly answer: Answer }[],
): { readonly verdict: Verdict; readonly unanswered: readonly Unanswered[] } {
  const of = (wanted: Answer) => found.filter(({ answer }) => answer === wanted)
  const [wrong, absent, silent] = [of('wrong'), of('absent'), of('silent')]
  const intact = found.length - wrong.length - absent.length - silent.length
  if (wrong.length + absent.length + silent.length === 0) return { verdict: 'intact', unanswered: [] }
  const asked = new Set(silent.map(({ ordinal }) => ordinal))
  const { stillSilent, missing } = life.rules.contain({
    unanswered: known.unanswered.filter(({ ordinal }) => asked.has(ordinal)),
    results: silent.map(({ ordinal }) => ({ ordinal, outcome: 'silent' as const })),
    othersAnswered: intact > 0,
    now: life.now,
    graceDays: life.scenario.policy.graceDays,
  })
  const kept = [...[...wrong, ...absent].map(({ ordinal }) => ({ ordinal, since: life.now, tries: 0 })), ...missing, ...stillSilent]
  if (wrong.length > 0) return { verdict: 'damaged', unanswered: kept }
  if (absent.length > 0) return { verdict: intact > 0 ? 'damaged' : 'missing', unanswered: kept }
  if (missing.length > 0) return { verdict: 'missing', unanswered: kept }
  return { verdict: intact > 0 ? 'incomplete' : 'unreachable', unanswered: kept }
}

/** Asks a replica that is believed to be lost once more: the same probes, and a few others. False when there is no money for it. */
export function askAgain(life: Life, object: Kept, known: Known): boolean {
  // What a whole read found wrong is taken back by a whole read only.
  const whole = known.rows.some(({ verdict, retrieval }) => LOST.has(verdict) && retrieval === 'whole')
  const ordinals = whole ? 'all' : probesOf(life, object, known)
  const count = ordinals === 'all' ? object.blocks : ordinals.length
  if (!spend(life, 'audits', count * placeIn(life, known.vault).readPrice)) {
    life.checker.refused(object)
    return false
  }
  challenge(life, object, known, ordinals)
  return true
}
